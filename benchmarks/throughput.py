"""Tasks that do nothing, from accepted to succeeded: what the platform itself costs, compared with other queues on the same PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import grpc
import psutil

from benchmarks.table import Section, milliseconds, percentile
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from darkroom.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack
from services.common.identity import IDENTITY_HEADER, Signer

_PYTHON = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "python"
_CONTENDERS = ("procrastinate", "pgqueuer")
_TASKS, _CALLERS, _BATCH, _SINGLES = 1500, 16, 100, 50
WORKERS = 16
_PAUSE = 0.05
_OPERATIONS = [operation_pb2.Operation(noop=noop_pb2.Noop())]
_PARTS = ("envoy", "accounts", "tasks", "postgres", "nats", "inference", "files")


@dataclass(frozen=True)
class _Figures:
    """What a queue achieved; rates are tasks per second."""

    name: str
    one_by_one: float | None
    in_batches: float | None
    waits: list[tuple[float, float]]
    """Seconds from the call, and from its answer, to the start of the work."""

    def row(self) -> list[str]:
        """As a row of the table."""
        rates = ["–" if rate is None else f"{rate:.0f}/s" for rate in (self.one_by_one, self.in_batches)]
        columns: list[list[float]] = [list(waits) for waits in zip(*self.waits, strict=True)] or [[], []]
        return [
            self.name,
            *rates,
            *(milliseconds(percentile(waits, share)) if waits else "–" for waits in columns for share in (0.5, 0.99)),
        ]


async def measure(stack: ScratchStack) -> Section:
    """Rates of many tasks and waits of single ones: Darkroom on two paths, and each contender."""
    database = await connect(stack.stack.config, "tasks")
    try:
        async with AsyncClient(stack.url, stack.api_key) as client:
            await _one_by_one(client, database, 100)
            before = _seconds_of_parts(stack)
            whole = await _one_by_one(client, database, _TASKS)
            spent = _seconds_of_parts(stack) - before
            together = await _in_batches(client, database)
            edge = _Figures("Darkroom, through the public port", whole, together, await _waits(stack, client, database))
        direct = _Figures("Darkroom, past the edge", await _past_the_edge(stack, database), None, [])
    finally:
        await database.close()
    others = [await _contender(stack, name) for name in _CONTENDERS]
    return Section(
        "No-op tasks",
        f"{_TASKS} tasks that do nothing, from the first call to the last success, {_CALLERS} callers and {WORKERS} tasks at a time in one "
        "worker process, one queue after the other on the same PostgreSQL server with its default durability (fsync, synchronous_commit). "
        f"*In batches*: {_BATCH} by one call. Then {_SINGLES} tasks one after the other on an idle queue: from the call, and from its "
        "answer, to the beginning of the work. A contender's callers and worker are one process that talks to PostgreSQL itself; "
        "Darkroom's calls go through authentication, idempotency keys, fair order, credits and webhooks, and every change of "
        "a task is an event on NATS. *Past the edge*: gRPC to the tasks service, with an identity and without Envoy.",
        ("queue", "one by one", "in batches", "call to start, p50", "p99", "accepted to start, p50", "p99"),
        [figures.row() for figures in (edge, direct, *others)],
        f"Processor time that one task took, one by one through the public port: {_shares(spent)}, and the client's own. With "
        f"{psutil.cpu_count()} cores for all of it, that is the limit.",
    )


async def _one_by_one(client: AsyncClient, database: asyncpg.Connection, count: int) -> float:
    async def create() -> None:
        await client.create_task([], _OPERATIONS)

    return await _rate(create, database, count)


async def _in_batches(client: AsyncClient, database: asyncpg.Connection) -> float:
    begun = time.perf_counter()
    for first in range(0, _TASKS, _BATCH):
        await client.batches.create([()] * min(_BATCH, _TASKS - first), _OPERATIONS)
    await _drained(database)
    return _TASKS / (time.perf_counter() - begun)


async def _past_the_edge(stack: ScratchStack, database: asyncpg.Connection) -> float:
    signer = Signer("accounts", Path(stack.settings("accounts")["DARKROOM_SIGNING_KEY_FILE"]))
    account_id = await database.fetchval("SELECT account_id FROM task LIMIT 1")
    metadata = ((IDENTITY_HEADER, signer.identity_token(account_id, 1)),)
    request = tasks_service_pb2.CreateTaskRequest(operations=_OPERATIONS)
    async with grpc.aio.insecure_channel(stack.address("tasks"), options=(("grpc.default_authority", "darkroom"),)) as channel:
        tasks = TasksServiceStub(channel)

        async def create() -> None:
            await tasks.CreateTask(request, metadata=metadata)

        return await _rate(create, database, _TASKS)


async def _rate(create: Callable[[], Awaitable[object]], database: asyncpg.Connection, count: int) -> float:
    begun, left = time.perf_counter(), iter(range(count))

    async def call() -> None:
        for _ in left:
            await create()

    await asyncio.gather(*(call() for _ in range(_CALLERS)))
    await _drained(database)
    return count / (time.perf_counter() - begun)


async def _drained(database: asyncpg.Connection) -> None:
    """Wait until no task is open."""
    while await database.fetchval("SELECT sum(open) FROM account_policy"):
        await asyncio.sleep(_PAUSE)


async def _waits(stack: ScratchStack, client: AsyncClient, database: asyncpg.Connection) -> list[tuple[float, float]]:
    """Waits from the call and from its answer to the start of a task; the worker's log gives the start, on this machine's clock."""
    calls: dict[int, tuple[float, float]] = {}
    for _ in range(_SINGLES):
        called = time.time()
        task = await client.create_task([], _OPERATIONS)
        calls[task.id] = called, time.time()
        await _drained(database)
    waits = []
    for line in await asyncio.to_thread(stack.log, "inference", 10 * _SINGLES):
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("event") == "attempt_started" and int(entry["task_id"]) in calls:
            began = datetime.fromisoformat(entry["timestamp"]).timestamp()
            called, accepted = calls[int(entry["task_id"])]
            waits.append((began - called, max(0.0, began - accepted)))
    if len(waits) != _SINGLES:
        raise RuntimeError(f"the worker's log tells of {len(waits)} of {_SINGLES} tasks")
    return waits


async def _contender(stack: ScratchStack, name: str) -> _Figures:
    if not _PYTHON.exists():
        raise RuntimeError("the other queues are not installed; `make bench` does so")
    url = (await asyncio.to_thread(stack.create_database)).replace("+asyncpg", "")
    numbers = {"tasks": _TASKS, "producers": _CALLERS, "workers": WORKERS, "batch": _BATCH, "singles": _SINGLES}
    options = [f"--{option}={number}" for option, number in numbers.items()]
    async with _process(str(_PYTHON), "-m", "benchmarks.contenders", name, f"--database={url}", *options) as process:
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{name} ended with status {process.returncode}")
    found = json.loads(output)
    waits = [(called, accepted) for called, accepted in found["waits"]]
    return _Figures(f"{name} {found['version']}", found["one_by_one"], found["in_batches"], waits)


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ended with the block."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()


def _seconds_of_parts(stack: ScratchStack) -> Counter[str]:
    """CPU time of each part so far."""
    spent: Counter[str] = Counter()
    for part in _PARTS:
        root = psutil.Process(stack.pid(part))
        for process in (root, *root.children(recursive=True)):
            times = process.cpu_times()
            spent[part] += round((times.user + times.system) * 1e6)
    return spent


def _shares(spent: Counter[str]) -> str:
    return ", ".join(f"{part} {milliseconds(microseconds / 1e6 / _TASKS)}" for part, microseconds in spent.most_common())
