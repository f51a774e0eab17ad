"""The floor of a picture by form: its irreducible steps without the platform's services, so that each guarantee's own cost is known."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import asyncpg
import grpc
import nats
import psutil
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from benchmarks import bare_worker, shrinking, tools
from benchmarks.bare_envoy import CHECKS, SOCKET, envoy
from benchmarks.bare_worker import Editor, editor
from benchmarks.load import FORM, Connection, call_until, content_of, form, open_connection, time_call
from benchmarks.processor import Spent, each, families
from benchmarks.shrinking import draw_photo, resize_form
from benchmarks.table import Section, milliseconds, percentile
from benchmarks.transfers import presign_urls
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.stack import ScratchStack

_ROUNDS, _ALONE, _CALLERS, _SECONDS = 3, 15, 8, 2.0
_THREAD, _CHILD, _WORKER, _STORED, _FILES, _TASKS, _MESSAGE, _EDGE = range(8)
_STEPS = (
    ("the form read, libvips in a thread, a reply", "none"),
    ("libvips in a warm child, confined, for one account", "a hostile file harms nobody"),
    ("+ that child at a worker in another process, by gRPC", "workers on any machine; one that dies ends no call but its own"),
    ("+ two PUTs to the S3 server, the first meanwhile", "the input and the result can be fetched, and used again"),
    ("+ a commit in the database of files", "quotas, retention, who owns a file"),
    ("+ a commit in the database of tasks", "exactly one end and one charge, after a crash as well"),
    ("+ a message to NATS, confirmed", "webhooks and watchers miss no event"),
    ("+ an edge, which asks whether a call may pass", "one port for all, and no call without a key"),
)
_FILES_TABLES = """
CREATE TABLE usage (account_id bigint PRIMARY KEY, bytes bigint NOT NULL);
CREATE TABLE file (id bigserial PRIMARY KEY, account_id bigint NOT NULL, name text, key text NOT NULL, bytes bigint NOT NULL,
  created timestamptz NOT NULL DEFAULT now(), expires timestamptz NOT NULL DEFAULT now() + interval '1 day');
CREATE INDEX ON file (account_id, id);
CREATE INDEX ON file (expires);
INSERT INTO usage VALUES (1, 0)
"""
_FILES_STATEMENT = """
WITH made AS (
  INSERT INTO file (account_id, name, key, bytes) VALUES (1, 'photo.jpg', 'in', $1), (1, 'photo.jpg', 'out', $2) RETURNING bytes
)
UPDATE usage SET bytes = usage.bytes + (SELECT sum(made.bytes) FROM made) WHERE account_id = 1
"""
_TASKS_TABLES = """
CREATE TABLE policy (account_id bigint PRIMARY KEY, credits bigint NOT NULL);
CREATE TABLE task (id bigserial PRIMARY KEY, account_id bigint NOT NULL, state smallint NOT NULL, operations bytea NOT NULL,
  created timestamptz NOT NULL DEFAULT now(), ended timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON task (account_id, id);
CREATE TABLE event (id bigserial PRIMARY KEY, task_id bigint NOT NULL, state smallint NOT NULL, time timestamptz NOT NULL DEFAULT now());
CREATE TABLE outbox (id bigserial PRIMARY KEY, task_id bigint NOT NULL, message bytea NOT NULL);
INSERT INTO policy VALUES (1, 0)
"""
_TASKS_STATEMENT = """
WITH made AS (INSERT INTO task (account_id, state, operations) VALUES (1, 5, $1) RETURNING id),
  told AS (INSERT INTO event (task_id, state) SELECT id, state FROM made, unnest(ARRAY[1, 5]) AS state),
  sent AS (INSERT INTO outbox (task_id, message) SELECT id, $1 FROM made)
UPDATE policy SET credits = credits - 1 WHERE account_id = 1
"""
_STREAM = "BARE"


async def measure(stack: ScratchStack) -> Section:
    """Each step added to those before, in turn."""
    section = Section(
        "The floor of a form resize",
        "The same form as above to an HTTP server of this process, on the stack's own S3 server, PostgreSQL and NATS, with the sandbox of "
        "the worker, but without the platform's services: no key, no turns, no limits, and tables of the fewest columns. Each row "
        "has the steps of those before it, too; the last ones have all steps, with the file and the work of a picture tool, see below. "
        "*Guarantee*: what the step is for, and what it would cost to go without. "
        f"*Alone*: the median of {_ROUNDS} × {_ALONE} calls. *Processor*: of this process, the caller included, its children, the S3 "
        f"server, PostgreSQL and NATS, for one of the calls of {_CALLERS} callers.",
        ("steps", "guarantee", "alone, p50", "more", f"{_CALLERS} callers", "processor", "more"),
    )
    forms = {"": resize_form(await asyncio.to_thread(draw_photo))}
    forms |= dict.fromkeys(tools.CHOSEN, form(("file", "photo.jpg", (await asyncio.to_thread(tools.pictures))["jpg"])))
    cases = [*((step, "") for step in range(len(_STEPS))), *((_EDGE, tool) for tool in tools.CHOSEN)]
    alone: list[list[float]] = [[] for _ in cases]
    calls, spent = [0] * len(cases), [Counter[str]() for _ in cases]
    others = {child.pid for child in psutil.Process().children(recursive=True)}
    async with _server(stack) as server, AsyncExitStack() as opening:
        urls = (server.url, server.edge)
        straight, at_edge = [[await opening.enter_async_context(open_connection(url)) for _ in range(_CALLERS)] for url in urls]

        async def call(connection: Connection) -> None:
            await connection.request("POST", "/", forms[server.tool], FORM)

        for _ in range(_ROUNDS):
            for case, (server.last_step, server.tool) in enumerate(cases):
                callers = at_edge if server.last_step >= _EDGE else straight
                async with server.connected_storage():
                    await asyncio.gather(*map(call, callers))
                    alone[case] += [await time_call(call, callers[0]) for _ in range(_ALONE)]
                    before = _spent(stack, others)
                    calls[case] += len(await call_until(callers, call, time.perf_counter() + _SECONDS))
                    spent[case].update(_spent(stack, others) - before)
    medians = [percentile(times, 0.5) for times in alone]
    costs = [taken.total() / 1e6 / count for taken, count in zip(spent, calls, strict=True)]
    rates = [f"{count / _SECONDS / _ROUNDS:.0f}/s" for count in calls]
    for number, (step, tool) in enumerate(cases):
        steps, guarantee = (f"all steps, the tool `{tool}`", "all of these") if tool else _STEPS[step]
        more = [milliseconds(values[number] - values[number - 1]) if step and not tool else "–" for values in (medians, costs)]
        section.rows.append(
            (steps, guarantee, milliseconds(medians[number]), more[0], rates[number], each(spent[number], calls[number]), more[1])
        )
        if tool:
            section.floors[f"tool: {tool}"] = f"{milliseconds(medians[number])}, {rates[number]}"
    section.floors |= {
        "resize": milliseconds(medians[_EDGE]),
        "resize, 8 callers": rates[_EDGE],
        "resize, processor": milliseconds(costs[_EDGE]),
    }
    return section


@dataclass
class _Server:
    """Answers forms with as many of the steps as it is set to."""

    here: Editor
    worker: Callable[[bytes], Awaitable[bytes]]
    storage: str
    """The URL of the S3 server."""
    paths: Sequence[str]
    """Where to PUT files, as many as there may be at a time."""
    files: asyncpg.Pool
    tasks: asyncpg.Pool
    messages: JetStreamContext
    last_step: int = 0
    tool: str = ""
    """Whose work is done; empty: the picture is made smaller."""
    url: str = ""
    edge: str = ""
    """The URL of an edge before it."""
    puts: asyncio.Queue[tuple[Connection, str]] = field(default_factory=asyncio.Queue)
    """Connections to the storage that are free, each with a path of its own."""

    @asynccontextmanager
    async def connected_storage(self) -> AsyncIterator[None]:
        """Fresh connections to the storage, which ends those that are idle for seconds, until the block ends."""
        async with AsyncExitStack() as opening:
            self.puts = asyncio.Queue()
            for path in self.paths:
                self.puts.put_nowait((await opening.enter_async_context(open_connection(self.storage)), path))
            yield

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The forms of one connection, until it ends."""
        while head := await _head(reader):
            if CHECKS.encode() in head.split(b"\r\n", 1)[0]:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            reply = await self._answer(content_of(await reader.readexactly(length), "file"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply))
            await writer.drain()

    async def _answer(self, picture: bytes) -> bytes:
        if self.last_step == _THREAD:
            return b"%d" % len(await asyncio.to_thread(shrinking.shrink, picture))
        kept = asyncio.create_task(self._put(picture)) if self.last_step >= _STORED else None
        result = await (self.worker if self.last_step >= _WORKER else self.here.edit)(b"%s\n%s" % (self.tool.encode(), picture))
        if kept is not None:
            await asyncio.gather(kept, self._put(result))
        if self.last_step >= _FILES:
            await self.files.execute(_FILES_STATEMENT, len(picture), len(result))
        if self.last_step >= _TASKS:
            await self.tasks.execute(_TASKS_STATEMENT, bytes(200))
        if self.last_step >= _MESSAGE:
            await self.messages.publish(f"{_STREAM}.1", bytes(300))
        return b"%d" % len(result)

    async def _put(self, content: bytes) -> None:
        connection, path = await self.puts.get()
        await connection.request("PUT", path, content)
        self.puts.put_nowait((connection, path))


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


@asynccontextmanager
async def _server(stack: ScratchStack) -> AsyncIterator[_Server]:
    """A server with connections to all that it needs, until the block ends."""
    settings = stack.settings("files")
    storage = settings["DARKROOM_S3_ENDPOINT"]
    databases = [await asyncio.to_thread(stack.create_database) for _ in range(2)]
    urls = [urlsplit((await presign_urls(settings, storage, f"benchmark/{number}"))[0]) for number in range(2 * _CALLERS)]
    async with AsyncExitStack() as opening:
        pools = [
            await opening.enter_async_context(asyncpg.create_pool(database.replace("+asyncpg", ""), min_size=_CALLERS, max_size=_CALLERS))
            for database in databases
        ]
        for pool, tables in zip(pools, (_FILES_TABLES, _TASKS_TABLES), strict=True):
            await pool.execute(tables)
        client = await nats.connect(stack.nats_url)
        opening.push_async_callback(client.close)
        messages = client.jetstream()
        await messages.add_stream(StreamConfig(name=_STREAM, subjects=[f"{_STREAM}.*"], storage=StorageType.FILE))
        opening.push_async_callback(messages.delete_stream, _STREAM)
        here = await opening.enter_async_context(editor(_CALLERS))
        worker = await opening.enter_async_context(_worker())
        server = _Server(here, worker, storage, [f"{url.path}?{url.query}" for url in urls], pools[0], pools[1], messages)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1 << 20)
        opening.callback(listener.close)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        folder, port = opening.enter_context(TemporaryDirectory()), free_port()
        for_edge = await asyncio.start_unix_server(server.serve, f"{folder}/{SOCKET}", limit=1 << 20)
        opening.callback(for_edge.close)
        await opening.enter_async_context(envoy(folder, port, "http"))
        server.edge = f"http://127.0.0.1:{port}"
        yield server
    for database in databases:
        await asyncio.to_thread(stack.drop_database, database)


@asynccontextmanager
async def _worker() -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """The method of a worker in a process of its own, until the block ends."""
    command = (sys.executable, "-m", bare_worker.__name__, str(_CALLERS))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=bare_worker.MESSAGES) as channel:
        edit: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(bare_worker.EDIT)
        yield edit
    await process.communicate(b"")


def _spent(stack: ScratchStack, others: Collection[int]) -> Spent:
    """What this process, its children but for `others`, and the third-party servers have taken so far."""
    own = psutil.Process()
    spent: Spent = Counter({"own": round(sum(own.cpu_times()[:2]) * 1e6)})
    groups = {name: family for name, family in families(stack).items() if name in ("postgres", "s3", "nats")}
    children = [child for child in own.children(recursive=True) if child.pid not in others]
    for name, family in {"children": children, **groups}.items():
        for process in family:
            with suppress(psutil.NoSuchProcess):
                spent[name] += round(sum(process.cpu_times()[:4]) * 1e6)
    return spent
