"""The floor of no-op tasks: the least statements that keep their guarantees, by plain asyncpg on the same PostgreSQL server."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.processor import Spent, each, spent_so_far
from benchmarks.table import Section
from benchmarks.throughput import BATCH, CALLERS, TASKS, WORKERS
from deploy.local.scratch.stack import ScratchStack

_ROUNDS = 3
_TABLES = """
CREATE TABLE policy (account_id bigint PRIMARY KEY, open int NOT NULL, credits bigint NOT NULL);
CREATE TABLE task (id bigserial PRIMARY KEY, account_id bigint NOT NULL, key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  state smallint NOT NULL, operations bytea NOT NULL, created timestamptz NOT NULL DEFAULT now(), lease timestamptz, ended timestamptz);
CREATE INDEX ON task (id) WHERE state = 1;
CREATE INDEX ON task (lease) WHERE state = 2;
CREATE TABLE event (task_id bigint NOT NULL, state smallint NOT NULL, time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (task_id, state));
CREATE TABLE outbox (id bigserial PRIMARY KEY, tasks bigint[] NOT NULL, state smallint NOT NULL);
INSERT INTO policy VALUES (1, 0, 0)
"""
_STATEMENT = """
WITH changed AS ({change} RETURNING id),
  happened AS (INSERT INTO event (task_id, state) SELECT id, {state} FROM changed),
  sent AS (INSERT INTO outbox (tasks, state) SELECT array_agg(id), {state} FROM changed HAVING count(*) > 0){more}
SELECT id FROM changed
"""
_INSERT = _STATEMENT.format(
    change="INSERT INTO task (account_id, state, operations) SELECT 1, 1, decode(repeat('00', 100), 'hex') FROM generate_series(1, $1)",
    state=1,
    more=",\n  counted AS (UPDATE policy SET open = open + $1 WHERE account_id = 1)",
)
_TAKE = _STATEMENT.format(
    change="UPDATE task SET state = 2, lease = now() + interval '1 minute' WHERE id IN "
    "(SELECT id FROM task WHERE state = 1 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)",
    state=2,
    more="",
)
_COMPLETE = _STATEMENT.format(
    change="UPDATE task SET state = 5, lease = NULL, ended = now() WHERE id = ANY($1::bigint[]) AND state = 2",
    state=5,
    more=",\n  charged AS (UPDATE policy SET open = open - cardinality($1::bigint[]), credits = credits - cardinality($1::bigint[]) "
    "WHERE account_id = 1)",
)


async def measure(stack: ScratchStack) -> Section:
    """One by one and in batches, in turn."""
    section = Section(
        "The floor of no-op tasks",
        f"{TASKS:,} tasks as above on the same PostgreSQL server, {CALLERS} callers and {WORKERS} tasks at a time, by asyncpg from one "
        "process: a task is inserted, taken with SKIP LOCKED, and completed, each by one prepared statement and its commit, with a row for "
        "each event, a row of an outbox for each statement, and a count of open tasks and of credits in the row of the account. No process "
        f"is told of a task: {WORKERS} workers look again after 2 ms. In batches, {BATCH} are inserted, and up to {WORKERS} taken and "
        f"completed, at a time. Medians of {_ROUNDS} rounds. *Processor*: of this process and of PostgreSQL for one task. What the "
        "platform takes beyond this is its port, keys, fair order, and messages.",
        ("tasks", "rate", "processor"),
    )
    rates: tuple[list[float], list[float]] = ([], [])
    spent: tuple[Spent, Spent] = (Counter(), Counter())
    for _ in range(_ROUNDS):
        for way, (created, taken) in enumerate(((1, 1), (BATCH, WORKERS))):
            async with _database(stack) as pool:
                before = _seconds(stack)
                rates[way].append(await _rate(pool, created, taken))
                spent[way]["all"] += round((_seconds(stack) - before) * 1e6)
    names = (("one by one", ("one by one", "one by one, JSON")), (f"in batches of {BATCH}", ("batches", "batches, JSON")))
    for (name, goals), reached, cost in zip(names, rates, spent, strict=True):
        rate = f"{statistics.median(reached):.0f}/s"
        section.rows.append((name, rate, each(cost, _ROUNDS * TASKS)))
        section.floors |= dict.fromkeys(goals, rate)
    return section


async def _rate(pool: asyncpg.Pool, created: int, taken: int) -> float:
    """Tasks a second, created and taken so many at a time."""
    left, done = iter(range(0, TASKS, created)), 0
    callers = CALLERS if created == 1 else 1

    async def create() -> None:
        for _ in left:
            await pool.fetch(_INSERT, created)

    async def work() -> None:
        nonlocal done
        while done < TASKS:
            if found := await pool.fetch(_TAKE, taken):
                await pool.fetch(_COMPLETE, [row["id"] for row in found])
                done += len(found)
            else:
                await asyncio.sleep(0.002)

    begun = time.perf_counter()
    jobs: Sequence[Callable[[], Awaitable[None]]] = [create] * callers + [work] * (WORKERS if taken == 1 else 1)
    await asyncio.gather(*(job() for job in jobs))
    return TASKS / (time.perf_counter() - begun)


@asynccontextmanager
async def _database(stack: ScratchStack) -> AsyncIterator[asyncpg.Pool]:
    """Connections to an empty database of its own, which have run each statement once."""
    url = await asyncio.to_thread(stack.create_database)
    connections = CALLERS + WORKERS
    async with asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=connections, max_size=connections) as pool:
        await pool.execute(_TABLES)
        yield pool
    await asyncio.to_thread(stack.drop_database, url)


def _seconds(stack: ScratchStack) -> float:
    """Processor time of this process and of PostgreSQL so far."""
    return time.process_time() + spent_so_far(stack)["postgres"] / 1e6
