"""One change of a task, sent to very many watchers."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import psutil

from benchmarks.table import GoalResult, Section, milliseconds, percentile
from benchmarks.watching import streams
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from deploy.local.scratch.stack import ScratchStack

_WATCHERS, _STREAMS_A_CHANNEL = 1000, 50
_STEPS, _STEP_MILLISECONDS = 8, 2000
_LIMIT_SECONDS = 120
_METHOD = "/darkroom.tasks.v1.TasksService/WatchTask"
_OPERATION = operation_pb2.Operation(noop=noop_pb2.Noop(steps=_STEPS, step_milliseconds=_STEP_MILLISECONDS))


async def measure(stack: ScratchStack) -> Section:
    """All watchers on one task, then spread over ten."""
    section = Section(
        "Event fan-out",
        f"{_WATCHERS:,} `WatchTask` streams through the public port, {_STREAMS_A_CHANNEL} a connection, opened on tasks that wait and all "
        "read by one process, which does little more than take frames apart. Then the tasks run and report progress every "
        f"{_STEP_MILLISECONDS / 1000:.0f} s. *Delay*: from the time in the event, which is before its commit, to its reader. *Events/s*: "
        "over the busiest second. *Memory*: of the tasks process before, and with all streams open.",
        ("tasks", "watchers of each", "events read", "missed", "delay, p50", "p99", "events/s", "memory"),
    )
    for tasks in (1, 10):
        async with asyncio.timeout(_LIMIT_SECONDS):
            row, delay = await _run(stack, tasks)
        section.rows.append(row)
        if tasks == 1:
            section.goals.append(GoalResult("fan-out", milliseconds(delay)))
    return section


async def _run(stack: ScratchStack, count: int) -> tuple[list[str], float]:
    """The row of so many tasks, and the median delay."""
    process = psutil.Process(stack.pid("tasks"))
    before = process.memory_full_info().pss
    arrivals: list[tuple[float, float]] = []
    last: dict[int, int] = {}
    first = asyncio.Event()

    def on_message(message: bytes) -> None:
        event = tasks_service_pb2.WatchTaskResponse.FromString(message).event
        arrivals.append((event.time.ToNanoseconds() / 1e9, time.time()))
        last[event.task_id] = event.sequence
        if len(arrivals) == _WATCHERS:
            first.set()

    await asyncio.to_thread(stack.stop, "inference")
    async with AsyncClient(stack.url, stack.api_key) as client, AsyncExitStack() as opening:
        tasks = [await client.create_task([], [_OPERATION]) for _ in range(count)]
        requests = [tasks_service_pb2.WatchTaskRequest(task_id=task.id).SerializeToString() for task in tasks]
        connections = [await opening.enter_async_context(streams(stack.url, on_message)) for _ in range(0, _WATCHERS, _STREAMS_A_CHANNEL)]
        for number in range(_WATCHERS):
            connections[number % len(connections)].open(_METHOD, client.server.metadata, requests[number % count])
        await first.wait()
        memory = process.memory_full_info().pss
        opened = len(arrivals)
        await asyncio.to_thread(stack.start, "inference")
        await asyncio.gather(*(connection.ended for connection in connections))
    fresh = arrivals[opened:]
    delays = [arrived - happened for happened, arrived in fresh]
    median = percentile(delays, 0.5)
    row = [
        str(count),
        str(_WATCHERS // count),
        f"{len(arrivals):,}",
        str(sum(last.values()) * _WATCHERS // count - len(arrivals)),
        milliseconds(median),
        milliseconds(percentile(delays, 0.99)),
        f"{_busiest([arrived for _, arrived in fresh]):,}",
        f"{before / 2**20:.0f} → {memory / 2**20:.0f} MiB",
    ]
    return row, median


def _busiest(times: list[float]) -> int:
    """The largest number of these times within one second."""
    ordered, start, most = sorted(times), 0, 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] > 1:
            start += 1
        most = max(most, end - start + 1)
    return most
