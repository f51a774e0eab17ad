"""Measure one contender and print its figures as JSON.

.venv-bench/bin/python -m benchmarks.contenders NAME --database URL --tasks N --producers N --workers N --batch N --singles N
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from benchmarks.contenders import pgqueuer_queue, procrastinate_queue

_QUEUES: dict[str, Opened] = {"procrastinate": procrastinate_queue.open_queue, "pgqueuer": pgqueuer_queue.open_queue}
_WARM_UP = 50
_PAUSE = 0.02


class Queue(Protocol):
    """A queue with its workers in this process, as both contenders are usually run; jobs do nothing."""

    version: str

    async def add(self) -> int:
        """Store one job. Returns its id once it is committed."""

    async def add_many(self, count: int) -> Sequence[int]:
        """Store jobs with one call."""

    async def count_unfinished(self) -> int:
        """Number of jobs that have not succeeded."""


Opened = Callable[[str, int, Callable[[int], None]], AbstractAsyncContextManager[Queue]]
"""Takes the address of an empty database, the number of concurrent jobs, and a function to call with a job's id when it starts."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contenders", description=__doc__)
    parser.add_argument("name", choices=_QUEUES)
    parser.add_argument("--database", required=True)
    for number in ("tasks", "producers", "workers", "batch", "singles"):
        parser.add_argument(f"--{number}", type=int, required=True)
    json.dump(asyncio.run(_measure(parser.parse_args())), sys.stdout)


async def _measure(options: argparse.Namespace) -> dict[str, object]:
    begins: dict[int, float] = {}

    def began(job: int) -> None:
        begins[job] = time.perf_counter()

    async with _QUEUES[options.name](options.database, options.workers, began) as queue:
        await _one_by_one(queue, _WARM_UP, options.producers)
        return {
            "version": queue.version,
            "one_by_one": options.tasks / await _one_by_one(queue, options.tasks, options.producers),
            "in_batches": options.tasks / await _in_batches(queue, options.tasks, options.batch),
            "waits": [await _wait(queue, begins) for _ in range(options.singles)],
        }


async def _one_by_one(queue: Queue, tasks: int, producers: int) -> float:
    """Seconds until all jobs added by this many producers have succeeded."""
    begun, left = time.perf_counter(), iter(range(tasks))

    async def produce() -> None:
        for _ in left:
            await queue.add()

    await asyncio.gather(*(produce() for _ in range(producers)))
    return await _drained(queue, begun)


async def _in_batches(queue: Queue, tasks: int, batch: int) -> float:
    begun = time.perf_counter()
    for first in range(0, tasks, batch):
        await queue.add_many(min(batch, tasks - first))
    return await _drained(queue, begun)


async def _drained(queue: Queue, begun: float) -> float:
    while await queue.count_unfinished():
        await asyncio.sleep(_PAUSE)
    return time.perf_counter() - begun


async def _wait(queue: Queue, begins: dict[int, float]) -> tuple[float, float]:
    """Seconds from the call, and from its answer, to the start of a job on an idle queue."""
    called = time.perf_counter()
    job = await queue.add()
    accepted = time.perf_counter()
    while job not in begins:
        await asyncio.sleep(0.0005)
    while await queue.count_unfinished():
        await asyncio.sleep(_PAUSE)
    return begins[job] - called, max(0.0, begins[job] - accepted)


if __name__ == "__main__":
    main()
