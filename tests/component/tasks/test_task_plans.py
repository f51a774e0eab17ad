"""The queries that run all the time stay on their partial indexes while finished tasks pile up."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.platform.database import Database, engine
from services.platform.migrations import migrate
from services.tasks.store import (
    account_order,
    attempts,
    batches,
    creation,
    deliveries,
    due,
    events,
    ledger,
    order,
    queue,
    retention,
    tasks,
    webhooks,
)
from services.tasks.store.tables import TasksTable
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene
from tests.stacks import StackUnderTest

# What serves them all is started once.
pytestmark = pytest.mark.xdist_group("task_plans")

Statement = TextClause | Select[Any]


def _copies(**different: str) -> TextClause:
    """Inserts 30,000 copies of the task `:id`, some columns by expressions of `number`; jsonb_populate_record takes ten times as long."""
    columns = {column.name: f"task.{column.name}" for column in TasksTable.metadata.tables["task"].columns} | different
    return text(
        f"INSERT INTO task ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM task, generate_series(1, 30000) AS number WHERE task.id = :id"
    )


PILE_UP = _copies(id="number", account_id="number % 500", state="'SUCCEEDED'", end_time="now()")
PILE_UP_EVENTS = text("""
INSERT INTO task_event SELECT id, 1, state, 1, 1, '', NULL, NULL, now() FROM task WHERE id <= 30000
""")
PILE_UP_OUTBOX = text("""
INSERT INTO event_outbox (task_ids, sequences, time) SELECT ARRAY[id], '{1}', now() FROM task WHERE id <= 30000
""")
# As deep a queue, of 300 accounts.
QUEUE_UP = _copies(id="100000 + number", account_id="10000 + number % 300", state="'QUEUED'", priority="number % 3")
OPEN_UP = text("INSERT INTO account_policy (account_id, open) SELECT account_id, count(*) FROM task WHERE id < 200000 GROUP BY account_id")
LINE_UP = text("""
INSERT INTO lane_account (lane, account_id, priority_class, queued, virtual_time)
SELECT lane, account_id, 0, count(*) FILTER (WHERE state = 'QUEUED'), account_id % 7 FROM task WHERE id < 200000 GROUP BY lane, account_id
""")


# In the place of 10,000 that wait.
OPEN_MANY = text("""
UPDATE task SET
  state = 'RUNNING', lease_until = now() + interval '1 minute'
WHERE id BETWEEN 100001 AND 110000
""")
PILE_UP_LEDGER = text("""
INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time)
SELECT account_id, id, 'RESERVE', 1, true, now() FROM task WHERE id <= 30000
""")
PILE_UP_DELIVERIES = text("""
INSERT INTO webhook_delivery (
  id, account_id, webhook_id, task_id, url, lane, event_type, state, attempts, tries, next_at, create_time, end_time
)
SELECT
  number, number % 500, number % 500, number, 'https://example.com/', number % 500, 'task.succeeded',
  CASE WHEN number % 100 = 0 THEN 'PENDING' ELSE 'DELIVERED' END, 1, 1,
  CASE WHEN number % 100 = 0 THEN timestamptz '2026-01-01' END, now(), now()
FROM generate_series(1, 30000) AS number
""")


PILE_UP_BATCHES = text("""
INSERT INTO batch SELECT number, number, 10, 10, 0, 0, 0, '{}', now() FROM generate_series(0, 49) AS number
""")
JOIN_BATCHES = text("UPDATE task SET batch_id = id % 50, batch_index = id / 50 WHERE id <= 500")

_PILED = ("task", "task_event", "event_outbox", "ledger_entry", "account_policy", "lane_account", "webhook_delivery")


@pytest.fixture(scope="module")
async def piled_up(postgres: StackUnderTest) -> AsyncIterator[AsyncEngine]:
    """A database of its own, with a deep queue and very many finished tasks."""
    url = await asyncio.to_thread(postgres.create_database)
    await asyncio.to_thread(migrate, "tasks", url)
    async with engine(url, 5) as made:
        scene = Scene(TaskStore(Database(made)), MovableClock())
        for _ in range(40):
            await scene.create()
        await scene.take(20)
        running = await scene.running()
        async with made.begin() as connection:
            # Else what the planner knows would change while plans are looked at.
            for table in _PILED:
                await connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
            await connection.execute(PILE_UP, {"id": running.id})
            await connection.execute(PILE_UP_EVENTS)
            await connection.execute(PILE_UP_OUTBOX)
            await connection.execute(PILE_UP_LEDGER)
            await connection.execute(QUEUE_UP, {"id": running.id})
            await connection.execute(OPEN_UP)
            await connection.execute(LINE_UP)
            await connection.execute(PILE_UP_DELIVERIES)
            await connection.execute(PILE_UP_BATCHES)
            await connection.execute(JOIN_BATCHES)
        async with made.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text(f"VACUUM ANALYZE {', '.join(_PILED)}"))
        yield made


def _index_and_scans(plan: Any) -> list[tuple[str, str | None, str | None]]:
    here = [(plan["Node Type"], plan.get("Relation Name"), plan.get("Index Name"))]
    return here + [found for child in plan.get("Plans", []) for found in _index_and_scans(child)]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (order.TAKE, "task_queue"),
        (order.TAKE, "task_pkey"),
        (order.TAKE, "lane_account_turn"),
        (creation.CREATE_STARTED, "lane_account_turn"),
        (order.HELD, "task_leases"),
        (order.MAKE_DUE, "task_retries"),
        (due.DUE, "task_retries"),
        (due.DUE, "task_leases"),
        (due.DUE, "task_deadlines"),
        (due.DUE, "event_outbox_pkey"),
        (due.DUE, "webhook_delivery_outbox"),
        (order.PLACE, "task_pkey"),
        (order.PLACE, "task_queue"),
        (account_order.POSITION, "task_queue"),
        (account_order.FIRST, "task_queue"),
        (account_order.BETWEEN, "task_queue"),
        (account_order.MARKS, "task_queue"),
        (attempts.LOST, "task_leases"),
        (tasks.OVERDUE, "task_deadlines"),
        (events.TAKE_EVENTS, "event_outbox_pkey"),
        (events.TAKE_EVENTS, "task_event_pkey"),
        (tasks.LIST, "task_account"),
        (attempts.COMPLETE, "task_pkey"),
        (ledger.ENTRIES, "ledger_entry_account"),
        (ledger.GRANTED, "ledger_entry_once_a_reference"),
        (ledger.REFUNDED, "ledger_entry_once_a_task"),
        (attempts.COMPLETE, "webhook_account"),
        (batches.CANCEL_BATCH, "task_batch"),
        (batches.GET, "task_batch"),
        (batches.TASKS, "task_batch"),
        (webhooks.LIST, "webhook_account"),
        (webhooks.LIST, "webhook_secret_pkey"),
        # Of an account with few webhooks it may read them all.
        (webhooks.CREATED, "webhook_pkey|webhook_account"),
        (deliveries.CLAIM, "webhook_delivery_outbox"),
        (deliveries.CLAIM, "webhook_delivery_pkey"),
        (deliveries.RECORD, "webhook_delivery_pkey"),
        (deliveries.DELIVERIES, "webhook_delivery_task"),
        (retention.TASKS, "task_ended"),
        (retention.EVENTS, "task_ended"),
        (retention.EVENTS, "task_event_pkey"),
        (retention.DELIVERIES, "webhook_delivery_ended"),
        (queue.OPEN, "task_retries"),
        (queue.OPEN, "task_leases"),
        (queue.OLDEST, "task_queue"),
        (queue.UNRELAYED, "event_outbox_pkey"),
        (queue.WEBHOOKS, "webhook_delivery_outbox"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_plan(piled_up: AsyncEngine, clock: MovableClock, statement: Statement, index: str) -> None:
    async with piled_up.connect() as connection:
        scans = await _scans(connection, statement, clock())
    assert set(index.split("|")) & {name for _, _, name in scans}, scans
    # Every access to the piled-up tables goes by an index.
    piled = ("task", "task_event", "event_outbox", "ledger_entry", "webhook_delivery")
    assert [scan for scan in scans if scan[0] == "Seq Scan" and scan[1] in piled] == []


async def test_the_tasks_that_end_are_found_by_their_ids_however_few_run(piled_up: AsyncEngine, clock: MovableClock) -> None:
    async with piled_up.connect() as connection:
        scans = await _scans(connection, attempts.COMPLETE, clock())
    assert "task_leases" not in {index for _, _, index in scans}


async def test_a_plan_that_is_made_for_an_empty_table_goes_by_its_indexes(clean_engine: AsyncEngine, clock: MovableClock) -> None:
    async with clean_engine.connect() as connection:
        await connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        scans = [*await _scans(connection, order.TAKE, clock()), *await _scans(connection, attempts.COMPLETE, clock())]
    assert {index for node, table, index in scans if table == "task" and "Scan" in node} == {"task_queue", "task_pkey"}


async def _scans(connection: AsyncConnection, statement: Statement, now: datetime) -> list[tuple[str, str | None, str | None]]:
    """Node, table and index of each step of a statement's plan."""
    values = {
        "lane": "system",
        "lanes": ["document", "interactive", "neural", "pages", "picture", "system"],
        "places": 32,
        "run_ids": [uuid.uuid4() for _ in range(32)],
        "workers": ["w"] * 32,
        "max_running": 1000,
        "depth": 1000,
        "own_tasks": None,
        "priority": 0,
        "from_priority": 1,
        "from_id": 0,
        "from_until": 10**15,
        "to_priority": 0,
        "to_until": 150_000,
        "spacing": 1000,
        "timeout": timedelta(hours=1),
        "now": now,
        "events_until": now,
        "limit": 100,
        "retry_at": now + timedelta(seconds=10),
        "account_id": 7001,
        "before_id": 10**15,
        "states": None,
        "attempted": None,
        "reference": "invoice 1",
        "id": 1,
        "task_id": 1,
        "asked": json.dumps([{"number": 0, "id": 1, "attempt": 1, "output_file_ids": [], "notices": []}]),
        "shared": "{}",
        "assumed": "[]",
        "lease_until": now,
        "attempt": 1,
        "lane_limit": 4,
        "busy_lanes": [1],
        "busy_counts": [1],
        "webhook_id": 0,
        "attempts": 1,
        "state": "DELIVERED",
        "next_at": None,
        "response_status": 200,
        "response_body": "",
        "error": None,
        "gone": False,
        # Everything that has ended is due.
        "before": datetime.now(UTC) + timedelta(days=1),
        "batch_id": 1,
        "after_index": -1,
        "error_reason": "CANCELLED",
        "actor_kind": "key",
        "actor_name": "ci",
        "actor_key_id": 7,
        "actor_address": "203.0.113.7",
        "actor_user_agent": "curl/8",
        "actor_user_id": "",
        "actor_request_id": "",
        "error_message": "",
    }
    if isinstance(statement, Select):
        compiled = statement.params(values).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        explained = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}")).scalar_one()
    else:
        used = {name: values[name] for name in set(re.findall(r"(?<!:):([a-z_]+)", statement.text)) & set(values)}
        explained = (await connection.execute(text("EXPLAIN (FORMAT JSON) " + statement.text), used)).scalar_one()
    return _index_and_scans((json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"])


async def test_a_task_is_found_by_its_id_when_very_many_run(piled_up: AsyncEngine, clock: MovableClock) -> None:
    async with piled_up.connect() as connection:
        await connection.execute(OPEN_MANY)
        await connection.execute(text("ANALYZE task"))
        scans = await _scans(connection, attempts.COMPLETE, clock())
        await connection.rollback()
    assert {index for node, table, index in scans if table == "task" and "Scan" in node} == {"task_pkey"}


async def test_the_claim_reads_what_it_takes_and_no_more(piled_up: AsyncEngine, clock: MovableClock) -> None:
    slots = {"places": 32, "run_ids": [uuid.uuid4() for _ in range(32)], "workers": ["w"] * 32}
    values = {"lane": "system", **slots, "max_running": 1000, "lease_until": clock(), "now": clock()}
    async with piled_up.connect() as connection:
        plan = (await connection.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + order.TAKE.text), values)).scalar_one()
        await connection.rollback()
    root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    assert root["Actual Rows"] == 32
    read = _rows_read(root)
    # 32 are taken, and updated.
    assert read["task"] == 32 + 32
    assert read["lane_account"] <= 4 * 32
    assert read["account_policy"] <= 4 * 32


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (retention.TASKS, "task"),
        (retention.EVENTS, "task"),
        (retention.DELIVERIES, "webhook_delivery"),
    ],
    ids=["tasks", "events", "deliveries"],
)
async def test_a_sweep_reads_what_it_removes_and_no_more(piled_up: AsyncEngine, statement: TextClause, table: str) -> None:
    values = {"before": datetime.now(UTC) + timedelta(days=1), "limit": 100}
    async with piled_up.connect() as connection:
        plan = (await connection.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + statement.text), values)).scalar_one()
        await connection.rollback()
    read = _rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    # Each is found once, and once more to be removed.
    assert 100 <= read[table] <= 200
    assert read["task_event"] <= 100


async def test_the_age_of_a_deep_queue_is_read_by_one_probe_an_account_and_priority(piled_up: AsyncEngine) -> None:
    async with piled_up.connect() as connection:
        plan = (await connection.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + queue.OLDEST.text))).scalar_one()
    read = _rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    # 30,000 tasks of 300 accounts, each with tasks of one priority; and those of the scene.
    assert read["task"] <= 2 * 301


def _rows_read(plan: Any) -> Counter[str]:
    """Rows that scans have read of each table, those included that they have dropped."""
    rows: Counter[str] = Counter()
    if "Scan" in plan["Node Type"] and "Relation Name" in plan:
        rows[plan["Relation Name"]] += round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    for child in plan.get("Plans", []):
        rows += _rows_read(child)
    return rows
