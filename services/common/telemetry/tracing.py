"""OpenTelemetry traces: one for each request, from the edge to the result, exported by OTLP over gRPC.

Whether a request is traced is decided where it comes in, at the edge, and travels with it (W3C Trace Context, https://www.w3.org/TR/trace-context/).
Everything behind goes by that; nothing starts a trace by itself but a public listener that is called past the edge. Without an endpoint
to export to there is no provider, and a call costs a comparison.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common import log

TRACE_PARENT = "traceparent"
_EXPORT_SECONDS = 5
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("darkroom")

Attributes = Mapping[str, str | int | float | bool]


@contextmanager
def exporting(service: str, endpoint: str | None, ratio: float) -> Iterator[None]:
    """Export the spans of this process to `endpoint` (`http://host:port` or `https://…`) until the block ends; nothing if it is None.

    `ratio` is the share of requests that are traced among those that bring no decision with them. What cannot be exported is dropped. The
    exporter reads the rest of its settings, such as headers and certificates, from OpenTelemetry's own environment variables. Once a
    process: the provider is OpenTelemetry's, and that has one.
    """
    if endpoint is None:
        yield
        return
    # Imported only where it is used: it is larger than everything else that a service imports for its telemetry.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: f"darkroom-{service}", SERVICE_INSTANCE_ID: f"{socket.gethostname()}:{os.getpid()}"}),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        # The process's own end flushes, and not that of the interpreter.
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_SECONDS)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def enabled() -> bool:
    """Whether this process exports spans."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def trace_parent() -> str:
    """The current span as a `traceparent`; empty if there is none that is recorded."""
    if not trace.get_current_span().is_recording():
        return ""
    return headers()[TRACE_PARENT]


def headers() -> dict[str, str]:
    """What carries the current trace to whoever is called; empty outside of one."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def enter(parent: str, name: str, kind: SpanKind, attributes: Attributes) -> Span:
    """Begin a span below `parent` (a `traceparent`; a trace of its own if it is empty) and make it the current one up to the end of the
    asyncio task that this is called in. The caller ends it."""
    above = _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else context.Context()
    span = _TRACER.start_span(name, context=above, kind=kind, attributes=dict(attributes))
    context.attach(trace.set_span_in_context(span))
    if span.is_recording():
        log.bind_to_context(otel_trace_id=trace.format_trace_id(span.get_span_context().trace_id))
    return span


@contextmanager
def below(parent: str, name: str, kind: SpanKind, attributes: Attributes) -> Iterator[Span]:
    """A span below `parent`, a `traceparent`; without one, nothing is traced in the block, whatever happens around it."""
    above = _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else context.Context()
    token = context.attach(above)
    try:
        if not parent:
            yield trace.INVALID_SPAN
            return
        with _TRACER.start_as_current_span(name, kind=kind, attributes=dict(attributes)) as span, _logged(span):
            yield span
    finally:
        context.detach(token)


@contextmanager
def within(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None) -> Iterator[Span]:
    """A span below the current one; nothing if that is not recorded."""
    if not trace.get_current_span().is_recording():
        yield trace.INVALID_SPAN
        return
    with _TRACER.start_as_current_span(name, kind=kind, attributes=dict(attributes or {})) as span:
        yield span


@contextmanager
def _logged(span: Span) -> Iterator[None]:
    """Put the trace of a span into the log lines of the block, if it is recorded."""
    if not span.is_recording():
        yield
        return
    with log.bind(otel_trace_id=trace.format_trace_id(span.get_span_context().trace_id)):
        yield


def failed(span: Span, reason: str) -> None:
    """Mark a span as failed."""
    span.set_status(Status(StatusCode.ERROR, reason))
