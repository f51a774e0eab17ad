"""The bytes of a small file as an object of the storage, and in a row of PostgreSQL: what either way of keeping them takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg

from benchmarks.load import open_connection
from benchmarks.processor import Spent, each, spending
from benchmarks.table import Section, milliseconds, percentile
from benchmarks.transfers import presign_urls
from deploy.local.scratch.stack import ScratchStack

_KIBIBYTES = (64, 512)
_RUNS, _WARM = 100, 5
# Photos are compressed already.
_TABLE = """
CREATE TABLE content (id bigserial PRIMARY KEY, bytes bytea NOT NULL);
ALTER TABLE content ALTER COLUMN bytes SET STORAGE EXTERNAL
"""

Keep = Callable[[bytes], Awaitable[object]]


async def measure(stack: ScratchStack) -> Section:
    """Files of each size, kept in both ways in turn."""
    section = Section(
        "Small files, as objects and in rows",
        f"Random bytes, kept {_RUNS} times in either way, in turn, over connections that stay open: by a PUT to the S3 server, with which "
        "no commit waits, or by an INSERT with its commit, uncompressed; they would still have to be moved to the storage, or be served "
        "from there. *Processor*: of all parts of the stack, without this process.",
        ("size", "PUT, p50", "processor", "row and commit, p50", "processor"),
    )
    settings = stack.settings("files")
    storage = settings["DARKROOM_S3_ENDPOINT"]
    url = urlsplit((await presign_urls(settings, storage))[0])
    database = await asyncio.to_thread(stack.create_database)
    async with AsyncExitStack() as opening:
        connection = await opening.enter_async_context(open_connection(storage))
        rows = await asyncpg.connect(database.replace("+asyncpg", ""))
        opening.push_async_callback(rows.close)
        await rows.execute(_TABLE)

        async def put(content: bytes) -> object:
            return await connection.request("PUT", f"{url.path}?{url.query}", content)

        async def insert(content: bytes) -> object:
            return await rows.execute("INSERT INTO content (bytes) VALUES ($1)", content)

        for size in _KIBIBYTES:
            content = os.urandom(size << 10)
            cells = [await _kept(stack, keep, content) for keep in (put, insert)]
            section.rows.append((f"{size} KiB", *cells[0], *cells[1]))
    await asyncio.to_thread(stack.drop_database, database)
    return section


async def _kept(stack: ScratchStack, keep: Keep, content: bytes) -> tuple[str, str]:
    """Median and processor time."""
    times: list[float] = []
    spent: Spent = Counter()
    for _ in range(_WARM):
        await keep(content)
    with spending(stack, spent):
        for _ in range(_RUNS):
            begun = time.perf_counter()
            await keep(content)
            times.append(time.perf_counter() - begun)
    return milliseconds(percentile(times, 0.5)), each(spent, _RUNS)
