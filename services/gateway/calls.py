"""The steps of every request: identity, scopes, a limit on how many at a time, trace, log, and errors in the surface's form."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from google.protobuf.descriptor import MethodDescriptor
from opentelemetry.trace import Span
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from darkroom.common.v1 import scope_pb2
from services.gateway.replies import refusal
from services.platform import log
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import ADDRESS_HEADER, IDENTITY_HEADER, Client, Identity, Verifier, set_client, set_identity
from services.platform.rpc.metrics import observe_call
from services.platform.rpc.spans import begin_call, end_call
from services.platform.rpc.surfaces import Surface
from services.platform.rpc.trace import TRACE_HEADER, set_trace_id
from services.platform.scopes import require_scope
from services.platform.slots import Slots
from services.platform.telemetry import tracing

Handle = Callable[[Request, Identity], Awaitable[Response]]
OpenHandle = Callable[[Request, Identity | None], Awaitable[Response]]
Refused = Callable[[Exception, dict[str, object]], Response]
"""Turns what was raised into a reply, and notes for the log what it was (`code`, `reason`)."""
_CLIENT_GONE = 499
_logger = log.get_logger()


class Calls:
    """Serves requests that stand for a public method."""

    def __init__(self, verifier: Verifier, slots: Slots) -> None:
        self._verifier, self._slots = verifier, slots

    def endpoint(
        self, surface: Surface, method: MethodDescriptor, scopes: Sequence[scope_pb2.Scope.ValueType], handle: Handle
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint of the application. The caller's key must have all of the scopes."""
        name = f"/{method.containing_service.full_name}/{method.name}"

        async def serve(request: Request) -> Response:
            with self._call(name, request) as outcome:
                try:
                    identity = self._verifier.identity(request.headers.get(IDENTITY_HEADER, ""))
                    set_identity(identity)
                    set_client(Client(request.headers.get(ADDRESS_HEADER), request.headers.get("user-agent")))
                    log.bind_to_context(account_id=identity.account_id)
                    for scope in scopes:
                        require_scope(scope, identity)
                    with self._slots.take(identity.account_id):
                        return await handle(request, identity)
                except ClientDisconnect:
                    outcome |= {"code": "CANCELLED"}
                    return Response(status_code=_CLIENT_GONE)
                except asyncio.CancelledError:
                    error = _ending()
                except DarkroomError as raised:
                    error = raised
                except Exception as raised:
                    _logger.exception("request_unhandled", exc_info=raised)
                    error = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it.")
                outcome |= {"code": error.grpc_code.name, "reason": error.reason.value}
                return refusal(surface, error)

        return serve

    def open_endpoint(self, name: str, handle: OpenHandle, refused: Refused) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that also serves callers without an identity. `refused` words an error, known to the platform or not."""

        async def serve(request: Request) -> Response:
            with self._call(name, request) as outcome:
                try:
                    identity = self._identity(request)
                    return await handle(request, identity)
                except ClientDisconnect:
                    outcome |= {"code": "CANCELLED"}
                    return Response(status_code=_CLIENT_GONE)
                except asyncio.CancelledError:
                    return refused(_ending(), outcome)
                except Exception as raised:  # noqa: BLE001 - the boundary: whatever was raised becomes one reply
                    return refused(raised, outcome)

        return serve

    def _identity(self, request: Request) -> Identity | None:
        """The caller, who may be nobody. Raises API_KEY_INVALID and UNAVAILABLE."""
        set_client(Client(request.headers.get(ADDRESS_HEADER), request.headers.get("user-agent")))
        token = request.headers.get(IDENTITY_HEADER, "")
        if not token:
            return None
        identity = self._verifier.identity(token)
        set_identity(identity)
        log.bind_to_context(account_id=identity.account_id)
        return identity

    @contextmanager
    def _call(self, name: str, request: Request) -> Iterator[dict[str, object]]:
        """Bind the trace, and write one line when the call has ended. The reply goes first."""
        trace_id = (request.headers.get(TRACE_HEADER) or str(uuid.uuid4()))[:64]
        set_trace_id(trace_id)
        outcome: dict[str, object] = {"code": "OK"}
        started = time.perf_counter()
        with log.bind(trace_id=trace_id):
            span = begin_call(name, dict(request.headers), trace_id, root=True) if tracing.is_enabled() else None
            try:
                yield outcome
            finally:
                asyncio.get_running_loop().call_soon(_record, name, outcome, time.perf_counter() - started, span)


def _ending() -> DarkroomError:
    """The error of a request that is cancelled: the service is stopping, and no request is cancelled for another cause."""
    return DarkroomError(ErrorReason.UNAVAILABLE, "The service is restarting. Try again.")


def _record(name: str, outcome: Mapping[str, object], seconds: float, span: Span | None) -> None:
    observe_call(name, str(outcome["code"]), seconds)
    if span is not None:
        end_call(span, str(outcome["code"]), str(outcome.get("reason", "")) or None)
    _logger.info("call", method=name, milliseconds=round(seconds * 1000, 1), **outcome)
