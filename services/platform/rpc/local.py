"""Listeners of this process, for callers in the same process: what they serve is called without a connection.

A process that serves several services names their listeners with `hosting`; from then on, `channel` goes to them directly. Each listener
also serves its address, for everybody else.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

import grpc

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_hosted: dict[str, LocalListener] = {}


@contextmanager
def hosting(addresses: Collection[str]) -> Iterator[None]:
    """Until the block ends, calls of this process to these addresses go to its own listeners. They open, and close, within the block."""
    _hosted.update({address: LocalListener(address) for address in addresses})
    try:
        yield
    finally:
        for address in addresses:
            del _hosted[address]


def hosted(address: str) -> LocalListener | None:
    """The listener of this process at an address; None for one of another process."""
    return _hosted.get(address)


class LocalListener:
    """The methods of a listener, between its opening and its closing."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.closed = False
        """Whether it was open and will not open again: its process is ending."""
        self.largest = 0
        """Bytes of the largest request that it takes."""
        self._find: Callable[[str], Handler | None] | None = None
        self._context = contextvars.Context()
        self._opened = asyncio.Event()
        self._calls: set[asyncio.Task[bytes]] = set()

    def open(self, find: Callable[[str], Handler | None], largest: int) -> None:
        """Serve the methods that `find` finds by their paths. Each call runs in a copy of the context that is current here, as it does on
        a server: nothing of its caller's gets there but the metadata."""
        self._find, self.largest, self._context, self.closed = find, largest, contextvars.copy_context(), False
        self._opened.set()

    async def close(self, drain_seconds: float) -> None:
        """Take no more calls, let those in flight continue for up to `drain_seconds`, and cancel the rest."""
        self.closed = True
        self._opened.clear()
        if self._calls:
            _, left = await asyncio.wait(self._calls, timeout=drain_seconds)
            for call in left:
                call.cancel()
            if left:
                await asyncio.wait(left)

    @property
    def is_open(self) -> bool:
        """Whether it takes calls."""
        return self._opened.is_set()

    async def opened(self) -> None:
        """Wait until it takes calls."""
        await self._opened.wait()

    def start(self, method: str, request: bytes, context: LocalContext) -> asyncio.Task[bytes]:
        """Begin a call; its result is the serialized reply. The listener must be open."""
        call = asyncio.get_running_loop().create_task(self._serve(method, request, context), context=self._context.copy())
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _serve(self, method: str, request: bytes, context: LocalContext) -> bytes:
        handler = self._find(method) if self._find is not None else None
        if handler is None or handler.unary_unary is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        if len(request) > self.largest:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"Received message larger than max ({len(request)} vs. {self.largest})")
        served: Any = handler
        reply: bytes = served.response_serializer(await served.unary_unary(served.request_deserializer(request), context))
        return reply


class LocalContext:
    """The context of a call from the same process: its metadata, and the status and metadata that the servicer adds to the reply."""

    def __init__(self, metadata: Metadata) -> None:
        self.code, self.details = grpc.StatusCode.OK, ""
        self.initial_metadata: Metadata = ()
        self.trailing_metadata: Metadata = ()
        self._metadata = metadata

    def invocation_metadata(self) -> Metadata:
        """The metadata that came with the call."""
        return self._metadata

    def auth_context(self) -> dict[str, Sequence[bytes]]:
        """Nothing: no certificates are shown within a process."""
        return {}

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        """Send metadata ahead of the reply."""
        self.initial_metadata = metadata

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        """Set the metadata that follows the reply."""
        self.trailing_metadata = metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the status with which the call ends."""
        self.code = code

    def set_details(self, details: str) -> None:
        """Set the text of that status."""
        self.details = details

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with an error."""
        self.code, self.details = code, details
        self.trailing_metadata = trailing_metadata or self.trailing_metadata
        raise grpc.aio.AbortError("Locally aborted.")
