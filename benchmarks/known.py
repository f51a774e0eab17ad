"""From the end of a task to those who wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from benchmarks.load import open_connection
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from benchmarks.worker import ends
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from deploy.local.scratch.stack import ScratchStack

_RUNS = 40
_WORK_SECONDS = 0.12
_OPERATION = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1, step_milliseconds=round(_WORK_SECONDS * 1000)))
_GOALS = {"`GET …/status?wait=60`": "wait", "Server-Sent Events": "SSE", "`WatchTask`": "WatchTask"}

Wait = Callable[[int], Awaitable[float]]
"""Returns the time at which the task was known to have ended."""


async def measure(stack: ScratchStack) -> Section:
    """The ways to wait, in turn, on an idle system."""
    section = Section(
        "From the end to who waits",
        f"A task that works for {_WORK_SECONDS * 1000:.0f} ms and does nothing; the client waits from its creation on, one task at a "
        f"time on an idle system, {_RUNS} for each way, in turn. *From `end_time`*: which the tasks service sets when the worker's report "
        "arrives, before the commit. *From the work's end*: what the worker's log says of its beginning, and of how long its stages took. "
        "*A status poll*: of a task that has ended, from the request to the reply: the least that a question takes.",
        ("way", "from `end_time`, p50", "p99", "from the work's end, p50", "p99"),
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}
    known: dict[str, dict[int, float]] = {}
    ended: dict[int, float] = {}
    polls: list[float] = []
    async with AsyncClient(stack.url, stack.api_key) as client, open_connection(stack.url, key) as http:

        async def status(task: int) -> float:
            await http.call("GET", f"/v1/tasks/{task}/status?wait=60")
            return time.time()

        async def result(task: int) -> float:
            await http.call("GET", f"/v1/tasks/{task}/result?wait=60")
            return time.time()

        async def events(task: int) -> float:
            await http.send("GET", f"/v1/tasks/{task}/events")
            return [time.time() async for _ in http.chunks()][-1]

        async def watch(task: int) -> float:
            return [time.time() async for _ in client.watch(task)][-1]

        async def get(task: int) -> float:
            await client.get_task(task, wait_seconds=60)
            return time.time()

        ways: Mapping[str, Wait] = {
            "`GET …/status?wait=60`": status,
            "`GET …/result?wait=60`": result,
            "Server-Sent Events": events,
            "`WatchTask`": watch,
            "`GetTask`, `wait_seconds`": get,
        }
        for _ in range(_RUNS):
            for name, wait in ways.items():
                task = (await client.create_task([], [_OPERATION])).id
                known.setdefault(name, {})[task] = await wait(task)
                ended[task] = (await client.get_task(task)).end_time.ToNanoseconds() / 1e9
                await asyncio.sleep(0.02)
            begun = time.perf_counter()
            await http.call("GET", f"/v1/tasks/{task}/status")
            polls.append(time.perf_counter() - begun)
    done = await ends(stack, ended)
    poll = percentile(polls, 0.5)
    for name, moments in known.items():
        reported = [moment - ended[task] for task, moment in moments.items()]
        worked = [moment - done[task] for task, moment in moments.items()]
        section.rows.append((name, *(milliseconds(percentile(delays, share)) for delays in (reported, worked) for share in (0.5, 0.99))))
        if name in _GOALS:
            delay = percentile(worked, 0.5)
            now = f"{milliseconds(delay)} ({milliseconds(percentile(reported, 0.5))} from `end_time`)"
            section.goals.append(GoalResult(_GOALS[name], now, (delay / poll,), milliseconds(poll)))
    section.rows.append(("a status poll", "–", "–", milliseconds(poll), milliseconds(percentile(polls, 0.99))))
    return section
