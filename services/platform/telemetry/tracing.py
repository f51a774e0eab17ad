"""OpenTelemetry traces: one for each request, from the edge to the result, exported by OTLP over gRPC.

Whether a request is traced is decided at the edge, and travels with it (W3C Trace Context, https://www.w3.org/TR/trace-context/).
Everything behind the edge follows that; only a public listener that is called directly may start a trace itself. Without an endpoint
to export to there is no provider, and a call costs a comparison.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context, trace
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform import log

TRACE_PARENT = "traceparent"
_EXPORT_SECONDS = 5
_PROPAGATOR = TraceContextTextMapPropagator()
_NOTHING = NoOpTracer()
_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)

Attributes = Mapping[str, str | int | float | bool]


@contextmanager
def exporting(service: str, endpoint: str | None, ratio: float) -> Iterator[None]:
    """Export the spans of this context, and of tasks that begin in it, to `endpoint` (`http://host:port` or `https://…`) until the block
    ends; nothing if it is None.

    `ratio` is the share of requests to trace among those that arrive without a decision. Spans that cannot be exported are dropped. The
    exporter reads its other settings, such as headers and certificates, from OpenTelemetry's own environment variables.
    """
    if endpoint is None:
        yield
        return
    # Imported only when used: it is larger than everything else that a service imports for telemetry.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: f"darkroom-{service}", SERVICE_INSTANCE_ID: f"{socket.gethostname()}:{os.getpid()}"}),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        # The process flushes when it shuts down, not when the interpreter exits.
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_SECONDS)))
    _tracer.set(provider.get_tracer("darkroom"))
    try:
        yield
    finally:
        provider.shutdown()


def is_enabled() -> bool:
    """Whether spans are exported here."""
    return _tracer.get() is not None


def trace_parent() -> str:
    """The current span as a `traceparent`; empty if no span is being recorded."""
    if not trace.get_current_span().is_recording():
        return ""
    return headers()[TRACE_PARENT]


def headers() -> dict[str, str]:
    """Headers that carry the current trace to the callee; empty outside of a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def enter(parent: str, name: str, kind: SpanKind, attributes: Attributes) -> Span:
    """Begin a span below `parent` (a `traceparent`; if empty, a new trace) and make it current until the end of the calling asyncio task.
    The caller ends the span."""
    above = _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else context.Context()
    span = _here().start_span(name, context=above, kind=kind, attributes=dict(attributes))
    context.attach(trace.set_span_in_context(span))
    if span.is_recording():
        log.bind_to_context(otel_trace_id=trace.format_trace_id(span.get_span_context().trace_id))
    return span


@contextmanager
def below(parent: str, name: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
    """A span below `parent`, a `traceparent`. Without one, nothing in the block is traced, even if a trace is current around it."""
    above = _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else context.Context()
    token = context.attach(above)
    try:
        if not parent:
            yield trace.INVALID_SPAN
            return
        with _here().start_as_current_span(name, kind=kind, attributes=dict(attributes)) as span, _logged(span):
            yield span
    finally:
        context.detach(token)


@contextmanager
def within(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None) -> Iterator[Span]:
    """A span below the current one; nothing if the current one is not recorded."""
    if not trace.get_current_span().is_recording():
        yield trace.INVALID_SPAN
        return
    with _here().start_as_current_span(name, kind=kind, attributes=dict(attributes or {})) as span:
        yield span


def begin(name: str, kind: SpanKind, attributes: Attributes) -> tuple[Span | None, Mapping[str, str]]:
    """Begin a span below the current one, which stays current; returns it and the headers that carry it to a callee. The caller ends it.
    Nothing if the current one is not recorded."""
    if not trace.get_current_span().is_recording():
        return None, headers()
    span = _here().start_span(name, kind=kind, attributes=dict(attributes))
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return span, carrier


def _here() -> Tracer:
    return _tracer.get() or _NOTHING


@contextmanager
def _logged(span: Span) -> Iterator[None]:
    """Put the trace of a span into the log lines of the block, if the span is recorded."""
    if not span.is_recording():
        yield
        return
    with log.bind(otel_trace_id=trace.format_trace_id(span.get_span_context().trace_id)):
        yield


def mark_failed(span: Span, reason: str) -> None:
    """Mark a span as failed."""
    span.set_status(Status(StatusCode.ERROR, reason))
