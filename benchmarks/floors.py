"""The least that steps of a task can take on this machine, with the programs and libraries that the platform uses."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import grpc
import psutil

from benchmarks.floor_server import METHOD
from benchmarks.table import Section, percentile
from deploy.local.config import tool
from deploy.local.programs.postgres import connect
from deploy.local.scratch.ports import free_port
from deploy.local.scratch.stack import ScratchStack

_SECONDS, _CALLERS = 4.0, 16
_ROWS = 100

Call = Callable[[], Awaitable[object]]


async def measure(stack: ScratchStack) -> Section:
    """An empty method, directly and through an edge that does nothing else, and statements that commit a row."""
    section = Section(
        "Floors",
        f"What the parts of a call take by themselves: alone, and {_CALLERS} callers for {_SECONDS:.0f} s. *An empty method*: "
        "of grpc.aio, without an interceptor, called by grpc.aio; through an Envoy that only forwards. *One row*: `INSERT` into a table of "
        "one column on the stack's PostgreSQL, by asyncpg, with its commit on disk; of 100 rows, one statement. *Processor*: of the server "
        "and Envoy, or of the server's connections, for one call.",
        ("what", "alone, p50", "p99", f"{_CALLERS} callers", "processor"),
    )
    async with _server() as (port, server):
        async with _channel(port) as call:
            section.rows.append(await _row("an empty method", [call] * _CALLERS, [server]))
        async with _envoy(port) as (edge_port, envoy), _channel(edge_port) as call:
            section.rows.append(await _row("an empty method through Envoy", [call] * _CALLERS, [server, envoy]))
    section.rows += await _statements(stack)
    return section


async def _row(name: str, callers: list[Call], processes: list[psutil.Process]) -> list[str]:
    for _ in range(20):
        await callers[0]()
    alone = [await _timed(callers[0]) for _ in range(200)]
    end = time.perf_counter() + _SECONDS
    before = _processor_seconds(processes)

    async def caller(call: Call) -> int:
        count = 0
        while time.perf_counter() < end:
            await call()
            count += 1
        return count

    calls = sum(await asyncio.gather(*map(caller, callers)))
    processor = (_processor_seconds(processes) - before) / calls
    waits = [f"{percentile(alone, share) * 1000:.2f} ms" for share in (0.5, 0.99)]
    return [name, *waits, f"{calls / _SECONDS:,.0f}/s", f"{processor * 1000:.2f} ms"]


async def _timed(call: Call) -> float:
    begun = time.perf_counter()
    await call()
    return time.perf_counter() - begun


def _processor_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@asynccontextmanager
async def _server() -> AsyncIterator[tuple[int, psutil.Process]]:
    """The port and process of a server with an empty method."""
    command = (sys.executable, "-m", "benchmarks.floor_server")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline()), psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _channel(port: int) -> AsyncIterator[Call]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        yield lambda: method(b"")


@asynccontextmanager
async def _envoy(port: int) -> AsyncIterator[tuple[int, psutil.Process]]:
    """The port and process of an Envoy that forwards HTTP/2 to that port."""
    own = free_port()
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "floor",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]}]
        },
        "http_filters": [router],
    }
    protocol = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    cluster = {
        "name": "one",
        "load_assignment": {"cluster_name": "one", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
    }
    chains = [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]
    resources = {"listeners": [{"address": _address(own), "filter_chains": chains}], "clusters": [cluster]}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "envoy.json"
        config.write_text(json.dumps({"static_resources": resources}))
        command = (str(tool("envoy")), "-c", str(config), "--disable-hot-restart", "--log-level", "error")
        process = await asyncio.create_subprocess_exec(*command)
        try:
            yield own, psutil.Process(process.pid)
        finally:
            process.kill()
            await process.wait()


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


async def _statements(stack: ScratchStack) -> list[list[str]]:
    """One row, and many rows, by as many connections as callers."""
    connections = [await connect(stack.stack.config, "tasks") for _ in range(_CALLERS)]
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
