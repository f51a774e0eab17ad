"""The least that steps of a task can take on this machine, with the programs and libraries that the platform uses."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import grpc
import psutil

from benchmarks.bare_edge import edge
from benchmarks.bare_queue import SLOTS
from benchmarks.bare_tasks import BATCH, CALLERS, ROUNDS, TASKS, WORK_SECONDS, floors, processor_seconds, running
from benchmarks.floor_server import METHOD
from benchmarks.programs import module
from benchmarks.table import Section, percentile
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack

_SECONDS = 3.0
_ROWS = 100
_METHOD = (
    f"What the parts of a call, an upload and a task take by themselves: alone, and {CALLERS} callers for {_SECONDS:.0f} s, by the "
    "technology of the platform with none of its features. *An empty method*: of grpc.aio on uvloop, without an interceptor, called by "
    "grpc.aio; through an Envoy that only forwards; and through one that first asks a server, by HTTP, which lets everything pass "
    "(*authorized*). *One row*: `INSERT` into a table of one column on the stack's PostgreSQL, by asyncpg, with its commit on disk; of "
    f"{_ROWS} rows, one statement. *Processor*: for one call or task, of all these processes, or of the server's connections, without the "
    "caller.\n\n"
    "*Bare queue*: a gRPC server that commits a task (`INSERT`), commits it as taken (`UPDATE`) and writes it to a worker's stream; the "
    "worker, a process of its own, writes the end to the stream; the server commits that (`UPDATE`) and answers the call that waits. A "
    "task is a number and a state: there are no keys, idempotency, checks, order, credits, events, retries, JSON or logs. Calls go through "
    f"that Envoy, authorized. What comes while a statement runs shares the next. *One by one*: {TASKS:,} tasks that do nothing, from the "
    f"first call to the last end, {SLOTS} at a time in the worker; the median of {ROUNDS} rounds. *In batches*: {BATCH} by one call, one "
    f"call after the other. *Call to start*, *end to known*: tasks of {WORK_SECONDS * 1000:.0f} ms, one after the other; the worker says "
    "when each began and ended. *With the platform's statements*: the same queue, whose three statements are those of the tasks service "
    "on its tables, with idempotency, order, credits, events and history; still with none of the code around them.\n\n"
    f"*Bare upload*, of the sample photo: a call that commits a row, a PUT through that Envoy, a GET straight from the storage, which who "
    "examines the file needs, and a call that commits a row. *Bare result*: a PUT of the same bytes straight to the storage, and a GET "
    "through that Envoy."
)

Call = Callable[[], Awaitable[object]]


async def measure(stack: ScratchStack) -> Section:
    """An empty method on its way through more and more, statements that commit a row, and a bare queue and upload."""
    section = Section("Floors", _METHOD, ("what", "alone, p50", "p99", f"{CALLERS} callers", "processor"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        socket = folder / "server"
        async with module("benchmarks.floor_server", str(socket)) as server:
            async with _channel(f"unix:{socket}") as call:
                section.rows.append(await _row("an empty method", [call] * CALLERS, [server]))
            for authorized, through in ((False, "Envoy"), (True, "Envoy, authorized")):
                async with edge(folder, socket, authorized=authorized) as (port, processes), _channel(f"127.0.0.1:{port}") as call:
                    section.rows.append(await _row(f"an empty method through {through}", [call] * CALLERS, [server, *processes]))
    section.rows += await _statements(stack)
    async with running(stack, "plain") as bare:
        commits: list[Call] = [lambda: bare.commit(bare.new())] * CALLERS
        section.rows.append(await _row("a method that commits a row, through Envoy, authorized", commits, bare.processes))
        plain = await bare.measure(transfers=True)
    async with running(stack, "platform") as bare:
        platform = await bare.measure(transfers=False)
    section.rows += plain.rows("bare queue") + platform.rows("bare queue with the platform's statements")
    section.floors = floors(plain, platform)
    return section


async def _row(name: str, callers: list[Call], processes: list[psutil.Process]) -> list[str]:
    for _ in range(20):
        await callers[0]()
    alone = [await _timed(callers[0]) for _ in range(200)]
    end = time.perf_counter() + _SECONDS
    before = processor_seconds(processes)

    async def caller(call: Call) -> int:
        count = 0
        while time.perf_counter() < end:
            await call()
            count += 1
        return count

    calls = sum(await asyncio.gather(*map(caller, callers)))
    processor = (processor_seconds(processes) - before) / calls
    waits = [f"{percentile(alone, share) * 1000:.2f} ms" for share in (0.5, 0.99)]
    return [name, *waits, f"{calls / _SECONDS:,.0f}/s", f"{processor * 1000:.2f} ms"]


async def _timed(call: Call) -> float:
    begun = time.perf_counter()
    await call()
    return time.perf_counter() - begun


@asynccontextmanager
async def _channel(target: str) -> AsyncIterator[Call]:
    async with grpc.aio.insecure_channel(target) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        yield lambda: method(b"")


async def _statements(stack: ScratchStack) -> list[list[str]]:
    """One row, and many rows, by as many connections as callers."""
    connections = [await connect(stack.stack.config, "tasks") for _ in range(CALLERS)]
    try:
        await connections[0].execute("CREATE TABLE benchmark_floor (number bigint)")
        servers = [psutil.Process(connection.get_server_pid()) for connection in connections]
        one = [_insert(connection, 1) for connection in connections]
        many = [_insert(connection, _ROWS) for connection in connections]
        return [await _row("one row", one, servers), await _row(f"{_ROWS} rows", many, servers)]
    finally:
        await connections[0].execute("DROP TABLE IF EXISTS benchmark_floor")
        for connection in connections:
            await connection.close()


def _insert(connection: asyncpg.Connection, rows: int) -> Call:
    numbers = list(range(rows))
    return lambda: connection.execute("INSERT INTO benchmark_floor SELECT unnest($1::bigint[])", numbers)
