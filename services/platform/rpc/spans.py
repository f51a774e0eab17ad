"""Spans of calls, on both sides, by the conventions of OpenTelemetry (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, Metadata
from opentelemetry.trace import Span, SpanKind

from services.platform.telemetry import tracing

# Codes that are the server's fault; the others are the caller's.
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
# Frequent calls that say nothing about a request.
_UNTRACED = ("/grpc.health.v1.Health/", "/darkroom.internal.tasks.v1.AttemptService/Heartbeat")


def begin_call(method: str, metadata: Mapping[str, str | bytes], request_id: str, *, root: bool) -> Span | None:
    """The span of a served call, current until the call ends; None if the call is in no trace. With `root`, a trace may begin here."""
    parent = str(metadata.get(tracing.TRACE_PARENT, ""))
    if (not parent and not root) or method.startswith(_UNTRACED):
        return None
    return tracing.enter(parent, method[1:], SpanKind.SERVER, {**_attributes(method), "darkroom.request_id": request_id})


def end_call(span: Span, code: str, reason: str | None) -> None:
    """End the span of a served call with its status and the reason of its error."""
    span.set_attribute("rpc.grpc.status_code", _number(code))
    if reason is not None:
        span.set_attribute("error.type", reason)
    if code in _FAULTS:
        tracing.mark_failed(span, reason or code)
    span.end()


def begin_request(method: str) -> tuple[Span | None, Mapping[str, str]]:
    """The span of a call that begins, and the headers that pass the trace to the other side; nothing outside of a recorded trace."""
    return (None, {}) if method.startswith(_UNTRACED) else tracing.begin(method[1:], SpanKind.CLIENT, _attributes(method))


def end_request(span: Span, code: grpc.StatusCode) -> None:
    """End the span of a call with its status."""
    _set_code(span, code)
    span.end()


class ClientSpans(grpc.aio.UnaryUnaryClientInterceptor):
    """Wraps each call of a channel in a span, and passes the trace to the other side."""

    async def intercept_unary_unary(
        self, continuation: Callable[[ClientCallDetails, Any], Any], client_call_details: ClientCallDetails, request: object
    ) -> Any:
        """Make the call."""
        # gRPC passes the method as bytes, despite its type annotations.
        method = _text(client_call_details.method)
        if method.startswith(_UNTRACED):
            return await continuation(client_call_details, request)
        with tracing.within(method[1:], SpanKind.CLIENT, _attributes(method)) as span:
            told = tracing.headers()
            if told:
                metadata = Metadata(*(client_call_details.metadata or ()), *told.items())
                before = client_call_details
                client_call_details = ClientCallDetails(before.method, before.timeout, metadata, before.credentials, before.wait_for_ready)
            call = await continuation(client_call_details, request)
            if span.is_recording():
                _set_code(span, await call.code())
            return call


def _set_code(span: Span, code: grpc.StatusCode) -> None:
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    if code is not grpc.StatusCode.OK:
        tracing.mark_failed(span, code.name)


def _attributes(method: str) -> dict[str, str]:
    service, _, name = method[1:].rpartition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method


def _number(code: str) -> int:
    number: int = grpc.StatusCode[code].value[0]
    return number
