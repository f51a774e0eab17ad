"""A worker of `benchmarks.bare_queue` that does nothing with each task, as a coroutine and as a program.

python -m benchmarks.bare_queue_worker PORT PLACES: does so many tasks at a time until its server ends. Prints a line of JSON for each
message of tasks: the time when it came (`time.perf_counter`, which processes share), and their ids.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

import grpc

from benchmarks.bare_queue import WORK


async def work(channel: grpc.aio.Channel, places: int, began: Callable[[float, list[int]], object]) -> None:
    """Say of each task that it is done."""
    stream: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(WORK)()
    await stream.write(b"%d" % places)
    while isinstance(message := await stream.read(), bytes):
        began(time.perf_counter(), json.loads(message))
        await stream.write(message)


async def _run(port: str, places: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await work(channel, places, lambda *began: print(json.dumps(began), flush=True))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], int(sys.argv[2])))
