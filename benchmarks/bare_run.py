"""A run of a picture tool with nothing but its way: `python -m benchmarks.bare_run front SOCKET QUEUE FOLDER` and
`… work QUEUE FOLDER`; where files can be PUT stands in the folder.

A form comes to the front, which stores its file, creates a task in a bare queue (`benchmarks.bare_queue`), and answers when the task has
ended. The worker does what the tool does by libvips alone, and stores the result. Nobody examines a file, a file and its result have no
records, and there is no sandbox.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import psutil
import uvicorn
import uvloop
from python_multipart.multipart import MultipartParser, parse_options_header
from yarl import URL

from benchmarks.bare_edge import edge
from benchmarks.bare_queue import CREATE, ENDED, TASK, WAIT, WORK
from benchmarks.bare_tasks import backends
from benchmarks.bare_tools import TOOLS
from benchmarks.programs import module
from deploy.local.scratch.stack import ScratchStack
from services.files.presign import Presigner
from services.inference.media import configure_libvips

_THREADS = 2
_OBJECTS = 64
"""For inputs, and for results; the next run overwrites the oldest."""
_URLS, _INPUTS, _RESULTS = "urls.json", "inputs", "results"
_URL_SECONDS = 3600
_PATIENCE_SECONDS = 20.0
_WAYS = [(name, format_) for format_ in ("jpg", "png") for name in TOOLS]
"""A task's number of seconds says which of them it is about."""

Message = MutableMapping[str, Any]
Store = Callable[[int, bytes], Awaitable[None]]


@asynccontextmanager
async def running(stack: ScratchStack, statements: str) -> AsyncIterator[tuple[str, list[psutil.Process]]]:
    """Its address and processes, behind a bare edge that authorizes each call. It uses the stack's PostgreSQL, in a database of its own,
    with these statements, as `bare_queue` names them, and the stack's object storage."""
    database = (await asyncio.to_thread(stack.create_database)).replace("+asyncpg", "")
    try:
        async with AsyncExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
            queue, socket, settings = folder / "queue", folder / "front", stack.settings("files")
            (folder / _URLS).write_text(json.dumps(_signed(settings)))
            commands = (
                ("benchmarks.bare_queue", "serve", statements, str(queue), database),
                (__name__, "work", str(queue), str(folder)),
                (__name__, "front", str(socket), str(queue), str(folder)),
            )
            processes = [await parts.enter_async_context(module(*command)) for command in commands]
            port, envoy = await parts.enter_async_context(edge(folder, socket, authorized=True, http2=False))
            storage = psutil.Process(stack.pid("s3"))
            await _listening(port)
            servers = [psutil.Process(pid) for pid in await backends(database)]
            yield f"http://127.0.0.1:{port}", [*processes, *envoy, *servers, storage]
    finally:
        await asyncio.to_thread(stack.drop_database, database)


async def _listening(port: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            with suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def path_of(tool: str, format_: str) -> str:
    """Where the front takes forms for a tool."""
    return f"/{_WAYS.index((tool, format_))}"


class _Front:
    """An ASGI application."""

    def __init__(self, folder: Path, channel: grpc.aio.Channel, store: Store) -> None:
        self._folder, self._store = folder, store
        self._create: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(CREATE)
        self._wait: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(WAIT)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return
        content = await _file_of(scope, receive)
        number = next(self._numbers)
        task = TASK.pack(number, float(scope["path"].strip("/")))
        # The worker's copy, which costs less than any other way to it.
        (self._folder / str(number)).write_bytes(content)
        await self._store(number, content)
        _, ended = await asyncio.gather(self._create(task), self._wait(task))
        body = json.dumps({"number": ENDED.unpack(ended)[0], "originalSize": len(content)}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


async def _file_of(scope: Message, receive: Callable[[], Awaitable[Message]]) -> bytes:
    """The first part of a form."""
    parts: list[list[bytes]] = []
    _, options = parse_options_header(dict(scope["headers"])[b"content-type"])

    def on_part_data(data: bytes, start: int, end: int) -> None:
        parts[-1].append(data[start:end])

    parser = MultipartParser(options[b"boundary"], {"on_part_begin": lambda: parts.append([]), "on_part_data": on_part_data})
    while True:
        message = await receive()
        parser.write(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts[0])


async def _serve(socket: str, queue: str, folder: str) -> None:
    async with aiohttp.ClientSession() as session, grpc.aio.insecure_channel(f"unix:{queue}") as channel:
        await asyncio.wait_for(channel.channel_ready(), _PATIENCE_SECONDS)
        front = _Front(Path(folder), channel, _stores(session, folder, _INPUTS))
        config = uvicorn.Config(front, uds=socket, http="httptools", loop="none", lifespan="off", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(flush=True)
        await serving


async def _work(queue: str, folder: str) -> None:
    """Hold a stream, and end each task when its result is stored."""
    configure_libvips(1)
    loop, threads, working = asyncio.get_running_loop(), ThreadPoolExecutor(_THREADS), set[asyncio.Task[None]]()
    async with aiohttp.ClientSession() as session, grpc.aio.insecure_channel(f"unix:{queue}") as channel:
        store = _stores(session, folder, _RESULTS)
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(WORK)
        stream, writing = method(), asyncio.Lock()

        async def run(number: int, way: float) -> None:
            began = time.perf_counter()
            await store(number, await loop.run_in_executor(threads, _result, Path(folder, str(number)), way))
            async with writing:
                await stream.write(ENDED.pack(number, began, time.perf_counter()))

        await stream.wait_for_connection()
        print(flush=True)
        while isinstance(message := await stream.read(), bytes):
            for number, way in TASK.iter_unpack(message):
                working.add(task := asyncio.create_task(run(number, way)))
                task.add_done_callback(working.discard)


def _result(source: Path, way: float) -> bytes:
    """What a tool makes of a file, which nobody needs afterwards."""
    name, format_ = _WAYS[int(way)]
    content = source.read_bytes()
    source.unlink()
    return TOOLS[name].run(content, format_)


def _stores(session: aiohttp.ClientSession, folder: str, kind: str) -> Store:
    """Stores the input or the result of a task."""
    urls = [URL(url, encoded=True) for url in json.loads(Path(folder, _URLS).read_text())[kind]]

    async def store(number: int, content: bytes) -> None:
        async with session.put(urls[number % len(urls)], data=content) as answer:
            await answer.read()
            answer.raise_for_status()

    return store


def _signed(settings: dict[str, str]) -> dict[str, list[str]]:
    endpoint, bucket, key, secret = (settings[f"DARKROOM_S3_{name}"] for name in ("ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY"))
    signer = Presigner(endpoint, bucket, "us-east-1", key, secret)
    return {kind: [signer.put(f"benchmark/{kind}/{number}", _URL_SECONDS) for number in range(_OBJECTS)] for kind in (_INPUTS, _RESULTS)}


if __name__ == "__main__":
    uvloop.run((_serve if sys.argv[1] == "front" else _work)(*sys.argv[2:]))
