"""The floor of no-op tasks: the least steps that keep each guarantee, on the stack's own servers, without the platform's services."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import asyncpg
import grpc
import nats
import psutil
from nats.js.api import StorageType, StreamConfig

from benchmarks.bare_envoy import SOCKET, envoy
from benchmarks.bare_queue import CREATE, STATEMENTS, TABLES
from benchmarks.bare_queue_worker import work
from benchmarks.processor import Spent, each, processor_seconds, spent_so_far
from benchmarks.table import Section, milliseconds, percentile
from benchmarks.throughput import BATCH, CALLERS, TASKS, WORKERS
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.stack import ScratchStack

_ROUNDS, _SINGLES, _PAUSE, _LOOK = 3, 20, 0.02, 0.002
_STREAM = "BARE_TASKS"
_STATEMENTS, _CALLS, _EVENTS, _EDGE, _WHOLE, _WORKER = range(6)
_STEPS = (
    ("statements from one process", "exactly one end and one charge, and a row for each event"),
    ("calls and work by gRPC, to a server in another process", "callers and workers on any machine"),
    ("+ an event to NATS for each change, confirmed", "webhooks and watchers miss no event"),
    ("+ an edge, which asks whether a call may pass", "one port for all, and no call without a key"),
    ("+ turns of accounts, and rows of attempts and charges", "fair order, retries that end, and who paid for what"),
    ("+ the worker in a process of its own", "work that ends its process ends no call"),
)


@dataclass
class _Figures:
    """What the steps up to one have reached in each round."""

    one_by_one: list[float] = field(default_factory=list)
    in_batches: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    spent: tuple[Spent, Spent] = field(default_factory=lambda: (Counter(), Counter()))


async def measure(stack: ScratchStack) -> Section:
    """Each step added to those before, in turn."""
    section = Section(
        "The floor of no-op tasks",
        f"{TASKS:,} tasks as above, {CALLERS} callers and {WORKERS} tasks at a time, with the least that keeps each guarantee: a task is "
        "inserted, taken with SKIP LOCKED, and completed, each by one prepared statement and its commit, with a row for each event, a row "
        "of an outbox for each statement, and a count of open tasks and of credits in the row of the account. By gRPC, calls that come "
        "while a statement runs share the next one, and the worker, which is in the callers' process until the last step, is told of "
        f"tasks; without it, {WORKERS} workers look again after {_LOOK * 1000:.0f} ms. Each row has the steps of those before it, too. "
        f"*Guarantee*: what the step is for. In batches, {BATCH} are inserted at a time. *Call to start*: one task "
        f"after the other on an idle queue. Medians of {_ROUNDS} rounds. *Processor*: of the callers' process, the server, the "
        "worker, PostgreSQL and NATS for one task. What the platform takes beyond this is its keys, limits, idempotency, priorities, "
        "deadlines, logs and webhooks.",
        ("steps", "guarantee", "one by one", "processor", "in batches", "processor", "call to start, p50"),
    )
    figures = [_Figures() for _ in _STEPS]
    for _ in range(_ROUNDS):
        await _by_statements(stack, figures[_STATEMENTS])
        for step in range(_CALLS, len(_STEPS)):
            await _by_calls(stack, figures[step], step)
    for (steps, guarantee), found in zip(_STEPS, figures, strict=True):
        rates = [f"{statistics.median(reached):.0f}/s" for reached in (found.one_by_one, found.in_batches)]
        costs = [each(spent, _ROUNDS * TASKS) for spent in found.spent]
        start = milliseconds(percentile(found.starts, 0.5)) if found.starts else "–"
        section.rows.append((steps, guarantee, rates[0], costs[0], rates[1], costs[1], start))
        section.floors |= dict(zip(("one by one", "batches"), rates, strict=True)) | {"start": start}
    section.floors |= {f"{name}, JSON": section.floors[name] for name in ("one by one", "batches")}
    return section


async def _by_statements(stack: ScratchStack, figures: _Figures) -> None:
    for created, taken, reached, spent in (
        (1, 1, figures.one_by_one, figures.spent[0]),
        (BATCH, WORKERS, figures.in_batches, figures.spent[1]),
    ):
        async with _database(stack) as url, asyncpg.create_pool(url, min_size=CALLERS + WORKERS, max_size=CALLERS + WORKERS) as pool:
            before = _spent(stack)
            reached.append(await _rate_of_statements(pool, created, taken))
            spent.update(_spent(stack) - before)


async def _rate_of_statements(pool: asyncpg.Pool, created: int, taken: int) -> float:
    """Tasks a second, created and taken so many at a time."""
    insert, take, complete = STATEMENTS
    left, done = iter(range(0, TASKS, created)), 0

    async def create() -> None:
        for _ in left:
            await pool.fetch(insert, created)

    async def work() -> None:
        nonlocal done
        while done < TASKS:
            if found := await pool.fetch(take, taken):
                await pool.fetch(complete, [row["id"] for row in found])
                done += len(found)
            else:
                await asyncio.sleep(_LOOK)

    begun = time.perf_counter()
    callers, workers = (CALLERS, WORKERS) if created == 1 else (1, 1)
    await asyncio.gather(*(create() for _ in range(callers)), *(work() for _ in range(workers)))
    return TASKS / (time.perf_counter() - begun)


async def _by_calls(stack: ScratchStack, figures: _Figures, step: int) -> None:
    async with _server(stack, step) as queue:
        await queue.rate(1, CALLERS)
        for created, callers, reached, spent in (
            (1, CALLERS, figures.one_by_one, figures.spent[0]),
            (BATCH, 1, figures.in_batches, figures.spent[1]),
        ):
            before = _spent(stack, queue.processes)
            reached.append(await queue.rate(created, callers))
            spent.update(_spent(stack, queue.processes) - before)
        figures.starts += [await queue.start() for _ in range(_SINGLES)]


@dataclass
class _Queue:
    """A server of `benchmarks.bare_queue`, with its callers and its worker."""

    processes: list[psutil.Process]
    create: Callable[[bytes], Awaitable[bytes]]
    database: asyncpg.Pool
    began: dict[int, float] = field(default_factory=dict)

    def begin(self, time: float, tasks: list[int]) -> None:
        """The worker has got these."""
        self.began |= dict.fromkeys(tasks, time)

    async def rate(self, created: int, callers: int) -> float:
        """Tasks a second, created so many at a time by so many callers."""
        begun, left = time.perf_counter(), iter(range(0, TASKS, created))

        async def call() -> None:
            for _ in left:
                await self.create(b"%d" % created)

        await asyncio.gather(*(call() for _ in range(callers)))
        await self._drained(_LOOK)
        return TASKS / (time.perf_counter() - begun)

    async def start(self) -> float:
        """Seconds from the call to the start of a task."""
        called = time.perf_counter()
        [task] = json.loads(await self.create(b"1"))
        await self._drained(_PAUSE)
        return self.began[task] - called

    async def _drained(self, pause: float) -> None:
        while await self.database.fetchval("SELECT open FROM policy"):
            await asyncio.sleep(pause)


@asynccontextmanager
async def _server(stack: ScratchStack, step: int) -> AsyncIterator[_Queue]:
    async with _database(stack) as url, AsyncExitStack() as opening:
        if step >= _EVENTS:
            client = await nats.connect(stack.nats_url)
            opening.push_async_callback(client.close)
            messages = client.jetstream()
            await messages.add_stream(StreamConfig(name=_STREAM, subjects=[f"{_STREAM}.*"], storage=StorageType.FILE))
            opening.push_async_callback(messages.delete_stream, _STREAM)
        folder = opening.enter_context(TemporaryDirectory())
        arguments = (url, stack.nats_url, _STREAM if step >= _EVENTS else "", f"{folder}/{SOCKET}", "whole" if step >= _WHOLE else "")
        server, lines = await _program("bare_queue", *arguments)
        opening.push_async_callback(server.communicate, b"")
        port = called = int(await lines.readline())
        processes = [psutil.Process(server.pid)]
        if step >= _EDGE:
            called = free_port()
            processes.append(psutil.Process(await opening.enter_async_context(envoy(folder, called, "grpc"))))
        database = await opening.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=1))
        channels = [await opening.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{each}")) for each in (port, called)]
        create: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channels[1].unary_unary(CREATE)
        queue = _Queue(processes, create, database)
        if step >= _WORKER:
            worker, lines = await _program("bare_queue_worker", str(port), str(WORKERS))
            processes.append(psutil.Process(worker.pid))
            opening.push_async_callback(worker.wait)
            opening.callback(worker.terminate)
            working = asyncio.create_task(_listen(lines, queue))
        else:
            working = asyncio.create_task(work(channels[0], WORKERS, queue.begin))
        yield queue
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _program(name: str, *arguments: str) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
    """A process of this module of benchmarks, and its output."""
    command = (sys.executable, "-m", f"benchmarks.{name}", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    return process, process.stdout


async def _listen(lines: asyncio.StreamReader, queue: _Queue) -> None:
    """What a worker's process prints."""
    async for line in lines:
        queue.begin(*json.loads(line))


@asynccontextmanager
async def _database(stack: ScratchStack) -> AsyncIterator[str]:
    """The URL of a database of its own, with empty tables."""
    database = await asyncio.to_thread(stack.create_database)
    url = database.replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute(TABLES)
    await connection.close()
    yield url
    await asyncio.to_thread(stack.drop_database, database)


def _spent(stack: ScratchStack, others: Sequence[psutil.Process] = ()) -> Spent:
    """What this process, these others, PostgreSQL and NATS have taken so far."""
    spent = spent_so_far(stack)
    own = round(processor_seconds([psutil.Process(), *others]) * 1e6)
    return Counter({"own": own, **{name: spent[name] for name in ("postgres", "nats")}})
