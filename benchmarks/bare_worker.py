"""A worker that only makes pictures smaller, in warm sandboxed children: the program of `benchmarks.bare_resize`.

python -m benchmarks.bare_worker CHILDREN: prints its port, and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import structlog

from benchmarks import shrinking
from benchmarks.shrinking import shrink_file
from services.platform.rpc.local import Handler
from services.platform.sandbox import Limits, Sandbox, WarmChildren

SHRINK = "/bare.Worker/Shrink"
"""Takes a picture, and returns it smaller."""
MESSAGES = (("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20))
"""Options for pictures."""


class Shrinker:
    """Children of one account."""

    def __init__(self, children: WarmChildren) -> None:
        self._children = children

    async def shrink(self, picture: bytes, _context: object = None) -> bytes:
        """The picture as a smaller one; also the handler of SHRINK."""
        source, target = os.memfd_create("source"), os.memfd_create("target")
        try:
            os.pwrite(source, picture, 0)
            return os.pread(target, await self._children.run(1, shrink_file, [source, target], urgent=True), 0)
        finally:
            os.close(source)
            os.close(target)


@asynccontextmanager
async def shrinker(most: int) -> AsyncIterator[Shrinker]:
    """Up to so many children, which are kept until the block ends."""
    limits = Limits(memory_bytes=1 << 30)
    async with Sandbox(preload=[shrinking.__name__], limits=limits) as sandbox:
        children = WarmChildren(sandbox, working=os.cpu_count() or 1, kept=most, jobs=10_000, seconds=600, limits=limits)
        async with children:
            yield Shrinker(children)


class _Methods(grpc.GenericRpcHandler):
    def __init__(self, worker: Shrinker) -> None:
        self._shrink: Handler = grpc.unary_unary_rpc_method_handler(worker.shrink)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        return self._shrink if handler_call_details.method == SHRINK else None


async def _serve(most: int) -> None:
    async with shrinker(most) as worker:
        server = grpc.aio.server(handlers=[_Methods(worker)], options=MESSAGES)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_serve(int(sys.argv[1])))
