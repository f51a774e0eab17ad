"""The one interceptor of every server: trace, identity, access, validation, errors, metrics and logs of calls."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
from opentelemetry.trace import Span

from darkroom.common.v1 import options_pb2
from services.platform import log
from services.platform.delegation import DELEGATED
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.idempotent_call import CONTENT_HEADER
from services.platform.idempotent_call import HEADER as IDEMPOTENCY_HEADER
from services.platform.identity import (
    ADDRESS_HEADER,
    GATEWAY,
    IDENTITY_HEADER,
    Client,
    Identity,
    Verifier,
    current_identity,
    set_client,
    set_identity,
)
from services.platform.joining import URN
from services.platform.rpc.decoding import lenient, readable, require_readable
from services.platform.rpc.idempotency import set_idempotency
from services.platform.rpc.metrics import observe_call
from services.platform.rpc.open_calls import OpenCalls
from services.platform.rpc.policy import MethodPolicy, PolicyTable
from services.platform.rpc.spans import begin_call, end_call
from services.platform.rpc.surfaces import error_trailers
from services.platform.rpc.trace import TRACE_HEADER, set_trace_id
from services.platform.rpc.unknown_fields import UNKNOWN_FIELDS_HEADER, set_unknown_fields, unknown_fields, with_unknown_fields
from services.platform.rpc.validation import RequestValidator
from services.platform.scopes import require_scope
from services.platform.telemetry import tracing

if TYPE_CHECKING:
    from services.platform.revocations import RevokedWorkers

Listener = Literal["public", "internal"]
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_Result = TypeVar("_Result")
_logger = log.get_logger()
_SLOW_SECONDS = 1.0
# Third-party protos, which lack our rules. Successful calls of theirs are not logged.
_QUIET = ("/grpc.health.v1.Health/", "/envoy.service.", "/externalscaler.ExternalScaler/")


class CallInterceptor:
    """Wraps each method of one listener.

    Servicers and the domain below them deliberately raise only `DarkroomError`; anything else is logged and becomes INTERNAL.
    """

    def __init__(
        self,
        listener: Listener,
        policies: PolicyTable,
        verifier: Verifier,
        open_calls: OpenCalls | None = None,
        revoked: RevokedWorkers | None = None,
        *,
        certified: bool = False,
    ) -> None:
        """`certified`: callers have shown certificates, which name them. `revoked` refuses workers from other machines."""
        self._listener = listener
        self._certified = certified
        self._policies = policies
        self._verifier = verifier
        self._open_calls = open_calls or OpenCalls()
        self._revoked = revoked
        self._validator = RequestValidator()
        self._traced = tracing.is_enabled()

    def wrap(self, handler: Handler, method: str) -> Handler:
        """The handler of a method, by its full path `/package.Service/Method`, with all this around it."""
        policy = self._policies.of(method)
        codecs: dict[str, Any] = {
            "request_deserializer": lenient(handler.request_deserializer or bytes),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, method, policy), **codecs)
        if handler.unary_stream is not None:
            codecs["response_serializer"] = _unless_serialized(handler.response_serializer or bytes)
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, method, policy), **codecs)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._unary(self._of_valid(handler.stream_unary), method, policy), **codecs)
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(self._stream(self._of_valid(handler.stream_stream), method, policy), **codecs)
        return handler

    def _unary(self, call: Callable[..., Any], method: str, policy: MethodPolicy) -> Callable[..., Any]:
        async def handle(request: object, context: Context) -> object:
            served = self._begin(context, method, policy)
            try:
                self._admit(request, context, served)
                if not policy.waits(request):
                    return await call(request, context)
                with self._lasting():
                    return await call(request, context)
            except asyncio.CancelledError:
                served.code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: whatever was raised becomes one public error
                return await _abort(context, served, error)
            finally:
                served.end()

        return handle

    def _stream(self, call: Callable[..., Any], method: str, policy: MethodPolicy) -> Callable[..., Any]:
        async def handle(request: object, context: Context) -> AsyncIterator[object]:
            served = self._begin(context, method, policy)
            try:
                self._admit(request, context, served)
                with self._lasting():
                    responses, caller = call(request, context), current_identity()
                    if inspect.isawaitable(responses):  # A servicer may write to the context and yield nothing, as gRPC's health does.
                        await (responses if caller.worker is None else self._while_member(caller, responses))
                        return
                    async for response in responses if caller.worker is None else self._of_member(caller, responses):
                        yield response
            except asyncio.CancelledError:
                served.code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: whatever was raised becomes one public error
                await _abort(context, served, error)
            finally:
                served.end()

        return handle

    def _begin(self, context: Context, method: str, policy: MethodPolicy) -> _Served:
        """Read what came with a call, and bind its trace. gRPC runs each call in a context of its own, in which that stays."""
        metadata = dict(context.invocation_metadata() or ())
        trace_id = str(metadata.get(TRACE_HEADER) or uuid.uuid4())[:64]
        set_trace_id(trace_id)
        log.bind_to_context(trace_id=trace_id)
        # When the edge is bypassed, a trace may begin here.
        span = begin_call(method, metadata, trace_id, root=self._listener == "public") if self._traced else None
        logged = self._listener == "public" and not policy.reads
        return _Served(method, policy, metadata, span, logged=logged, quiet=method.startswith(_QUIET))

    def _admit(self, request: object, context: Context, served: _Served) -> None:
        """Establish the identity, refuse callers without permission, and check the request's rules."""
        metadata, policy = served.metadata, served.policy
        if policy.access == options_pb2.ACCESS_ACCOUNT and self._listener == "public":
            identity = self._verifier.identity(str(metadata.get(IDENTITY_HEADER, "")))
            require_scope(policy.scope, identity)
        elif policy.access == options_pb2.ACCESS_SERVICE and self._listener == "internal":
            identity = self._calling_service(context, str(metadata.get("authorization", "")), policy)
        elif policy.access == options_pb2.ACCESS_WORKER and self._listener == "internal":
            worker = self._joined_worker(context)
            if worker is None:
                raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This method is for workers that have joined from other machines.")
            identity = Identity(account_id=0, service=DELEGATED, worker=worker)
            log.bind_to_context(caller=worker)
        elif policy.access == options_pb2.ACCESS_ANYONE:
            # The edge names the caller also where it need not.
            token = _text(metadata.get(IDENTITY_HEADER)) if self._listener == "public" else None
            identity = self._verifier.identity(token) if token else Identity(account_id=0)
            if policy.callers:
                self._require_certificate(context, policy.callers)
        else:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This method cannot be called here.")
        if self._listener == "public":
            set_client(Client(_text(metadata.get(ADDRESS_HEADER)), _text(metadata.get("user-agent"))))
        set_identity(identity)
        log.bind_to_context(account_id=identity.account_id)
        require_readable(request)
        if isinstance(request, Message) and not served.quiet:
            self._take_unknown(request, metadata, policy)
            try:
                self._validator.check(request)
            except DarkroomError as error:
                raise with_unknown_fields(error) from None
            key = metadata.get(IDEMPOTENCY_HEADER) if policy.takes_idempotency_key else None
            # Nobody else knows what the files contain.
            content = metadata.get(CONTENT_HEADER) if identity.service == GATEWAY else None
            set_idempotency(served.method, str(key) if key is not None else None, request, str(content) if content is not None else None)

    def _calling_service(self, context: Context, authorization: str, policy: MethodPolicy) -> Identity:
        """The service that calls, or the joined worker."""
        identity = self._verifier.service(authorization)
        log.bind_to_context(caller=identity.service)
        if identity.service is None or identity.service not in policy.callers:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, f"The service {identity.service} may not call this method.")
        self._require_certificate(context, {identity.service})
        if identity.worker != self._joined_worker(context):
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This token is not for the holder of this certificate.")
        if identity.worker is not None and self._revoked is not None:
            self._revoked.check(identity.worker)
        return identity

    def _of_valid(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call that takes a stream, with every message of it checked."""

        async def valid(requests: AsyncIterator[object]) -> AsyncIterator[object]:
            async for request in readable(requests):
                if isinstance(request, Message):
                    self._validator.check(request)
                yield request

        return lambda requests, context: call(valid(requests), context)

    def _take_unknown(self, request: Message, metadata: Mapping[str, Any], policy: MethodPolicy) -> None:
        """Keep the fields that the call does not have for its reply, or refuse them."""
        named = metadata.get(UNKNOWN_FIELDS_HEADER) if self._listener == "public" else None
        fields = unknown_fields(str(named), request) if named else ()
        if fields and not policy.names_unknown_fields:
            raise fields[0].refusal()
        set_unknown_fields(fields)

    async def _of_member(self, caller: Identity, responses: AsyncIterator[object]) -> AsyncIterator[object]:
        """The stream of a joined worker, as long as it is a member."""
        while True:
            try:
                response = await self._while_member(caller, anext(responses))
            except StopAsyncIteration:
                return
            yield response

    async def _while_member(self, caller: Identity, work: Awaitable[_Result]) -> _Result:
        """Work for a joined worker. Breaks it off with UNAVAILABLE when its delegation ends, so that it calls again with the next, and with
        PERMISSION_DENIED when it is revoked."""
        assert caller.worker is not None
        loop = asyncio.get_running_loop()

        def end() -> None:
            if not left.expired():
                left.reschedule(loop.time())

        try:
            async with asyncio.timeout(caller.ends - time.time()) as left:
                with self._revoked.watching(caller.worker, end) if self._revoked is not None else nullcontext():
                    return await work
        except TimeoutError:
            if not left.expired():
                raise
            if self._revoked is not None:
                self._revoked.check(caller.worker)
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker's delegation has expired. Call again with a new one.") from None

    def _lasting(self) -> AbstractContextManager[None]:
        """Count a client's call that stays open. Raises TOO_MANY_STREAMS."""
        caller = current_identity()
        if self._listener != "public" or not caller.account_id:
            return nullcontext()
        return self._open_calls.one(caller.account_id, caller.max_streams)

    def _require_certificate(self, context: Context, names: Collection[str]) -> None:
        """Refuse a caller whose certificate does not have one of the names."""
        if self._certified and not {name.encode() for name in names} & set(context.auth_context().get("x509_subject_alternative_name", ())):
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This method is not for the holder of this certificate.")

    def _joined_worker(self, context: Context) -> str | None:
        """The full name of the worker whose certificate the caller has shown, if it has joined from another machine."""
        names = context.auth_context().get("x509_subject_alternative_name", ()) if self._certified else ()
        return next((name.decode() for name in names if name.startswith(URN.encode())), None)


class _Served:
    """A call from its beginning to its end."""

    __slots__ = ("_logged", "_span", "_started", "code", "metadata", "method", "policy", "quiet", "reason")

    def __init__(
        self, method: str, policy: MethodPolicy, metadata: Mapping[str, Any], span: Span | None, *, logged: bool, quiet: bool
    ) -> None:
        self._started = time.perf_counter()
        self.method, self.policy, self.metadata, self.quiet = method, policy, metadata, quiet
        self._span, self._logged = span, logged
        self.code, self.reason = "OK", ""

    def end(self) -> None:
        """Count it, and log what an operator looks for: failures, slow calls, and whatever clients change. The reply goes first."""
        asyncio.get_running_loop().call_soon(self._record, time.perf_counter() - self._started)

    def _record(self, seconds: float) -> None:
        observe_call(self.method, self.code, seconds)
        if self._span is not None:
            end_call(self._span, self.code, self.reason or None)
        if self.code == "OK" and self.quiet:
            return
        level = logging.INFO if self._logged or self.code != "OK" or seconds >= _SLOW_SECONDS else logging.DEBUG
        if _logger.is_enabled_for(level):
            told = {"reason": self.reason} if self.reason else {}
            _logger.log(level, "rpc", method=self.method, milliseconds=round(seconds * 1000, 1), code=self.code, **told)


def _unless_serialized(serializer: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A stream may also yield messages that are serialized already, as one that goes to many clients is."""
    return lambda response: response if isinstance(response, bytes) else serializer(response)


def _text(value: str | bytes | None) -> str | None:
    return value if isinstance(value, str) else None


async def _abort(context: Context, served: _Served, raised: Exception) -> NoReturn:
    """End the call with the error, in gRPC's form and in the surface's."""
    if isinstance(raised, DarkroomError):
        error = raised
    elif isinstance(raised, grpc.aio.AioRpcError):
        error = from_rpc(raised)
        _logger.warning("rpc_dependency_failed", code=str(raised.code()), details=raised.details())
    elif isinstance(raised, grpc.aio.AbortError):
        raise raised
    else:
        error = DarkroomError(ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it.")
        _logger.exception("rpc_unhandled", exc_info=raised)
    served.code, served.reason = error.grpc_code.name, error.reason.value
    trailers: tuple[tuple[str, str | bytes], ...] = (*error.trailers(), *error_trailers(served.policy.surface, error))
    await context.abort(error.grpc_code, error.message, trailers)
