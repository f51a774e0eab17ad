"""What a million finished tasks cost the processes that work on later ones."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import psutil

from benchmarks.table import Section
from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from deploy.local.programs.postgres import connect
from deploy.local.scratch.stack import ScratchStack

_STORED, _RUN, _CALLERS = 1_000_000, 3_000, 16
_OPERATIONS = [operation_pb2.Operation(noop=noop_pb2.Noop())]
_FILL = """
INSERT INTO task SELECT (filled.task).* FROM (
  SELECT jsonb_populate_record(task, jsonb_build_object('id', number)) AS task
  FROM task, generate_series(1, $2::bigint) AS number WHERE task.id = $1
) AS filled
"""
_FILL_EVENTS = """
INSERT INTO task_event (task_id, sequence, state, attempt, progress, message, time)
SELECT number, sequence, 'SUCCEEDED', 1, 1, '', now() FROM generate_series(1, $1::bigint) AS number, generate_series(1, 4) AS sequence
"""


async def measure(stack: ScratchStack) -> Section:
    """Memory of the tasks process: as started, after some thousand real tasks, with a million more stored, and after as many again."""
    section = Section(
        "Memory after a million tasks",
        f"Proportional set size of the tasks process. {_RUN:,} no-op tasks are really run by {_CALLERS} callers; the million are rows made "
        "by SQL, copies of a finished task with four events each, of the account that then lists its tasks and runs as many again.",
        ("after", "tasks stored", "tasks process", "tasks/s"),
    )
    database = await connect(stack.stack.config, "tasks")
    try:
        async with AsyncClient(stack.url, stack.api_key) as client:
            section.rows.append(await _row(stack, database, "the start", ""))
            rate = await _work(client, database)
            section.rows.append(await _row(stack, database, f"{_RUN:,} real tasks", rate))
            model = await database.fetchval("SELECT id FROM task WHERE state = 'SUCCEEDED' LIMIT 1")
            await database.execute(_FILL, model, _STORED, timeout=600)
            await database.execute(_FILL_EVENTS, _STORED, timeout=600)
            await database.execute("VACUUM ANALYZE task, task_event", timeout=600)
            await client.list_tasks(1000)
            rate = await _work(client, database)
            section.rows.append(await _row(stack, database, f"a million more and {_RUN:,} real tasks", rate))
    finally:
        await database.close()
    return section


async def _work(client: AsyncClient, database: asyncpg.Connection) -> str:
    begun, left = time.perf_counter(), iter(range(_RUN))

    async def call() -> None:
        for _ in left:
            await client.create_task([], _OPERATIONS)

    await asyncio.gather(*(call() for _ in range(_CALLERS)))
    while await database.fetchval("SELECT sum(open) FROM account_policy"):
        await asyncio.sleep(0.05)
    return f"{_RUN / (time.perf_counter() - begun):.0f}"


async def _row(stack: ScratchStack, database: asyncpg.Connection, after: str, rate: str) -> list[str]:
    used = psutil.Process(stack.pid("tasks")).memory_full_info().pss
    stored = await database.fetchval("SELECT count(*) FROM task")
    return [after, f"{stored:,}", f"{used / 2**20:.0f} MiB", rate]
