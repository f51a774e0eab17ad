"""A worker that edits pictures in warm sandboxed children: the program of `benchmarks.bare_resize`.

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
from benchmarks.shrinking import edit_file
from services.platform.rpc.local import Handler
from services.platform.sandbox import Limits, Sandbox, WarmChildren
from services.platform.sandbox.memory_file import in_memory

EDIT = "/bare.Worker/Edit"
"""Takes the name of a tool, or nothing, a line feed and a picture, and returns the picture edited by the tool, or made smaller."""
MESSAGES = (("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20))
"""Options for pictures."""


class Editor:
    """Children of one account."""

    def __init__(self, children: WarmChildren) -> None:
        self._children = children

    async def edit(self, request: bytes, _context: object = None) -> bytes:
        """The handler of EDIT."""
        tool, picture = request.split(b"\n", 1)
        with in_memory(picture) as source, in_memory() as target:
            return os.pread(target, await self._children.run(1, edit_file, [source, target], tool.decode(), urgent=True), 0)


@asynccontextmanager
async def editor(most: int) -> AsyncIterator[Editor]:
    """Up to so many children, which are kept until the block ends."""
    limits = Limits(memory_bytes=1 << 30)
    async with Sandbox(preload=[shrinking.__name__], limits=limits) as sandbox:
        children = WarmChildren(sandbox, working=os.cpu_count() or 1, kept=most, jobs=10_000, seconds=600, limits=limits)
        async with children:
            yield Editor(children)


class _Methods(grpc.GenericRpcHandler):
    def __init__(self, worker: Editor) -> None:
        self._edit: Handler = grpc.unary_unary_rpc_method_handler(worker.edit)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        return self._edit if handler_call_details.method == EDIT else None


async def _serve(most: int) -> None:
    async with editor(most) as worker:
        server = grpc.aio.server(handlers=[_Methods(worker)], options=MESSAGES)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_serve(int(sys.argv[1])))
