"""Which request something belongs to: its id, minted at the edge (`x-request-id`) and passed from service to service, and its place in a
trace, if any. Both are kept with the task that a call creates, so that the task's work belongs to the same request even hours later."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from services.platform.telemetry import tracing

TRACE_HEADER = "x-request-id"
_SEPARATOR = " "

_trace_id: ContextVar[str] = ContextVar("trace_id", default="")


def current_trace_id() -> str:
    """The request id of the call being served; empty outside of one."""
    return _trace_id.get()


def set_trace_id(trace_id: str) -> None:
    """Make `trace_id` the request id for the rest of the current call or task."""
    _trace_id.set(trace_id)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a task comes from, as stored in its row and its hints: the request id and, if the request is traced, its `traceparent`."""

    request_id: str
    trace_parent: str = ""

    @classmethod
    def parse(cls, text: str) -> Origin:
        """The origin whose `str()` this is."""
        request_id, _, trace_parent = text.partition(_SEPARATOR)
        return cls(request_id, trace_parent)

    @classmethod
    def current(cls) -> Origin:
        """The request being served, with its current span as parent of later spans."""
        return cls(current_trace_id().replace(_SEPARATOR, ""), tracing.trace_parent())

    def __str__(self) -> str:
        return self.request_id + (_SEPARATOR + self.trace_parent if self.trace_parent else "")
