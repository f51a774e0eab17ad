"""Uploads and tasks with nothing of the platform, or its statements alone: the bare queue and the object storage behind a bare edge."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import grpc
import psutil

from benchmarks.bare_edge import edge
from benchmarks.bare_queue import COMMIT, CREATE, DRAIN, ENDED, TASK, WAIT
from benchmarks.load import Connection, connected
from benchmarks.programs import module
from benchmarks.table import milliseconds, percentile
from benchmarks.transfers import presigned
from deploy.local.scratch.stack import ScratchStack

_SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "portrait.jpg"
_WARM, _RUNS = 3, 40
ROUNDS, TASKS, CALLERS, BATCH = 3, 1000, 16, 100
WORK_SECONDS, _PAUSE_SECONDS = 0.05, 0.02

Call = Callable[[bytes], Awaitable[bytes]]


def processor_seconds(processes: list[psutil.Process]) -> float:
    """What these processes have taken so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@dataclass
class Taken:
    """Seconds of each run, and tasks a second of each round."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    uploads: list[float] = field(default_factory=list)
    results: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    batch_rates: list[float] = field(default_factory=list)
    processor: float = 0.0
    batch_processor: float = 0.0
    """Of one task in the rounds."""

    def rows(self, name: str) -> list[list[str]]:
        """As rows of the table of floors."""
        singles = {
            f"{name}: call to start": self.starts,
            f"{name}: end to known": self.ends,
            "bare upload": self.uploads,
            "bare result": self.results,
        }
        rows = [
            [name, *(f"{percentile(taken, share) * 1000:.2f} ms" for share in (0.5, 0.99)), "–", "–"]
            for name, taken in singles.items()
            if taken
        ]
        ways = (("one by one", self.rates, self.processor), ("in batches", self.batch_rates, self.batch_processor))
        return [
            *([f"{name}: {way}", "–", "–", f"{statistics.median(rates):,.0f}/s", f"{each * 1000:.2f} ms"] for way, rates, each in ways),
            *rows,
        ]


def floors(plain: Taken, platform: Taken) -> dict[str, str]:
    """By the names of goals: of a bare queue with plain statements, and with those of the platform."""
    both = (plain, platform)
    start, end = ([percentile(times, 0.5) for times in each] for each in zip(*((taken.starts, taken.ends) for taken in both), strict=True))
    latest = [percentile(taken.starts, 0.99) for taken in both]
    upload, result = (percentile(times, 0.5) for times in (plain.uploads, plain.results))
    rates, batches = ([statistics.median(rates) for rates in each] for each in zip(*((t.rates, t.batch_rates) for t in both), strict=True))
    return {
        **dict.fromkeys(("one by one", "one by one, JSON"), _both([f"{rate:.0f}/s" for rate in rates])),
        **dict.fromkeys(("batches", "batches, JSON"), _both([f"{rate:.0f}/s" for rate in batches])),
        "start": _both([f"{milliseconds(p50)} / {milliseconds(p99)}" for p50, p99 in zip(start, latest, strict=True)]),
        **dict.fromkeys(("wait", "SSE", "WatchTask"), _both(list(map(milliseconds, end)))),
        **dict.fromkeys(("upload", "upload, first use"), milliseconds(upload)),
        "overhead": milliseconds(upload + start[1] + end[1] + result),
        "resize": f"{milliseconds(start[1] + end[1])} of bare calls",
    }


def _both(floors: list[str]) -> str:
    return "; ".join(floors)


@dataclass(frozen=True)
class Bare:
    """The bare queue behind a bare edge."""

    commit: Call
    create: Call
    wait: Call
    drain: Call
    through_edge: Connection
    storage: Connection
    urls: tuple[tuple[str, str], tuple[str, str, str]]
    """Paths to PUT and GET through the edge, and to PUT, GET and DELETE straight at the storage."""
    processes: list[psutil.Process]
    content: bytes = field(default_factory=_SAMPLE.read_bytes)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new(self, seconds: float = 0.0) -> bytes:
        """A task that has not been created."""
        return TASK.pack(next(self.numbers), seconds)

    async def measure(self, *, transfers: bool) -> Taken:
        """Everything, in turn: tasks with pauses, in which the system is idle, then `transfers`, uploads and results one after the other,
        then many tasks, one by one and in batches."""
        taken = Taken()
        await self._round(1)
        spent = {1: 0.0, BATCH: 0.0}
        for _ in range(ROUNDS):
            singles = [await self._single() for _ in range(_WARM + _RUNS)][_WARM:]
            taken.starts += [start for start, _ in singles]
            taken.ends += [end for _, end in singles]
            if transfers:
                taken.uploads += [await self._upload() for _ in range(_WARM + _RUNS)][_WARM:]
                taken.results += [await self._result() for _ in range(_WARM + _RUNS)][_WARM:]
            for size, rates in ((1, taken.rates), (BATCH, taken.batch_rates)):
                before = processor_seconds(self.processes)
                rates.append(await self._round(size))
                spent[size] += processor_seconds(self.processes) - before
        if transfers:
            await self.storage.request("DELETE", self.urls[1][2])
        taken.processor, taken.batch_processor = (seconds / ROUNDS / TASKS for seconds in spent.values())
        return taken

    async def _single(self) -> tuple[float, float]:
        """From the call to the start of the work, and from its end to the answer of the call that waits."""
        await asyncio.sleep(_PAUSE_SECONDS)
        task = self.new(WORK_SECONDS)
        called = time.perf_counter()
        await self.create(task)
        _, began, ended = ENDED.unpack(await self.wait(task))
        return began - called, time.perf_counter() - ended

    async def _upload(self) -> float:
        begun = time.perf_counter()
        await self.commit(self.new())
        await self.through_edge.request("PUT", self.urls[0][0], self.content)
        await self.storage.request("GET", self.urls[1][1])
        await self.commit(self.new())
        return time.perf_counter() - begun

    async def _result(self) -> float:
        begun = time.perf_counter()
        await self.storage.request("PUT", self.urls[1][0], self.content)
        await self.through_edge.request("GET", self.urls[0][1])
        return time.perf_counter() - begun

    async def _round(self, size: int) -> float:
        """Single tasks of many callers, or batches of one."""
        begun, left = time.perf_counter(), iter(range(0, TASKS, size))

        async def caller() -> None:
            for _ in left:
                await self.create(b"".join(self.new() for _ in range(size)))

        await asyncio.gather(*(caller() for _ in range(CALLERS if size == 1 else 1)))
        await self.drain(b"")
        return TASKS / (time.perf_counter() - begun)


@asynccontextmanager
async def running(stack: ScratchStack, statements: str) -> AsyncIterator[Bare]:
    """Start it with these statements, as `bare_queue` names them, on the stack's PostgreSQL, in a database of its own, and on its object
    storage."""
    database = (await asyncio.to_thread(stack.create_database)).replace("+asyncpg", "")
    try:
        async with AsyncExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
            yield await _start(stack, statements, folder, database, parts)
    finally:
        await asyncio.to_thread(stack.drop_database, database)


async def _start(stack: ScratchStack, statements: str, folder: Path, database: str, parts: AsyncExitStack) -> Bare:
    socket, settings = folder / "queue", stack.settings("files")
    storage, bucket = settings["DARKROOM_S3_ENDPOINT"], settings["DARKROOM_S3_BUCKET"]
    server = await parts.enter_async_context(module("benchmarks.bare_queue", "serve", statements, str(socket), database))
    worker = await parts.enter_async_context(module("benchmarks.bare_queue", "work", str(socket)))
    port, envoy = await parts.enter_async_context(edge(folder, socket, authorized=True, storage=storage, bucket=bucket))
    channel = await parts.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    await asyncio.wait_for(channel.channel_ready(), 10)
    commit, create, wait, drain = (_method(channel, path) for path in (COMMIT, CREATE, WAIT, DRAIN))
    outside = f"http://127.0.0.1:{port}"
    urls = [await presigned(settings, endpoint) for endpoint in (outside, storage)]
    through_edge, straight = [await parts.enter_async_context(connected(url)) for url in (outside, storage)]
    (put, get, _), (put_straight, get_straight, delete) = (tuple(map(_path, each)) for each in urls)
    servers = [psutil.Process(pid) for pid in await backends(database)]
    processes = [server, worker, *envoy, *servers]
    return Bare(commit, create, wait, drain, through_edge, straight, ((put, get), (put_straight, get_straight, delete)), processes)


def _method(channel: grpc.aio.Channel, path: str) -> Call:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method


async def backends(database: str) -> list[int]:
    """The processes of PostgreSQL that serve the connections to a database."""
    connection = await asyncpg.connect(database)
    try:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return [row["pid"] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
