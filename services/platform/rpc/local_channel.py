"""A channel whose unary calls go to a listener of the same process. Streams go over the network, as anybody else's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self

import grpc
from grpc.aio import AioRpcError
from opentelemetry.trace import Span

from services.platform.rpc.local import LocalContext, LocalListener, Metadata
from services.platform.rpc.spans import begin_request, end_request
from services.platform.telemetry import tracing

_OK = grpc.StatusCode.OK
# Seconds between attempts, as the network channel's policy has them on average.
_PAUSES = (0.1, 0.3, 0.9, 2.0)
_SPREAD = 0.2


class LocalChannel(grpc.aio.Channel):
    """Calls a listener of this process.

    A call works as over the network: messages are serialized, the servicer runs in a task and a context of its own, the caller's timeout
    and its cancellation end it, and errors arrive as `AioRpcError`. With `repeats`, a call that ends with UNAVAILABLE is repeated, too.
    """

    def __init__(self, listener: LocalListener, network: grpc.aio.Channel, max_reply_bytes: int, *, repeats: bool) -> None:
        self._listener, self._network, self._max_reply_bytes = listener, network, max_reply_bytes
        self._pauses = _PAUSES if repeats else ()
        self._traced = tracing.is_enabled()

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """A callable that calls a method."""
        serialize: Callable[[Any], bytes] = request_serializer or bytes
        read = self._reader(response_deserializer or bytes)

        def call(
            request: object, *, timeout: float | None = None, metadata: Metadata | None = None, wait_for_ready: bool | None = None
        ) -> LocalCall:
            span, headers = begin_request(method) if self._traced else (None, {})
            told = (*(metadata or ()), *headers.items())
            attempts = _Attempts(self._listener, method, serialize(request), told, self._pauses, wait_for_ready=bool(wait_for_ready))
            return LocalCall(attempts, read, timeout, span)

        return call

    def _reader(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def read(reply: bytes) -> Any:
            if len(reply) > self._max_reply_bytes:
                text = f"Received message larger than max ({len(reply)} vs. {self._max_reply_bytes})"
                raise AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata(), text)
            return deserialize(reply)

        return read

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method over the network."""
        return self._network.unary_stream(*arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method over the network."""
        return self._network.stream_unary(*arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        """A callable that calls a method over the network."""
        return self._network.stream_stream(*arguments, **options)

    async def channel_ready(self) -> None:
        """Wait until the listener is open."""
        await self._listener.opened()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """READY while the listener is open."""
        return grpc.ChannelConnectivity.READY if self._listener.is_open else grpc.ChannelConnectivity.CONNECTING

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Not needed within a process. Raises NotImplementedError."""
        raise NotImplementedError

    async def close(self, grace: float | None = None) -> None:
        """Close what the channel has on the network."""
        await self._network.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


class _Attempts:
    """The attempts of one call, each with a context of its own."""

    def __init__(
        self,
        listener: LocalListener,
        method: str,
        request: bytes,
        metadata: Metadata,
        pauses: tuple[float, ...],
        *,
        wait_for_ready: bool,
    ) -> None:
        self._listener, self._method, self._request, self._metadata = listener, method, request, metadata
        self._pauses, self._wait_for_ready = pauses, wait_for_ready
        self._task: asyncio.Task[bytes] | None = None
        self.context = LocalContext(metadata)

    def start(self, ended: Callable[[bytes | None], None]) -> None:
        """Begin. `ended` gets the reply, or None if the last attempt failed: then its context says how."""
        if self._listener.is_open:
            self.context = LocalContext(self._metadata)
            self._task = self._listener.start(self._method, self._request, self.context)
            self._task.add_done_callback(lambda task: self._attempted(task, ended))
        elif self._wait_for_ready and not self._listener.closed:
            self._later(self._listener.opened(), ended)
        else:
            self.context.code = grpc.StatusCode.UNAVAILABLE
            self.context.details = f"the listener at {self._listener.address} is {'closed' if self._listener.closed else 'not open yet'}"
            self._failed(ended)

    def cancel(self) -> None:
        """Give up."""
        if self._task is not None:
            self._task.cancel()

    def _attempted(self, task: asyncio.Task[bytes], ended: Callable[[bytes | None], None]) -> None:
        if task.cancelled():
            self.context.code, self.context.details = grpc.StatusCode.UNAVAILABLE, "The service is ending."
        elif (error := task.exception()) is not None and not isinstance(error, grpc.aio.AbortError):
            self.context.code, self.context.details = grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}"
        elif self.context.code is _OK:
            ended(task.result())
            return
        self._failed(ended)

    def _failed(self, ended: Callable[[bytes | None], None]) -> None:
        if self.context.code is not grpc.StatusCode.UNAVAILABLE or not self._pauses or self._listener.closed:
            ended(None)
            return
        pause, *left = self._pauses
        self._pauses = tuple(left)
        self._later(asyncio.sleep(pause * random.uniform(1 - _SPREAD, 1 + _SPREAD)), ended)

    def _later(self, waiting: Any, ended: Callable[[bytes | None], None]) -> None:
        async def wait() -> bytes:
            await waiting
            return b""

        self._task = asyncio.create_task(wait())
        self._task.add_done_callback(lambda task: None if task.cancelled() else self.start(ended))


class LocalCall:
    """A call under way, as `grpc.aio.UnaryUnaryCall` is."""

    def __init__(self, attempts: _Attempts, read: Callable[[bytes], Any], timeout: float | None, span: Span | None) -> None:
        loop = asyncio.get_running_loop()
        self._attempts, self._read, self._span = attempts, read, span
        self._reply: asyncio.Future[Any] = loop.create_future()
        self._reply.add_done_callback(self._on_end)
        self._timer = loop.call_later(max(timeout, 0), self._expire) if timeout is not None else None
        attempts.start(self._ended)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._reply.__await__()

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """The metadata ahead of the reply. Waits until the call has ended."""
        await self._wait()
        return grpc.aio.Metadata(*self._attempts.context.initial_metadata)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """The metadata after the reply. Waits until the call has ended."""
        await self._wait()
        return grpc.aio.Metadata(*self._attempts.context.trailing_metadata)

    async def code(self) -> grpc.StatusCode:
        """The status of the call. Waits until it has ended."""
        await self._wait()
        return self._code()

    async def details(self) -> str:
        """The text of the status. Waits until the call has ended."""
        await self._wait()
        error = None if self._reply.cancelled() else self._reply.exception()
        return (error.details() or "") if isinstance(error, AioRpcError) else ""

    async def _wait(self) -> None:
        if not self._reply.done():
            await asyncio.wait([self._reply])

    def cancel(self) -> bool:
        """Cancel the call; False if it has ended."""
        return self._reply.cancel()

    def cancelled(self) -> bool:
        """Whether the call was cancelled here."""
        return self._reply.cancelled()

    def done(self) -> bool:
        """Whether the call has ended."""
        return self._reply.done()

    def _code(self) -> grpc.StatusCode:
        if self._reply.cancelled():
            return grpc.StatusCode.CANCELLED
        error = self._reply.exception()
        return _OK if error is None else error.code() if isinstance(error, AioRpcError) else grpc.StatusCode.INTERNAL

    def _ended(self, reply: bytes | None) -> None:
        if self._reply.done():
            return
        if reply is None:
            told = self._attempts.context
            self._fail(told.code, told.details, told.initial_metadata, told.trailing_metadata)
            return
        try:
            self._reply.set_result(self._read(reply))
        except Exception as error:  # noqa: BLE001 - whoever awaits the reply gets it
            self._reply.set_exception(error)

    def _expire(self) -> None:
        if not self._reply.done():
            self._fail(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _fail(self, code: grpc.StatusCode, details: str, initial: Metadata = (), trailing: Metadata = ()) -> None:
        self._reply.set_exception(AioRpcError(code, grpc.aio.Metadata(*initial), grpc.aio.Metadata(*trailing), details))

    def _on_end(self, _reply: asyncio.Future[Any]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._attempts.cancel()
        # Also marks an error as seen, of a call that nobody awaits.
        code = self._code()
        if self._span is not None:
            end_request(self._span, code)
