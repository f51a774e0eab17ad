"""How tasks are stored: the same way for many tasks, a batch, or a single task.

Admission is decided between two statements of one transaction: the first locks the account's row, the last changes it. So two creations
cannot both take the last place or the same credits. A single task whose account has room is stored by one statement: the decision is made
for an account that is worse off than it was when last seen, and the statement checks that it is no worse off than that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text

from services.platform.batching import Batcher
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import FORGET, KNOWN, answer_of, in_progress, known_values, lookup, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model import Task
from services.tasks.model.records import CreditTerms, NewTasks
from services.tasks.store.base import BATCH, Store
from services.tasks.store.creation_values import Admit, CreationRequest, TaskToStore, admit, admits_all, batch_values, values_json, worse
from services.tasks.store.finished import FURTHER_COLUMNS, create_finished
from services.tasks.store.parts import JOINS_THE_LANE, REMEMBERED, RESERVED, transition
from services.tasks.store.started import IF_MAY_RUN, IF_NOBODY_WAITS, SLOT_COLUMNS, create_started

# Longest time between two statements while creates come together: short compared with a task, yet many then take few statements.
_SPACING = 0.025

# The number of accounts whose last state is kept.
_KEPT = 10_000
_STATE = ("account_id", "open", "pooled", "available_millicredits", "max_open", "unlimited", "multiplier_permille")

NEXT_IDS = text("SELECT next_id() AS id FROM generate_series(1, :count)")
"""Ids of new tasks and batches."""

LOCK_ACCOUNTS = text(f"""
WITH known AS ({KNOWN}),
locked AS (
  INSERT INTO account_policy AS policy (account_id, open)
  SELECT account_id, 0 FROM unnest(CAST(:account_ids AS bigint[])) AS asked (account_id) ORDER BY account_id
  ON CONFLICT (account_id) DO UPDATE SET open = policy.open
  RETURNING account_id, open, max_open, pooled, available_millicredits, unlimited, multiplier_permille
)
SELECT locked.*, number, digest, resource_ids, expired FROM locked LEFT JOIN known ON known.account_id = locked.account_id
""")  # noqa: S608 - put together from constants
"""First statement of a creation: lock the accounts' rows, creating missing ones, until the end of the transaction. Decisions based on them
hold until then. It also finds what earlier calls with the same idempotency keys have created."""

_COLUMNS = """
  given_id bigint, account_id bigint, lane text, priority integer, trace_id text, operations bytea[],
  input_file_ids bigint[], input_names text[], notices bytea[], price_millicredits bigint, multiplier_permille integer, unlimited boolean,
  expected_outputs integer, max_attempts integer, deadline timestamptz, pooled boolean, webhook_url text, batch_id bigint,
  batch_index integer, now timestamptz, surface text, client_request bytea, later_inputs bytea[], deadline_to_start boolean,
  destination text, idempotency_method text, idempotency_key text, idempotency_digest bytea, idempotency_expire_time timestamptz"""


def _asked(columns: str = _COLUMNS, condition: str = "") -> str:
    """The tasks of `values_json`, whose keys are not stored, under a further condition; and the rows of their accounts, locked."""
    values = ", ".join(f"coalesce(own.{name}, shared.{name}) AS {name}" for name in (each.split()[0] for each in columns.split(",")))
    return f"""
asked AS MATERIALIZED (
  SELECT coalesce(given_id, next_id()) AS id, asked.*
  FROM (
    SELECT own.number, {values}
    FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS own (number integer, {columns})
    CROSS JOIN jsonb_to_record(CAST(:shared AS jsonb)) AS shared ({columns})
  ) AS asked
  WHERE (
    SELECT true FROM idempotency
    WHERE (idempotency.account_id, method, key) = (asked.account_id, idempotency_method, idempotency_key)
  ) IS NULL{condition}
),
policy AS (
  SELECT account_id FROM account_policy
  WHERE account_id = ANY (ARRAY(SELECT account_id FROM asked))
  ORDER BY account_id
  FOR NO KEY UPDATE
),"""  # noqa: S608 - put together from constants


_IF_NO_WORSE = """
  LEFT JOIN jsonb_to_recordset(CAST(:assumed AS jsonb)) AS assumed (
    account_id bigint, open integer, pooled integer, available_millicredits bigint,
    max_open integer, unlimited boolean, multiplier_permille integer
  ) ON assumed.account_id = policy.account_id
  WHERE account_policy.account_id = policy.account_id AND (
    assumed.account_id IS NULL OR (
      account_policy.open <= assumed.open AND least(account_policy.pooled, account_policy.open) <= assumed.pooled
      AND (taken.held = 0 OR account_policy.available_millicredits >= assumed.available_millicredits)
      AND (account_policy.max_open, account_policy.unlimited, account_policy.multiplier_permille)
        IS NOT DISTINCT FROM (assumed.max_open, assumed.unlimited, assumed.multiplier_permille)
    )
  )"""

_STORED = """
  INSERT INTO task (
    id, account_id, state, lane, priority, trace_id, operations, input_file_ids, input_names, output_file_ids, notices, expected_outputs,
    price_millicredits, multiplier_permille, reserved_millicredits, charged_millicredits, unlimited,
    attempt, max_attempts, run_at, progress, progress_message, last_sequence, create_time, update_time, deadline, webhook_url,
    batch_id, batch_index, pooled, surface, client_request, later_inputs, deadline_to_start, destination
  )
  SELECT
    asked.id, asked.account_id, 'QUEUED', lane, priority, trace_id, operations, input_file_ids, input_names, '{}', notices,
    expected_outputs, price_millicredits, multiplier_permille, price_millicredits, 0, unlimited,
    0, max_attempts, NULL, 0, '', 1, now, now, deadline, webhook_url,
    batch_id, batch_index, pooled, surface, client_request, later_inputs, deadline_to_start, destination
  FROM asked JOIN admitted ON admitted.account_id = asked.account_id
  RETURNING
    id, account_id, state, lane, attempt, progress, progress_message, error_reason, error_message, last_sequence, create_time, update_time,
    unchanged, unlimited, reserved_millicredits"""

_TAKEN_IN = """
admitted AS (
  UPDATE account_policy SET{running}
    open = account_policy.open + taken.tasks,
    pooled = account_policy.pooled + taken.pooled,
    available_millicredits = account_policy.available_millicredits - taken.held,
    reserved_millicredits = reserved_millicredits + taken.held
  FROM policy JOIN (
    SELECT
      account_id, count(*) AS tasks, count(*) FILTER (WHERE pooled) AS pooled,
      coalesce(sum(price_millicredits) FILTER (WHERE NOT unlimited), 0) AS held
    FROM asked GROUP BY account_id
  ) AS taken ON taken.account_id = policy.account_id{condition}
  RETURNING account_policy.account_id, priority_class, weight
),"""
_ADMITTED = _asked() + _TAKEN_IN.format(running="", condition=_IF_NO_WORSE)
# A task that has just been created is what it was asked to be.
_RESULT = "SELECT asked.number, asked.id, outbox.* FROM moved JOIN asked ON asked.id = moved.id CROSS JOIN outbox ORDER BY asked.number"

CREATE = transition(_STORED, RESERVED, JOINS_THE_LANE, REMEMBERED, before=_ADMITTED, result=_RESULT)
"""Store admitted tasks and reserve their prices: after LOCK_ACCOUNTS, in the same transaction, or for accounts that are no worse off than
`:assumed`. A task whose idempotency key is stored, or whose account is worse off, is left out. The key is looked up by a scalar subquery:
the planner would make a hash of the whole table for NOT EXISTS while it takes the table for a small one."""

CREATE_BATCH = transition(
    _STORED,
    RESERVED,
    JOINS_THE_LANE,
    store_key_sql("added"),
    before=_ADMITTED
    + """
added AS (
  INSERT INTO batch (id, account_id, task_count, open, succeeded, failed, cancelled, refused, create_time, webhook_url)
  SELECT
    CAST(:batch_id AS bigint), account_id, CAST(:task_count AS integer), CAST(:task_count AS integer), 0, 0, 0,
    CAST(:refused AS bytea[]), CAST(:now AS timestamptz), CAST(:webhook_url AS text)
  FROM admitted
  RETURNING id, account_id
),""",
    result=_RESULT,
)
"""The same for the tasks of a batch, with the batch and the idempotency key of the call."""

CREATE_STARTED = text(
    create_started(
        _asked(f"{_COLUMNS},{SLOT_COLUMNS}", IF_NOBODY_WAITS)
        + _TAKEN_IN.format(running="\n    running = account_policy.running + taken.tasks,", condition=_IF_NO_WORSE + IF_MAY_RUN)
    )
)
"""The same for tasks with slots, which start at once: those in whose lanes no other waits, and whose accounts may run more."""

CREATE_FINISHED = text(create_finished(_asked(f"{_COLUMNS},{FURTHER_COLUMNS}"), _IF_NO_WORSE))
"""The same for tasks that are done."""


class CreationStore(Store):
    """Stores new tasks."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._ids = Batcher(self._next_ids, BATCH)
        self._creations = Batcher(self._create_each, BATCH, _SPACING)
        self._accounts: dict[int, Mapping[str, Any]] = {}

    async def next_id(self) -> int:
        """An id for a new task."""
        return await self._ids(None)

    async def next_ids(self, count: int) -> list[int]:
        """New ids, in ascending order."""
        return sorted(row["id"] for row in await self._run(NEXT_IDS, {"count": count}))

    async def create(
        self, new: NewTasks, admit: Admit, *, terms: CreditTerms, now: datetime, call: IdempotentCall | None = None
    ) -> list[Task]:
        """Store the tasks that `admit` admits, in the order of the request; the account does not change between the decision and the
        storing. The account's own limit and terms take precedence over those given. If `admit` raises, nothing is stored.

        With `call`, its idempotency key is stored with the tasks. If it is stored already, raises AlreadyMade or IDEMPOTENCY_KEY_MISMATCH,
        or IDEMPOTENCY_IN_PROGRESS if that has happened just now.
        """
        asked = CreationRequest(new, admit, terms, now, call)
        with storing_key():
            # Calls for single tasks are combined; a batch already fills a statement.
            made = await (self._create_batch(asked) if new.batch_id is not None else self._creations(asked))
        if isinstance(made, DarkroomError):
            raise made
        return made

    async def _create_each(self, asked: Sequence[CreationRequest]) -> Sequence[list[Task] | DarkroomError]:
        """The task that each call created, or the reason for its refusal."""
        made: dict[int, list[Task] | DarkroomError] = {}
        assumed = {
            account_id: worse(self._accounts[account_id])
            for account_id in {one.new.account_id for one in asked}
            if account_id in self._accounts
        }
        before, tasks = [dict(account) for account in assumed.values()], list[TaskToStore]()
        for number, one in enumerate(asked):
            if one.new.account_id in assumed:
                with suppress(DarkroomError):
                    tasks += admit(number, one, assumed[one.new.account_id])[1]
        slots = [one.new.slot for one in asked if one.new.slot is not None]
        # One statement, so that all or none are stored: some without slots make all of them wait.
        open_ = CREATE_STARTED if len(slots) == len(asked) else CREATE
        most = min((slot.max_running for slot in slots), default=0)
        for statement, some in _by_statement(tasks, open_):
            for row in await self._run(statement, {**values_json(some), "assumed": json.dumps(before), "max_running": most}):
                task = some[row["number"]]
                made[task.request] = [task.started(row) if statement is CREATE_STARTED else task.stored(row)]
        if left := [number for number in range(len(asked)) if number not in made]:
            made |= dict(zip(left, await self._create([asked[number] for number in left]), strict=True))
        return [made[number] for number in range(len(asked))]

    async def _create_batch(self, asked: CreationRequest) -> list[Task] | DarkroomError:
        """The tasks that the call created, or the reason for its refusal."""
        seen = self._accounts.get(asked.new.account_id)
        if seen is not None and (stored := await self._create_batch_if_no_worse(asked, worse(seen, len(asked.new.tasks)))):
            return stored
        [made] = await self._create([asked])
        return made

    async def _create_batch_if_no_worse(self, asked: CreationRequest, assumed: dict[str, Any]) -> list[Task]:
        """The tasks of a call that an account in this state could make; nothing if the account is worse off, or the key is known."""
        if not admits_all(asked, assumed):
            return []
        before = json.dumps([assumed])
        admission, tasks = admit(0, asked, assumed)
        try:
            with storing_key():
                of_batch = {**values_json(tasks), "assumed": before, **batch_values(asked, admission)}
                return [tasks[row["number"]].stored(row) for row in await self._run(CREATE_BATCH, of_batch)]
        except DarkroomError as error:
            if error.reason is not ErrorReason.IDEMPOTENCY_IN_PROGRESS:
                raise
            return []

    async def _create(self, asked: Sequence[CreationRequest]) -> Sequence[list[Task] | DarkroomError]:
        """The task that each call created, or the reason for its refusal, decided while the accounts are locked."""
        made: list[list[Task] | DarkroomError] = []
        async with self._database.transaction() as transaction:
            keyed = known_values([(one.call, one.now) for one in asked])
            rows = await transaction.fetch(LOCK_ACCOUNTS, {"account_ids": sorted({one.new.account_id for one in asked}), **keyed})
            accounts = {row["account_id"]: {name: row[name] for name in _STATE} for row in rows}
            self._remember(accounts)
            known = {row["number"]: row for row in rows if row["number"] is not None}
            tasks: list[TaskToStore] = []
            batch: dict[str, Any] = {}
            for request, one in enumerate(asked):
                if one.call is not None and request in known:
                    if not known[request]["expired"]:
                        made.append(answer_of(known[request], one.call))
                        continue
                    await transaction.fetch(FORGET, lookup(one.call, one.now))
                try:
                    admission, of_tasks = admit(request, one, accounts[one.new.account_id])
                except DarkroomError as error:
                    made.append(error)
                    continue
                made.append([])
                if one.new.batch_id is not None:
                    batch = batch_values(one, admission)
                tasks += of_tasks
            for statement, some in _by_statement(tasks, CREATE_BATCH if batch else CREATE):
                for row in await transaction.fetch(statement, {**values_json(some), "assumed": "[]", **batch}):
                    task = some[row["number"]]
                    stored = made[task.request]
                    assert isinstance(stored, list)
                    stored.append(task.stored(row))
        # One whose key was stored while the accounts were being locked is left out.
        return [one or in_progress() for one in made]

    async def _next_ids(self, calls: Sequence[None]) -> Sequence[int]:
        return [row["id"] for row in await self._run(NEXT_IDS, {"count": len(calls)})]

    def _remember(self, accounts: Mapping[int, Mapping[str, Any]]) -> None:
        if len(self._accounts) > _KEPT:
            self._accounts.clear()
        self._accounts |= {account_id: dict(account) for account_id, account in accounts.items()}


def _by_statement(tasks: Sequence[TaskToStore], open_: TextClause = CREATE) -> Iterator[tuple[TextClause, Sequence[TaskToStore]]]:
    """The tasks that are open and those that are done, each with the statement that stores them."""
    for statement in (open_, CREATE_FINISHED):
        if some := [task for task in tasks if (task.asked.new.finished is not None) == (statement is CREATE_FINISHED)]:
            yield statement, some
