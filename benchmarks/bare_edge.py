"""Status polls through bare edges: the same Envoy and PostgreSQL, and one process that knows nothing of keys, accounts or limits.

`python -m benchmarks.bare_edge SOCKET DATABASE grpc|http`, with the reply on standard input, is that process.
"""

from __future__ import annotations

import asyncio
import statistics
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import asyncpg
import grpc
import psutil
import uvloop
from google.protobuf import json_format

from benchmarks.bare_envoy import CHECKS, DESCRIPTORS, SOCKET, envoy
from benchmarks.bare_queue import YES
from benchmarks.load import Load, RefusedCallError, get_repeatedly, open_connection
from benchmarks.processor import Spent, each, shares, spending
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.rest.v1 import tasks_pb2
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.stack import ScratchStack
from edge.bodies import transcoded_descriptors

_CONNECTIONS, _ROUNDS, _SECONDS = 16, 3, 3.0
_SERVICE = "darkroom.rest.v1.TasksService"


async def measure(stack: ScratchStack) -> Section:
    """A poll of the platform and bare ones, in turn."""
    section = Section(
        "The floor of status polls",
        f"The poll as above, {_CONNECTIONS} connections for {_ROUNDS} × {_SECONDS:.0f} s, in turn with the same request through an Envoy "
        "of the least configuration, which asks whether the request may pass, and transcodes it; one process says yes to each question, "
        "runs one prepared SELECT of one row on the same PostgreSQL server, and replies with the same bytes. *Bare gRPC*: it is asked and "
        "called by gRPC, with grpc.aio on uvloop and no interceptor. *Bare HTTP*: both over HTTP/1.1, as in the platform, by some "
        "lines that read just these requests: the floor. What the platform adds to it is the key and its limits, the signed identity, "
        "the rules of the request, errors in the form of each API, traces, metrics and logs, and a reply made of the row. *Processor*: of "
        "all parts for one reply, without the generator.",
        ("way", "replies/s", "p50", "p99", "processor"),
    )
    async with AsyncClient(stack.url, stack.api_key) as client:
        task = await client.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop())])
        await client.wait(task.id)
    path, key = f"/v1/tasks/{task.id}/status", {"Authorization": f"Bearer {stack.api_key}"}
    async with open_connection(stack.url, key) as connection:
        reply = json_format.Parse(await connection.request("GET", path), tasks_pb2.TaskStatusEnvelope()).SerializeToString()
    names = ("Darkroom", "bare gRPC", "bare HTTP")
    spent: dict[str, Spent] = {name: Counter() for name in names}
    loads: dict[str, list[Load]] = {name: [] for name in names}
    async with _bare_edge(stack, reply, "grpc") as grpc_edge, _bare_edge(stack, reply, "http") as http_edge:
        ways = zip(names, ((stack.url, {}), grpc_edge, http_edge), strict=True)
        for name, (url, processes) in [*ways] * _ROUNDS:
            before = _times(processes)
            with spending(stack, spent[name]):
                loads[name].append(await get_repeatedly(url + path, key, _CONNECTIONS, _SECONDS))
            spent[name].update(_times(processes) - before)
    rates = {name: statistics.median(load.per_second for load in loads[name]) for name in names}
    for name, rate in rates.items():
        times = [latency for load in loads[name] for latency in load.latencies]
        quantiles = (milliseconds(percentile(times, share)) for share in (0.5, 0.99))
        section.rows.append((name, f"{rate:.0f}", *quantiles, each(spent[name], len(times))))
        section.remarks = f"{section.remarks} {name}: {shares(spent[name], len(times))}.".strip()
    mine, bare, floor = rates.values()
    section.goals = [GoalResult("polls", f"{mine:.0f}/s", (mine / bare,), f"{bare:.0f}/s", section.rows[0][-1])]
    section.floors = {"polls": f"{floor:.0f}/s"}
    return section


@asynccontextmanager
async def _bare_edge(stack: ScratchStack, reply: bytes, protocol: str) -> AsyncIterator[tuple[str, dict[str, psutil.Process]]]:
    """The URL of an edge that speaks so to what is behind it, and its processes by name."""
    database, port = await asyncio.to_thread(stack.create_database), free_port()
    with TemporaryDirectory() as folder:
        (Path(folder) / DESCRIPTORS).write_bytes(transcoded_descriptors([_SERVICE]).SerializeToString())
        command = (sys.executable, "-m", __name__, f"{folder}/{SOCKET}", database.replace("+asyncpg", ""), protocol)
        server = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        try:
            assert server.stdin is not None
            server.stdin.write(reply)
            server.stdin.close()
            async with envoy(folder, port, protocol, _SERVICE) as edge:
                url = f"http://127.0.0.1:{port}"
                await _answers(url)
                yield url, {"bare process": psutil.Process(server.pid), "bare Envoy": psutil.Process(edge)}
        finally:
            server.terminate()
            await server.wait()
    await asyncio.to_thread(stack.drop_database, database)


async def _answers(url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with open_connection(url) as connection:
                    await connection.request("GET", "/v1/tasks/1/status")
                return
            except (OSError, asyncio.IncompleteReadError, RefusedCallError):
                await asyncio.sleep(0.1)


def _times(processes: dict[str, psutil.Process]) -> Spent:
    return Counter({name: round(sum(process.cpu_times()[:2]) * 1e6) for name, process in processes.items()})


class _Statements:
    """The same prepared statement on as many connections as there are callers."""

    def __init__(self, connections: list[asyncpg.Connection]) -> None:
        self._connections, self._free = connections, list[Any]()

    async def prepare(self) -> None:
        await self._connections[0].execute(
            "CREATE TABLE task (id bigint PRIMARY KEY, state text); INSERT INTO task VALUES (1, 'SUCCEEDED')"
        )
        self._free = [await connection.prepare("SELECT * FROM task WHERE id = $1") for connection in self._connections]

    async def run(self) -> None:
        statement = self._free.pop()
        await statement.fetchrow(1)
        self._free.append(statement)


class _Methods(grpc.GenericRpcHandler):
    """Yes to each question, and the same reply to each call, after a SELECT."""

    def __init__(self, statements: _Statements, reply: bytes) -> None:
        self._statements, self._reply = statements, reply
        self._check: Any = grpc.unary_unary_rpc_method_handler(self._yes)
        self._call: Any = grpc.unary_unary_rpc_method_handler(self._status)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._check if handler_call_details.method.endswith("/Check") else self._call

    async def _yes(self, _request: bytes, _context: object) -> bytes:
        return YES

    async def _status(self, _request: bytes, _context: object) -> bytes:
        await self._statements.run()
        return self._reply


class _Requests(asyncio.Protocol):
    """The same, over HTTP/1.1."""

    def __init__(self, statements: _Statements, reply: bytes) -> None:
        self._statements, self._received = statements, b""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n"
        framed = struct.pack("!BI", 0, len(reply)) + reply
        self._reply = b"%b%x\r\n%b\r\n0\r\ngrpc-status: 0\r\n\r\n" % (head, len(framed), framed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        is_question = self._received.startswith(f"GET {CHECKS}".encode())
        if not self._received.endswith(b"\r\n\r\n" if is_question else b"\r\n0\r\n\r\n"):
            return
        self._received = b""
        if is_question:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        else:
            self._answering = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        await self._statements.run()
        self._transport.write(self._reply)


async def _serve(socket: str, database: str, protocol: str, reply: bytes) -> None:
    statements = _Statements([await asyncpg.connect(database) for _ in range(_CONNECTIONS)])
    await statements.prepare()
    if protocol == "http":
        await asyncio.get_running_loop().create_unix_server(lambda: _Requests(statements, reply), socket)
        await asyncio.Event().wait()
    server = grpc.aio.server(handlers=[_Methods(statements, reply)])
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3], sys.stdin.buffer.read()))
