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
from benchmarks.bare_queue import COMPLETE, CREATE, INSERT, TABLES, TAKE, WORK
from benchmarks.processor import Spent, each, processor_seconds, spent_so_far
from benchmarks.table import Section, milliseconds, percentile
from benchmarks.throughput import BATCH, CALLERS, TASKS, WORKERS
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.stack import ScratchStack

_ROUNDS, _SINGLES, _PAUSE, _LOOK = 3, 20, 0.05, 0.002
_STREAM = "BARE_TASKS"
_STEPS = (
    ("statements from one process", "exactly one end and one charge, and a row for each event"),
    ("calls and work by gRPC, to a server in another process", "callers and workers on any machine"),
    ("+ an event to NATS for each change, confirmed", "webhooks and watchers miss no event"),
    ("+ an edge, which asks whether a call may pass", "one port for all, and no call without a key"),
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
        "while a statement runs share the next one, and the worker, which is in the callers' process, is told of tasks; without it, "
        f"{WORKERS} workers look again after {_LOOK * 1000:.0f} ms. Each row has the steps of those before it, too. *Guarantee*: what the "
        f"step is for. In batches, {BATCH} are inserted at a time. *Call to start*: one task after the other on an idle queue. Medians of "
        f"{_ROUNDS} rounds. *Processor*: of the callers' process, the server, PostgreSQL and NATS for one task. What the platform takes "
        "beyond this is its keys, fair order, limits, leases, idempotency, logs and webhooks.",
        ("steps", "guarantee", "one by one", "processor", "in batches", "processor", "call to start, p50"),
    )
    figures = [_Figures() for _ in _STEPS]
    for _ in range(_ROUNDS):
        await _by_statements(stack, figures[0])
        for step, subject in ((1, ""), (2, _STREAM), (3, _STREAM)):
            await _by_calls(stack, figures[step], subject, has_edge=step == 3)
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
    left, done = iter(range(0, TASKS, created)), 0

    async def create() -> None:
        for _ in left:
            await pool.fetch(INSERT, created)

    async def work() -> None:
        nonlocal done
        while done < TASKS:
            if found := await pool.fetch(TAKE, taken):
                await pool.fetch(COMPLETE, [row["id"] for row in found])
                done += len(found)
            else:
                await asyncio.sleep(_LOOK)

    begun = time.perf_counter()
    callers, workers = (CALLERS, WORKERS) if created == 1 else (1, 1)
    await asyncio.gather(*(create() for _ in range(callers)), *(work() for _ in range(workers)))
    return TASKS / (time.perf_counter() - begun)


async def _by_calls(stack: ScratchStack, figures: _Figures, subject: str, *, has_edge: bool) -> None:
    async with _server(stack, subject, has_edge=has_edge) as queue:
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

    async def work(self, channel: grpc.aio.Channel) -> None:
        """Do nothing with each task, and say that it is done."""
        stream: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(WORK)()
        await stream.write(b"%d" % WORKERS)
        while isinstance(message := await stream.read(), bytes):
            self.began |= dict.fromkeys(json.loads(message), time.perf_counter())
            await stream.write(message)

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
async def _server(stack: ScratchStack, subject: str, *, has_edge: bool) -> AsyncIterator[_Queue]:
    async with _database(stack) as url, AsyncExitStack() as opening:
        if subject:
            client = await nats.connect(stack.nats_url)
            opening.push_async_callback(client.close)
            messages = client.jetstream()
            await messages.add_stream(StreamConfig(name=subject, subjects=[f"{subject}.*"], storage=StorageType.FILE))
            opening.push_async_callback(messages.delete_stream, subject)
        folder = opening.enter_context(TemporaryDirectory())
        command = (sys.executable, "-m", "benchmarks.bare_queue", url, stack.nats_url, subject, f"{folder}/{SOCKET}")
        server = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        opening.push_async_callback(server.communicate, b"")
        assert server.stdout is not None
        port = called = int(await server.stdout.readline())
        processes = [psutil.Process(server.pid)]
        if has_edge:
            called = free_port()
            processes.append(psutil.Process(await opening.enter_async_context(envoy(folder, called, "grpc"))))
        database = await opening.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=1))
        channels = [await opening.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{each}")) for each in (port, called)]
        create: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channels[1].unary_unary(CREATE)
        queue = _Queue(processes, create, database)
        working = asyncio.create_task(queue.work(channels[0]))
        yield queue
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


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
