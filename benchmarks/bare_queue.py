"""A queue with nothing but its way from the call to the end: `python -m benchmarks.bare_queue serve STATEMENTS SOCKET DATABASE` and
`… work SOCKET`.

The server commits a task that is created, commits it as taken, and writes it to the worker's stream; the worker writes its end to the same
stream, the server commits the end and answers the call that waits for it. There are no checks, no keys, no events, no JSON, and one worker.
A statement serves all calls that have come during the one before it, and so does a message of the stream. The statements are `plain`, on a
table of numbers and states, or those of the `platform`.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import asyncpg
import grpc
import uvloop

from benchmarks import platform_statements
from benchmarks.floor_server import serve

_SERVICE = "/benchmark.Queue/"
COMMIT, CREATE, WAIT, WORK, DRAIN = (_SERVICE + method for method in ("Commit", "Create", "Wait", "Work", "Drain"))
"""Commit a row and do no more; create one or more tasks; the end of one; the worker's stream; an answer when no task is open."""
TASK = struct.Struct("!qd")
"""The number of a task, which its caller chooses, and the seconds that it works."""
ENDED = struct.Struct("!qdd")
"""The number of a task, and when its work began and ended, on the clock that all processes of a machine share (`time.perf_counter`)."""
SLOTS = 16
_TABLE = "CREATE TABLE task (number bigint PRIMARY KEY, state smallint NOT NULL)"
_INSERT = "INSERT INTO task SELECT unnest($1::bigint[]), 0"
_TAKE = "UPDATE task SET state = 1 WHERE number = ANY($1::bigint[])"
_END = "UPDATE task SET state = 2 WHERE number = ANY($1::bigint[])"

Run = Callable[[list[int]], Awaitable[list[int]]]
"""Commits a change to tasks; returns those that it has changed."""


class _Committing:
    """Commits what has come while it last ran."""

    def __init__(self, run: Run) -> None:
        self._change = run
        self._numbers: list[int] = []
        self._next: asyncio.Task[list[int]] | None = None
        self._running = asyncio.Lock()

    async def commit(self, numbers: Iterable[int]) -> list[int]:
        """Returns, when these are committed, all that were changed with them."""
        self._numbers.extend(numbers)
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        return await asyncio.shield(self._next)

    async def _run(self) -> list[int]:
        async with self._running:
            numbers, self._numbers, self._next = self._numbers, [], None
            return await self._change(numbers)


class _Queue:
    """The tasks that are not taken, and the calls that wait."""

    def __init__(self, insert: Run, take: Run, end: Run) -> None:
        self._insert, self._take, self._end = (_Committing(run) for run in (insert, take, end))
        self._queued: deque[int] = deque()
        self._seconds: dict[int, float] = {}
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._open, self._free = 0, SLOTS
        self._changed = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()

    async def commit(self, request: bytes, _context: object) -> bytes:
        """Only a row."""
        await self._insert.commit([TASK.unpack(request)[0]])
        return b""

    async def create(self, request: bytes, _context: object) -> bytes:
        """Answers when the tasks are committed; they are taken meanwhile."""
        tasks = dict(TASK.iter_unpack(request))
        self._open += len(tasks)
        self._seconds |= tasks
        await self._insert.commit(tasks)
        self._queued += tasks
        self._changed.set()
        return b""

    async def wait(self, request: bytes, _context: object) -> bytes:
        """Answers with the end, which is still to come."""
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[TASK.unpack(request)[0]] = waiting
        return await waiting

    async def drain(self, _request: bytes, _context: object) -> bytes:
        """Answers when every task has ended."""
        while self._open:
            await asyncio.sleep(0.001)
        return b""

    async def work(self, _requests: object, stream: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """Give the worker what it has slots for, and take its ends."""
        await stream.send_initial_metadata(())
        giving = asyncio.create_task(self._give(stream))
        try:
            while isinstance(message := await stream.read(), bytes):
                ended = list(ENDED.iter_unpack(message))
                self._free += len(ended)
                self._changed.set()
                answering = asyncio.create_task(self._answer(ended))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
        finally:
            giving.cancel()

    async def _give(self, stream: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        while True:
            if count := min(self._free, len(self._queued)):
                numbers = [self._queued.popleft() for _ in range(count)]
                self._free -= count
                taken = await self._take.commit(numbers)
                await stream.write(b"".join(TASK.pack(number, self._seconds.pop(number)) for number in taken))
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _answer(self, ended: list[tuple[int, float, float]]) -> None:
        await self._end.commit(number for number, _, _ in ended)
        self._open -= len(ended)
        for task in ended:
            if (waiting := self._waiting.pop(task[0], None)) is not None:
                waiting.set_result(ENDED.pack(*task))


def _serve(statements: str, socket: str, database: str) -> None:
    if statements == "platform":
        platform_statements.migrate(database)
    uvloop.run(_serve_queue(statements, socket, database))


async def _serve_queue(statements: str, socket: str, database: str) -> None:
    # What is planned while the table is empty would read all of it later.
    connections = [await asyncpg.connect(database, server_settings={"enable_seqscan": "off"}) for _ in range(3)]
    if statements == "platform":
        await platform_statements.add_account(connections[0])
        platform = platform_statements.PlatformStatements(*connections)
        queue = _Queue(platform.create, platform.take, platform.end)
    else:
        await connections[0].execute(_TABLE)
        queue = _Queue(*map(_plain, connections, (_INSERT, _TAKE, _END)))
    unary = {COMMIT: queue.commit, CREATE: queue.create, WAIT: queue.wait, DRAIN: queue.drain}
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        path: grpc.unary_unary_rpc_method_handler(method) for path, method in unary.items()
    }
    await serve(socket, methods | {WORK: grpc.stream_stream_rpc_method_handler(queue.work)})


def _plain(connection: asyncpg.Connection, statement: str) -> Run:
    async def run(numbers: list[int]) -> list[int]:
        await connection.execute(statement, numbers)
        return numbers

    return run


async def _work(socket: str) -> None:
    """Hold a stream, and end each task when its time is over."""
    loop = asyncio.get_running_loop()
    ended: list[bytes] = []
    changed = asyncio.Event()

    def end(number: int, began: float) -> None:
        ended.append(ENDED.pack(number, began, time.perf_counter()))
        changed.set()

    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(WORK)
        stream = method()

        async def report() -> None:
            while True:
                await changed.wait()
                changed.clear()
                message = b"".join(ended)
                ended.clear()
                await stream.write(message)

        await stream.wait_for_connection()
        print(flush=True)
        reporting = asyncio.create_task(report())
        while isinstance(message := await stream.read(), bytes):
            began = time.perf_counter()
            for number, seconds in TASK.iter_unpack(message):
                if seconds:
                    loop.call_later(seconds, end, number, began)
                else:
                    end(number, began)
        await reporting


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(*sys.argv[2:])
    else:
        uvloop.run(_work(*sys.argv[2:]))
