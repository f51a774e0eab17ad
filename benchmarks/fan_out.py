"""One change of a task, sent to very many watchers."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import grpc
import psutil

from benchmarks.goals import Reached
from benchmarks.table import Section, milliseconds, percentile
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from darkroom.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from deploy.local.scratch.stack import ScratchStack

_WATCHERS, _STREAMS_A_CHANNEL = 1000, 50
_STEPS, _STEP_MILLISECONDS = 8, 2000
_LIMIT_SECONDS = 120
_GOAL_SECONDS = 0.060
# Otherwise channels to one address share a connection, which has room for a hundred streams.
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_OPERATION = operation_pb2.Operation(noop=noop_pb2.Noop(steps=_STEPS, step_milliseconds=_STEP_MILLISECONDS))


async def measure(stack: ScratchStack) -> Section:
    """All watchers on one task, then spread over ten."""
    section = Section(
        "Event fan-out",
        f"{_WATCHERS:,} `WatchTask` streams through the public port, {_STREAMS_A_CHANNEL} a connection, opened on tasks that wait and all "
        f"read by one client process. Then the tasks run and report progress every {_STEP_MILLISECONDS / 1000:.0f} s. *Delay*: from the "
        "time in the event, which is before its commit, to its reader. *Events/s*: over the busiest second. *Memory*: of the tasks process "
        "before, and with all streams open.",
        ("tasks", "watchers of each", "events read", "missed", "delay, p50", "p99", "events/s", "memory"),
    )
    for tasks in (1, 10):
        async with asyncio.timeout(_LIMIT_SECONDS):
            row, delay = await _run(stack, tasks)
        section.rows.append(row)
        if tasks == 1:
            section.goals.append(Reached("fan-out", milliseconds(delay), delay < _GOAL_SECONDS))
    return section


async def _run(stack: ScratchStack, count: int) -> tuple[list[str], float]:
    """The row of so many tasks, and the median delay."""
    process = psutil.Process(stack.pid("tasks"))
    before = process.memory_full_info().pss
    arrivals: list[tuple[float, float]] = []
    await asyncio.to_thread(stack.stop, "inference")
    async with AsyncClient(stack.url, stack.api_key) as client:
        tasks = [await client.create_task([], [_OPERATION]) for _ in range(count)]
        channels = [
            grpc.aio.insecure_channel(urlsplit(stack.url).netloc, options=_OWN_CONNECTION) for _ in range(0, _WATCHERS, _STREAMS_A_CHANNEL)
        ]
        first = asyncio.Semaphore(0)
        watching = [
            asyncio.create_task(_watch(channels[number % len(channels)], client.server.metadata, tasks[number % count].id, arrivals, first))
            for number in range(_WATCHERS)
        ]
        for _ in watching:
            await first.acquire()
        memory = process.memory_full_info().pss
        opened = len(arrivals)
        await asyncio.to_thread(stack.start, "inference")
        last = await asyncio.gather(*watching)
        for channel in channels:
            await channel.close()
    fresh = arrivals[opened:]
    delays = [arrived - happened for happened, arrived in fresh]
    median = percentile(delays, 0.5)
    row = [
        str(count),
        str(_WATCHERS // count),
        f"{len(arrivals):,}",
        str(sum(last) - len(arrivals)),
        milliseconds(median),
        milliseconds(percentile(delays, 0.99)),
        f"{_busiest([arrived for _, arrived in fresh]):,}",
        f"{before / 2**20:.0f} → {memory / 2**20:.0f} MiB",
    ]
    return row, median


async def _watch(
    channel: grpc.aio.Channel,
    metadata: tuple[tuple[str, str], ...],
    task_id: int,
    arrivals: list[tuple[float, float]],
    first: asyncio.Semaphore,
) -> int:
    """Read a stream to its end. Returns the number of the last event, which is the count of events."""
    stream = TasksServiceStub(channel).WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task_id), metadata=metadata)
    sequence = 0
    async for response in stream:
        arrivals.append((response.event.time.ToNanoseconds() / 1e9, time.time()))
        if sequence == 0:
            first.release()
        sequence = response.event.sequence
    return sequence


def _busiest(times: list[float]) -> int:
    """The largest number of these times within one second."""
    ordered, start, most = sorted(times), 0, 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] > 1:
            start += 1
        most = max(most, end - start + 1)
    return most
