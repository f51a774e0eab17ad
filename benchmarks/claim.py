"""What a claim costs as tasks pile up: N finished and N queued ones, in databases of their own on a PostgreSQL of its own, on disk."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.table import Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack
from services.platform.database import Database, engine
from services.platform.migrations import migrate
from services.tasks.model import Task
from services.tasks.model.records import Completion, Slot
from services.tasks.store.tasks import TaskStore

LANE, ACCOUNTS, PLACES, ROUNDS = "system", 1_000, 32, 100
_SIZES = (10_000, 1_000_000, 10_000_000)

# Every second task is queued; half of those belong to account 1, the rest to the other accounts in turn.
FILL = text("""
INSERT INTO task (
  id, account_id, state, lane, priority, trace_id, operations, input_file_ids, output_file_ids, notices, price_millicredits,
  attempt, max_attempts, run_at, progress, progress_message, last_sequence, create_time, update_time, end_time
)
SELECT
  number, CASE number % 4 WHEN 0 THEN 1 ELSE 2 + number / 2 % (:accounts - 1) END,
  CASE number % 2 WHEN 0 THEN 'QUEUED' ELSE 'SUCCEEDED' END, :lane, number % 5, 'trace', '{}', '{1,2}', '{}', '{}', 6000,
  0, 5, CASE WHEN number % 202 = 0 THEN stated.now + interval '1 day' END, 0, '', 1,
  stated.now, stated.now, CASE number % 2 WHEN 1 THEN stated.now END
FROM generate_series(1, CAST(:rows AS bigint) * 2) AS number, (SELECT CAST(:now AS timestamptz) AS now) AS stated
""")
OPEN = text("""
INSERT INTO account_policy (account_id, open)
SELECT account_id, count(*) FILTER (WHERE state = 'QUEUED') FROM task GROUP BY account_id
""")
LINE_UP = text("""
INSERT INTO lane_account (lane, account_id, priority_class, queued, virtual_time)
SELECT lane, account_id, 0, count(*) FILTER (WHERE state = 'QUEUED' AND run_at IS NULL), 0 FROM task GROUP BY lane, account_id
""")


async def measure(_stack: ScratchStack) -> Section:
    """Each size in turn, smallest first."""
    # The largest would not fit into memory, where throw-away stacks are while there is room.
    stack = ScratchStack(await asyncio.to_thread(_folder))
    try:
        await asyncio.to_thread(stack.up, ["postgres"])
        return await _measure(stack)
    finally:
        await asyncio.to_thread(stack.close)


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="darkroom-"))


async def _measure(stack: ScratchStack) -> Section:
    section = Section(
        "The claim by the depth of the queue",
        f"N finished and N queued tasks in one lane, half of the queued ones of one account and the rest of {ACCOUNTS - 1:,} others, one "
        f"in a hundred waiting for a retry; {ROUNDS} rounds, each at every size. Each figure is a whole call of the store, from Python to "
        f"the commit. *One place*: a worker has one free slot, and gets a task, RUNNING. *{PLACES} places*: as many tasks by one call, of "
        f"as many accounts. *Position*: `queue_position` of the last task of the account with half of them all. *End*: completing a task. "
        "The databases are on disk, and the largest is much larger than the server's cache.",
        ["N", "one place, p50", "p99", f"{PLACES} places, p50", "p99", "position, p50", "p99", "end, p50", "p99"],
    )
    async with AsyncExitStack() as databases:
        measured: list[tuple[int, TaskStore, _Figures]] = []
        for rows in _SIZES:
            print(f"{rows:,} rows …", file=sys.stderr)
            url = await asyncio.to_thread(stack.create_database)
            await asyncio.to_thread(migrate, "tasks", url)
            store = TaskStore(Database(await databases.enter_async_context(_filled(url, rows))))
            measured.append((rows, store, _Figures()))
        for _ in range(ROUNDS):
            for rows, store, figures in measured:
                await figures.add(store, rows)
    section.rows += [[f"{rows:,}", *map(milliseconds, figures.all())] for rows, _, figures in measured]
    return section


@asynccontextmanager
async def _filled(url: str, rows: int) -> AsyncIterator[AsyncEngine]:
    async with engine(url, 2) as database:
        async with database.begin() as connection:
            await connection.execute(FILL, {"rows": rows, "accounts": ACCOUNTS, "lane": LANE, "now": datetime.now(UTC)})
            await connection.execute(OPEN)
            await connection.execute(LINE_UP)
        async with database.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM ANALYZE"))
        yield database


class _Times:
    """How long each `with` block took, in seconds."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._seconds.append(time.perf_counter() - self._began)

    def figures(self) -> tuple[float, float]:
        """The median and the 99th percentile."""
        return percentile(self._seconds, 0.5), percentile(self._seconds, 0.99)


@dataclass
class _Figures:
    """What the rounds at one size took."""

    one: _Times = field(default_factory=_Times)
    many: _Times = field(default_factory=_Times)
    place: _Times = field(default_factory=_Times)
    end: _Times = field(default_factory=_Times)

    async def add(self, store: TaskStore, rows: int) -> None:
        """One round."""
        last = next(number for number in range(rows * 2, 0, -1) if number % 20 == 0 and number % 202)
        with self.many:
            tasks = await _take(store, PLACES)
        with self.one:
            tasks += await _take(store, 1)
        assert len(tasks) == PLACES + 1
        with self.place:
            position = await store.place(last)
        assert position is not None
        for task in tasks:
            with self.end:
                assert await store.complete([Completion(task.id, 1, [])], now=datetime.now(UTC)) != [None]

    def all(self) -> list[float]:
        """The median and the 99th percentile of each."""
        return [figure for times in (self.one, self.many, self.place, self.end) for figure in times.figures()]


async def _take(store: TaskStore, places: int) -> list[Task]:
    now = datetime.now(UTC)
    slots = [Slot(uuid4(), "worker") for _ in range(places)]
    return list((await store.take(LANE, slots, max_running=1_000, lease_until=now + timedelta(minutes=1), now=now)).tasks)
