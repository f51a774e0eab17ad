"""Tasks that do nothing, from accepted to succeeded: what the platform itself costs, compared with other queues on the same PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc

from benchmarks.load import Connection, open_connection
from benchmarks.processor import Spent, each, shares, spending
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from benchmarks.worker import begins
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from darkroom.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack
from services.platform.identity import IDENTITY_HEADER, Signer

_PYTHON = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "python"
_CONTENDERS = ("procrastinate", "pgqueuer")
_ROUNDS, TASKS, CALLERS, BATCH, _SINGLES = 3, 2000, 16, 100, 34
WORKERS = 16
_PAUSE = 0.02
_OPERATIONS = [operation_pb2.Operation(noop=noop_pb2.Noop())]


@dataclass
class Figures:
    """What a queue achieved in each round; rates are tasks per second."""

    one_by_one: list[float] = field(default_factory=list)
    in_batches: list[float] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    """Seconds from the call, and from its answer, to the start of the work."""
    spent_times: tuple[Spent, Spent] = field(default_factory=lambda: (Counter(), Counter()))
    """One by one, and in batches."""

    def rates(self) -> list[float]:
        """The medians, as far as they were measured."""
        return [statistics.median(rates) if rates else 0.0 for rates in (self.one_by_one, self.in_batches)]

    def row(self, name: str) -> list[str]:
        """As a row of the table."""
        rates = [f"{rate:.0f}/s" if rate else "–" for rate in self.rates()]
        processor = [each(spent, _ROUNDS * TASKS) if spent else "–" for spent in self.spent_times]
        columns: list[list[float]] = [list(waits) for waits in zip(*self.waits, strict=True)] or [[], []]
        waits = [milliseconds(percentile(column, share)) if column else "–" for column in columns for share in (0.5, 0.99)]
        return [name, rates[0], processor[0], rates[1], processor[1], *waits]


async def measure(stack: ScratchStack) -> Section:
    """Rates of many tasks and waits of single ones: Darkroom on three paths, and each contender."""
    darkroom = {name: Figures() for name in ("gRPC", "JSON", "past the edge")}
    contenders = {name: Figures() for name in _CONTENDERS}
    versions: dict[str, str] = {}
    database = await connect(stack.stack.config, "tasks")
    try:
        async with AsyncClient(stack.url, stack.api_key) as client, _callers(stack) as callers:
            await rate_of(by_grpc(client), database, 100)
            model = (await client.create_task([], _OPERATIONS)).id
            for _ in range(_ROUNDS):
                with spending(stack, darkroom["gRPC"].spent_times[0]):
                    darkroom["gRPC"].one_by_one.append(await rate_of(by_grpc(client), database))
                with spending(stack, darkroom["JSON"].spent_times[0]):
                    darkroom["JSON"].one_by_one.append(await rate_of(_by_json(callers, model), database))
                with spending(stack, darkroom["gRPC"].spent_times[1]):
                    darkroom["gRPC"].in_batches.append(await rate_of_batches(batch_by_grpc(client), database))
                with spending(stack, darkroom["JSON"].spent_times[1]):
                    darkroom["JSON"].in_batches.append(await rate_of_batches(_batch_by_json(callers[0]), database))
                darkroom["gRPC"].waits += await _waits(stack, client, database)
                darkroom["past the edge"].one_by_one.append(await _past_the_edge(stack, database))
                for name, figures in contenders.items():
                    versions[name] = await contend(stack, name, figures)
    finally:
        await database.close()
    rows: list[Sequence[str]] = [figures.row(f"Darkroom, {name}") for name, figures in darkroom.items()]
    rows += [figures.row(f"{name} {versions[name]}") for name, figures in contenders.items()]
    return Section(
        "No-op tasks",
        f"{TASKS:,} tasks that do nothing, from the first call to the last success, {CALLERS} callers and {WORKERS} tasks at a time in "
        f"one worker process, one queue after the other on the same PostgreSQL server with its default durability, {_ROUNDS} times in "
        "turn: medians. Where its files are in memory, a commit waits for no disk; *On a disk*, below, has the same with one. *In "
        f"batches*: {BATCH} by one call, one call after the other. Then {_SINGLES} tasks each time, one after the other on an idle queue: "
        "from the call, and from its answer, to the beginning of the work, at the worker. A contender's callers and worker are one "
        "process that talks to PostgreSQL itself; Darkroom's calls go "
        "through authentication, idempotency keys, fair order, credits and webhooks, and every change of a task is an event on NATS. "
        "*JSON*: `POST /v1/tasks/:id/rerun` and `POST /v1/batches`. *Past the edge*: gRPC to the tasks service, with an identity and "
        "without Envoy and accounts. *Processor*: of all parts for one task, without the client.",
        (
            "queue",
            "one by one",
            "processor",
            "in batches",
            "processor",
            *("call to start, p50", "p99", "accepted to start, p50", "p99"),
        ),
        rows,
        f"One task by gRPC took, one by one: {shares(darkroom['gRPC'].spent_times[0], _ROUNDS * TASKS)}; in batches: "
        f"{shares(darkroom['gRPC'].spent_times[1], _ROUNDS * TASKS)}.",
        _goals(darkroom, contenders["procrastinate"]),
    )


def _goals(darkroom: dict[str, Figures], anchor: Figures) -> list[GoalResult]:
    results = []
    for path, suffix in (("gRPC", ""), ("JSON", ", JSON")):
        figures = darkroom[path]
        for way, rate, other, spent in zip(("one by one", "batches"), figures.rates(), anchor.rates(), figures.spent_times, strict=True):
            results.append(GoalResult(way + suffix, f"{rate:.0f}/s", (rate / other,), f"{other:.0f}/s", each(spent, _ROUNDS * TASKS)))
    mine, its = ([percentile([call for call, _ in queue.waits], share) for share in (0.5, 0.99)] for queue in (darkroom["gRPC"], anchor))
    now, beside = (f"{milliseconds(wait[0])} (p99 {milliseconds(wait[1])})" for wait in (mine, its))
    return [*results, GoalResult("start", now, (mine[0] / its[0],), beside)]


@asynccontextmanager
async def _callers(stack: ScratchStack) -> AsyncIterator[list[Connection]]:
    """A connection for each caller of the JSON API."""
    async with AsyncExitStack() as connections:
        key = {"Authorization": f"Bearer {stack.api_key}"}
        yield [await connections.enter_async_context(open_connection(stack.url, key)) for _ in range(CALLERS)]


def by_grpc(client: AsyncClient) -> list[Callable[[], Awaitable[object]]]:
    return [lambda: client.create_task([], _OPERATIONS)] * CALLERS


def _by_json(callers: list[Connection], model: int) -> list[Callable[[], Awaitable[object]]]:
    path = f"/v1/tasks/{model}/rerun"

    def caller(connection: Connection) -> Callable[[], Awaitable[object]]:
        return lambda: connection.call("POST", path, Idempotency_Key=str(uuid.uuid4()))

    return [caller(connection) for connection in callers]


def batch_by_grpc(client: AsyncClient) -> Callable[[int], Awaitable[object]]:
    return lambda count: client.batches.create([()] * count, _OPERATIONS)


def _batch_by_json(connection: Connection) -> Callable[[int], Awaitable[object]]:
    def create(count: int) -> Awaitable[object]:
        asked = {"items": [{}] * count, "operations": [{"noop": {}}]}
        return connection.call("POST", "/v1/batches", asked, Idempotency_Key=str(uuid.uuid4()))

    return create


async def rate_of(callers: list[Callable[[], Awaitable[object]]], database: asyncpg.Connection, count: int = TASKS) -> float:
    begun, left = time.perf_counter(), iter(range(count))

    async def call(create: Callable[[], Awaitable[object]]) -> None:
        for _ in left:
            await create()

    await asyncio.gather(*map(call, callers))
    await _drained(database)
    return count / (time.perf_counter() - begun)


async def rate_of_batches(create: Callable[[int], Awaitable[object]], database: asyncpg.Connection) -> float:
    begun = time.perf_counter()
    for first in range(0, TASKS, BATCH):
        await create(min(BATCH, TASKS - first))
    await _drained(database)
    return TASKS / (time.perf_counter() - begun)


async def _past_the_edge(stack: ScratchStack, database: asyncpg.Connection) -> float:
    signer = Signer("accounts", Path(stack.settings("accounts")["DARKROOM_SIGNING_KEY_FILE"]))
    account_id = await database.fetchval("SELECT account_id FROM task LIMIT 1")
    metadata = ((IDENTITY_HEADER, signer.identity_token(account_id, 1)),)
    request = tasks_service_pb2.CreateTaskRequest(operations=_OPERATIONS)
    async with grpc.aio.insecure_channel(stack.address("tasks"), options=(("grpc.default_authority", "darkroom"),)) as channel:
        tasks = TasksServiceStub(channel)
        return await rate_of([lambda: tasks.CreateTask(request, metadata=metadata)] * CALLERS, database)


async def _drained(database: asyncpg.Connection) -> None:
    """Wait until no task is open."""
    while await database.fetchval("SELECT sum(open) FROM account_policy"):
        await asyncio.sleep(_PAUSE)


async def _waits(stack: ScratchStack, client: AsyncClient, database: asyncpg.Connection) -> list[tuple[float, float]]:
    """Waits from the call and from its answer to the start of a task, on this machine's clock."""
    calls: dict[int, tuple[float, float]] = {}
    for _ in range(_SINGLES):
        called = time.time()
        task = await client.create_task([], _OPERATIONS)
        calls[task.id] = called, time.time()
        await _drained(database)
    began = await begins(stack, calls)
    return [(began[task] - called, max(0.0, began[task] - accepted)) for task, (called, accepted) in calls.items()]


async def contend(stack: ScratchStack, name: str, figures: Figures) -> str:
    """Measure a contender once. Returns its version."""
    if not _PYTHON.exists():
        raise RuntimeError("the other queues are not installed; `make bench` does so")
    url = await asyncio.to_thread(stack.create_database)
    numbers = {"tasks": TASKS, "producers": CALLERS, "workers": WORKERS, "batch": BATCH, "singles": _SINGLES}
    options = [f"--{option}={number}" for option, number in numbers.items()]
    command = (str(_PYTHON), "-m", "benchmarks.contenders", name, f"--database={url.replace('+asyncpg', '')}", *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise RuntimeError(f"{name} ended with status {process.returncode}")
    await asyncio.to_thread(stack.drop_database, url)
    found = json.loads(output)
    figures.one_by_one.append(found["one_by_one"])
    figures.in_batches.append(found["in_batches"])
    figures.waits += [(called, accepted) for called, accepted in found["waits"]]
    return str(found["version"])
