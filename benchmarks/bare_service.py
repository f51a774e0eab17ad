"""A Python process that has the libraries and connections of the services, or of the worker, and does nothing: for `benchmarks.bare_rest`.

python -m benchmarks.bare_service NATS SOCKET DATABASE …: without NATS the worker's, until its input ends.
"""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from contextlib import AsyncExitStack
from importlib import import_module

import services  # noqa: F401 - leaves out what nobody uses of the libraries that are imported below

STREAMS = 5
_GENERATED = ("darkroom", "compat")


async def _serve(nats_url: str, socket: str, *databases: str) -> None:
    import asyncpg
    import grpc
    import nats
    from nats.js.api import StorageType, StreamConfig

    from services.platform.sandbox import Limits, Sandbox

    for name in _GENERATED:
        for module in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            if module.name.endswith("_pb2"):
                import_module(module.name)
    async with AsyncExitStack() as opening:
        for database in databases:
            await opening.enter_async_context(asyncpg.create_pool(database, min_size=1, max_size=1))
        if nats_url:
            client = await nats.connect(nats_url)
            opening.push_async_callback(client.close)
            for number in range(STREAMS):
                name = f"BARE{number}"
                await client.jetstream().add_stream(StreamConfig(name=name, subjects=[f"{name}.*"], storage=StorageType.FILE))
        else:
            await opening.enter_async_context(Sandbox(preload=[], limits=Limits(memory_bytes=1 << 30)))
        server = grpc.aio.server()
        server.add_insecure_port(f"unix:{socket}")
        await server.start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(*sys.argv[1:]))
