"""Attempts in the tasks database: the transitions that workers make, each a guarded statement; `parts.py` explains their form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from services.platform.errors import ErrorReason
from services.tasks.model import Task
from services.tasks.model.records import Completion, Inputs, InsufficientBalance, LostAttempt, Standing
from services.tasks.model.state import TaskState
from services.tasks.store.base import Store
from services.tasks.store.parts import (
    ATTEMPT_ENDS,
    BATCH_ADVANCES,
    NO_LONGER_RUNNING,
    RUNNING,
    SETTLED,
    WEBHOOKS,
    tasks_sql,
    transition,
)
from services.tasks.store.rows import first, task_of

PROGRESS = transition("""
  UPDATE task SET
    lease_until = least(:lease_until, start_time + :timeout), progress = :progress, progress_message = :message,
    update_time = greatest(:now, update_time), last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
    AND (abs(progress - :progress) >= :step OR progress_message <> :message)
  RETURNING *""")
"""Renew the lease, up to `:timeout` after the attempt's start, and announce the progress if it has changed. No change of state."""

# A worker of a version that knows no destinations does not have the results copied.
_DONE = f"{RUNNING} AND task.attempt = asked.attempt AND (task.destination IS NULL OR task.deliveries IS NOT NULL)"
COMPLETE = transition(
    f"""
  UPDATE task SET
    state = 'SUCCEEDED', output_file_ids = asked.output_file_ids, notices = task.notices || asked.notices, lease_until = NULL,
    charged_millicredits = CASE
      WHEN asked.unchanged > 0 AND asked.unchanged >= cardinality(asked.output_file_ids) - asked.copies THEN 0
      WHEN cardinality(asked.output_file_ids) - asked.copies - asked.unchanged < expected_outputs
      THEN reserved_millicredits * (cardinality(asked.output_file_ids) - asked.copies - asked.unchanged) / expected_outputs
      ELSE reserved_millicredits
    END,
    progress = 1, progress_message = '', error_reason = NULL, error_message = NULL, operation_bytes = asked.operation_bytes,
    unchanged = asked.unchanged > 0 AND asked.unchanged >= cardinality(asked.output_file_ids) - asked.copies,
    update_time = greatest(asked.now, task.update_time), end_time = greatest(asked.now, task.update_time), last_sequence = last_sequence + 1
  FROM asked
  WHERE task.id = asked.id AND {_DONE}
  RETURNING task.*, asked.number""",  # noqa: S608 - put together from constants
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
    SETTLED,
    WEBHOOKS,
    BATCH_ADVANCES,
    before=tasks_sql(
        "attempt integer, output_file_ids bigint[], copies integer, unchanged integer, notices bytea[], operation_bytes bigint[], "
        "now timestamptz",
        guard=_DONE,
    ),
)
"""End each task with its current attempt's outputs, which are at the task's destination if it has one. Charge for the expected outputs that
exist and are not their unchanged inputs, rounded down."""

FAIL = transition(
    """
  UPDATE task SET
    state = CASE WHEN attempt - handed_back < least(max_attempts, :attempts_allowed) THEN 'QUEUED' ELSE 'FAILED' END,
    end_time = CASE WHEN attempt - handed_back < least(max_attempts, :attempts_allowed) THEN NULL ELSE greatest(:now, update_time) END,
    run_at = :run_at, lease_until = NULL, progress = 0, progress_message = '',
    error_reason = :error_reason, error_message = :error_message, operation_bytes = :operation_bytes,
    update_time = greatest(:now, update_time), last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
    AND (CAST(:lease_ended_by AS timestamptz) IS NULL OR lease_until <= :lease_ended_by)
  RETURNING *""",
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
    SETTLED,
    WEBHOOKS,
    BATCH_ADVANCES,
)
"""End the current attempt as failed: back to the queue until `:run_at` if it may be tried again, else for good. The reaper passes
`:lease_ended_by`, so that a heartbeat that arrives in between saves the attempt."""

HAND_BACK = transition(
    """
  UPDATE task SET
    state = 'QUEUED', handed_back = handed_back + 1, run_at = :now, lease_until = NULL, progress = 0, progress_message = '',
    error_reason = :error_reason, error_message = :error_message, update_time = greatest(:now, update_time),
    last_sequence = last_sequence + 1
  WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
    AND (CAST(:leased_until AS timestamptz) IS NULL OR lease_until = :leased_until)
  RETURNING *""",
    ATTEMPT_ENDS,
    NO_LONGER_RUNNING,
)
"""End the current attempt without counting it against the task: back to the queue, due at once, with as many attempts left as before. With
`:leased_until`, only if its lease has not been renewed since: nobody has asked for it again."""

RENEW = text("""
UPDATE task SET lease_until = least(:lease_until, start_time + :timeout)
WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt
RETURNING id
""")
"""Renew the lease, with the same limit, if the progress has not changed."""

CURRENT = text("SELECT * FROM task WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt")
"""The task, if the attempt is the current one."""

DELIVERED = text("""
UPDATE task SET deliveries = CAST(:deliveries AS bytea[]) WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt RETURNING id
""")
"""Note where the results have arrived. No change of state."""

LOCK_CURRENT = text("""
SELECT * FROM task WHERE id = :id AND state = 'RUNNING' AND attempt = :attempt FOR NO KEY UPDATE
""")
"""The first statement of completing a task's inputs."""

LOCK_BALANCE = text("SELECT available_millicredits FROM account_policy WHERE account_id = :account_id FOR NO KEY UPDATE")
"""The second: nothing else changes the balance until the end of the transaction."""

COMPLETE_INPUTS = text("""
WITH before AS (SELECT id, reserved_millicredits FROM task WHERE id = :id),
moved AS (
  UPDATE task SET
    input_file_ids = CAST(:file_ids AS bigint[]), input_names = CAST(:names AS text[]), later_inputs = NULL,
    price_millicredits = :price, reserved_millicredits = :price
  WHERE id = :id
  RETURNING *
),
changed AS (SELECT moved.*, :price - before.reserved_millicredits AS more FROM moved JOIN before ON before.id = moved.id),
entered AS (
  INSERT INTO ledger_entry AS known (account_id, task_id, kind, amount_millicredits, unlimited, time)
  SELECT account_id, id, 'RESERVE', more, unlimited, :now FROM changed WHERE more > 0
  ON CONFLICT ON CONSTRAINT ledger_entry_once_a_task
  DO UPDATE SET amount_millicredits = known.amount_millicredits + excluded.amount_millicredits
),
reserved AS (
  UPDATE account_policy SET
    available_millicredits = available_millicredits - changed.more,
    reserved_millicredits = account_policy.reserved_millicredits + changed.more
  FROM changed WHERE account_policy.account_id = changed.account_id AND NOT changed.unlimited AND more > 0
)
SELECT * FROM moved
""")
"""The last: give the task all its inputs, and reserve what they cost beyond what was assumed: a task has one reservation, whose entry
in the ledger grows. No change of state."""

COMPLETED = text("SELECT 1 FROM task WHERE id = :id AND state = 'SUCCEEDED' AND attempt = :attempt")
"""Whether COMPLETE already accepted this attempt: the reply was lost."""

HOLDERS = text("""
SELECT task_id, attempt, worker
FROM task_attempt JOIN unnest(CAST(:ids AS bigint[]), CAST(:attempts AS integer[])) AS asked (task_id, attempt) USING (task_id, attempt)
""")
"""Which worker was given each attempt; that never changes."""

LOST = text("""
SELECT id, attempt, lease_until >= start_time + :timeout AS timed_out FROM task
WHERE state = 'RUNNING' AND lease_until <= :now
ORDER BY lease_until
LIMIT :limit
""")
"""Attempts whose lease has expired, and whether their time limit was reached; FAIL decides on each."""

LOST_BEFORE = text("SELECT count(*) FROM task_attempt WHERE task_id = :id AND attempt < :attempt AND error_reason = 'WORKER_LOST'")
"""How many workers a task has lost before an attempt."""

LOOKUP = text("SELECT id, state, output_file_ids FROM task WHERE id = ANY(:ids)")
"""The state of tasks of any account."""


class AttemptStore(Store):
    """Reports of workers. A method that makes a transition returns the task after it, or None when its guard did not hold."""

    async def current(self, task_id: int, attempt: int) -> Task | None:
        """The task, if this is its current attempt."""
        return first(task_of, await self._run(CURRENT, {"id": task_id, "attempt": attempt}))

    async def note_deliveries(self, task_id: int, attempt: int, deliveries: Sequence[bytes]) -> bool:
        """Remember where the results of a task have arrived; False if the attempt is not the current one."""
        return bool(await self._run(DELIVERED, {"id": task_id, "attempt": attempt, "deliveries": list(deliveries)}))

    async def complete_inputs(self, task_id: int, attempt: int, inputs: Inputs, *, now: datetime) -> Task | InsufficientBalance | None:
        """Give the task all its inputs, unless it has them already, and reserve what they cost. If the balance does not cover that, nothing
        changes. None if the attempt is not the current one."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(LOCK_CURRENT, {"id": task_id, "attempt": attempt})
            if not rows or not rows[0]["later_inputs"]:
                return first(task_of, rows)
            task = task_of(rows[0])
            [balance] = await transaction.fetch(LOCK_BALANCE, {"account_id": task.account_id})
            missing = inputs.price_millicredits - task.reserved_millicredits - balance["available_millicredits"]
            if missing > 0 and not task.unlimited and inputs.price_millicredits > task.reserved_millicredits:
                return InsufficientBalance(inputs.price_millicredits, missing)
            values = {
                "id": task_id,
                "file_ids": list(inputs.file_ids),
                "names": list(inputs.names),
                "price": inputs.price_millicredits,
                "now": now,
            }
            return first(task_of, await transaction.fetch(COMPLETE_INPUTS, values))

    async def progress(
        self,
        task_id: int,
        attempt: int,
        *,
        progress: float,
        message: str,
        step: float,
        lease_until: datetime,
        timeout: timedelta,
        now: datetime,
    ) -> Task | None:
        """Renew the lease, within `timeout` of the attempt's start, and record the progress if it differs by `step` or more, or in its
        message."""
        values = {
            "id": task_id,
            "attempt": attempt,
            "progress": progress,
            "message": message,
            "step": step,
            "lease_until": lease_until,
            "timeout": timeout,
            "now": now,
        }
        return await self._transition(PROGRESS, values)

    async def renew(self, task_id: int, attempt: int, *, lease_until: datetime, timeout: timedelta) -> bool:
        """Renew the lease, within `timeout` of the attempt's start; False if the attempt is not the current one."""
        values = {"id": task_id, "attempt": attempt, "lease_until": lease_until, "timeout": timeout}
        return bool(await self._run(RENEW, values))

    async def complete(self, done: Sequence[Completion], *, now: datetime) -> Sequence[Task | None]:
        """End tasks as SUCCEEDED; the result for each."""
        asked = [
            {
                "id": one.task_id,
                "attempt": one.attempt,
                "output_file_ids": list(one.output_file_ids),
                "copies": one.copies,
                "unchanged": one.unchanged,
                "notices": list(one.notices),
                "operation_bytes": list(one.operation_bytes) or None,
                "now": now,
            }
            for one in done
        ]
        return await self._transitions(COMPLETE, asked)

    async def has_succeeded(self, task_id: int, attempt: int) -> bool:
        """Whether the task has SUCCEEDED with this attempt."""
        return bool(await self._run(COMPLETED, {"id": task_id, "attempt": attempt}))

    async def holders(self, attempts: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], str]:
        """The name of the worker that was given each attempt, by task and number; attempts that never began are left out."""
        values = {"ids": [task_id for task_id, _ in attempts], "attempts": [attempt for _, attempt in attempts]}
        return {(row["task_id"], row["attempt"]): row["worker"] for row in await self._run(HOLDERS, values)}

    async def fail(
        self,
        task_id: int,
        attempt: int,
        *,
        reason: ErrorReason,
        message: str,
        attempts_allowed: int,
        run_at: datetime,
        now: datetime,
        lease_ended_by: datetime | None = None,
        operation_bytes: Sequence[int] = (),
    ) -> Task | None:
        """End the attempt as failed: QUEUED until `run_at` while attempts are left, else FAILED. With `lease_ended_by`, only if its lease
        had expired by then."""
        values = {
            "id": task_id,
            "attempt": attempt,
            "error_reason": reason.value,
            "error_message": message,
            "attempts_allowed": attempts_allowed,
            "run_at": run_at,
            "lease_ended_by": lease_ended_by,
            "operation_bytes": list(operation_bytes) or None,
            "now": now,
        }
        return await self._transition(FAIL, values)

    async def hand_back(
        self, task_id: int, attempt: int, *, reason: ErrorReason, message: str, now: datetime, leased_until: datetime | None = None
    ) -> Task | None:
        """End the attempt because its worker is stopping: QUEUED at once, and the attempt counts towards no limit. With `leased_until`,
        only if that is still the end of its lease."""
        values = {
            "id": task_id,
            "attempt": attempt,
            "error_reason": reason.value,
            "error_message": message,
            "now": now,
            "leased_until": leased_until,
        }
        return await self._transition(HAND_BACK, values)

    async def lost_attempts(self, *, timeout: timedelta, limit: int, now: datetime) -> list[LostAttempt]:
        """Up to `limit` attempts whose lease has expired."""
        rows = await self._run(LOST, {"timeout": timeout, "limit": limit, "now": now})
        return [LostAttempt(row["id"], row["attempt"], row["timed_out"]) for row in rows]

    async def lost_before(self, task_id: int, attempt: int) -> int:
        """How many of the task's attempts before this one ended with WORKER_LOST. It does not change during the attempt."""
        rows = await self._run(LOST_BEFORE, {"id": task_id, "attempt": attempt})
        return int(rows[0][0])

    async def lookup(self, task_ids: Iterable[int]) -> Sequence[Standing]:
        """The state of tasks of any account; those that do not exist are left out."""
        rows = await self._run(LOOKUP, {"ids": list(task_ids)})
        return [Standing(row["id"], TaskState(row["state"]), row["output_file_ids"]) for row in rows]
