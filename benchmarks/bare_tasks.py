"""Uploads and tasks with nothing of the platform: the bare queue and the object storage behind a bare edge."""

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
ROUNDS, TASKS, CALLERS = 3, 1000, 16
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
    processor: float = 0.0
    """Of one task in the rounds."""

    def rows(self) -> list[list[str]]:
        """As rows of the table of floors."""
        singles = {
            "bare queue: call to start": self.starts,
            "bare queue: end to known": self.ends,
            "bare upload": self.uploads,
            "bare result": self.results,
        }
        rows = [
            [name, *(f"{percentile(taken, share) * 1000:.2f} ms" for share in (0.5, 0.99)), "–", "–"] for name, taken in singles.items()
        ]
        rate, processor = statistics.median(self.rates), self.processor * 1000
        return [["bare queue: one by one", "–", "–", f"{rate:,.0f}/s", f"{processor:.2f} ms"], *rows]

    def floors(self) -> dict[str, str]:
        """By the names of goals."""
        start, end, upload, result = (percentile(taken, 0.5) for taken in (self.starts, self.ends, self.uploads, self.results))
        rate = f"{statistics.median(self.rates):.0f}/s"
        return {
            **dict.fromkeys(("one by one", "one by one, JSON"), rate),
            "start": f"{milliseconds(start)} / {milliseconds(percentile(self.starts, 0.99))}",
            **dict.fromkeys(("wait", "SSE", "WatchTask"), milliseconds(end)),
            **dict.fromkeys(("upload", "upload, first use"), milliseconds(upload)),
            "overhead": milliseconds(upload + start + end + result),
            "resize": f"{milliseconds(start + end)} of bare calls",
        }


@dataclass(frozen=True)
class Bare:
    """The bare queue behind a bare edge."""

    commit: Call
    create: Call
    wait: Call
    drain: Call
    through_edge: Connection
    storage: Connection
    urls: tuple[tuple[str, str], tuple[str, str]]
    """Paths to PUT and GET through the edge, and straight at the storage."""
    processes: list[psutil.Process]
    content: bytes = field(default_factory=_SAMPLE.read_bytes)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new(self, seconds: float = 0.0) -> bytes:
        """A task that has not been created."""
        return TASK.pack(next(self.numbers), seconds)

    async def measure(self) -> Taken:
        """Everything, in turn: tasks with pauses, in which the system is idle, then uploads and results one after the other."""
        taken = Taken()
        await self._round()
        spent = 0.0
        for _ in range(ROUNDS):
            singles = [await self._single() for _ in range(_WARM + _RUNS)][_WARM:]
            taken.starts += [start for start, _ in singles]
            taken.ends += [end for _, end in singles]
            taken.uploads += [await self._upload() for _ in range(_WARM + _RUNS)][_WARM:]
            taken.results += [await self._result() for _ in range(_WARM + _RUNS)][_WARM:]
            before = processor_seconds(self.processes)
            taken.rates.append(await self._round())
            spent += processor_seconds(self.processes) - before
        taken.processor = spent / ROUNDS / TASKS
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

    async def _round(self) -> float:
        begun, left = time.perf_counter(), iter(range(TASKS))

        async def caller() -> None:
            for _ in left:
                await self.create(self.new())

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await self.drain(b"")
        return TASKS / (time.perf_counter() - begun)


@asynccontextmanager
async def running(stack: ScratchStack) -> AsyncIterator[Bare]:
    """Start it on the stack's PostgreSQL, in a database of its own, and on its object storage."""
    database = (await asyncio.to_thread(stack.create_database)).replace("+asyncpg", "")
    try:
        async with AsyncExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
            yield await _start(stack, folder, database, parts)
    finally:
        await asyncio.to_thread(stack.drop_database, database)


async def _start(stack: ScratchStack, folder: Path, database: str, parts: AsyncExitStack) -> Bare:
    socket, settings = folder / "queue", stack.settings("files")
    storage, bucket = settings["DARKROOM_S3_ENDPOINT"], settings["DARKROOM_S3_BUCKET"]
    server = await parts.enter_async_context(module("benchmarks.bare_queue", "serve", str(socket), database))
    worker = await parts.enter_async_context(module("benchmarks.bare_queue", "work", str(socket)))
    port, envoy = await parts.enter_async_context(edge(folder, socket, authorized=True, storage=storage, bucket=bucket))
    channel = await parts.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    await asyncio.wait_for(channel.channel_ready(), 10)
    commit, create, wait, drain = (_method(channel, path) for path in (COMMIT, CREATE, WAIT, DRAIN))
    outside = f"http://127.0.0.1:{port}"
    urls = [await presigned(settings, endpoint) for endpoint in (outside, storage)]
    through_edge, straight = [await parts.enter_async_context(connected(url)) for url in (outside, storage)]
    parts.push_async_callback(straight.request, "DELETE", _path(urls[1][2]))
    paths = [(_path(put), _path(get)) for put, get, _ in urls]
    backends = [psutil.Process(pid) for pid in await _backends(database)]
    processes = [server, worker, *envoy, *backends]
    return Bare(commit, create, wait, drain, through_edge, straight, (paths[0], paths[1]), processes)


def _method(channel: grpc.aio.Channel, path: str) -> Call:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method


async def _backends(database: str) -> list[int]:
    """The processes of the server's connections."""
    connection = await asyncpg.connect(database)
    try:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return [row["pid"] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
