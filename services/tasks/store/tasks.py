"""The tasks database: one method a statement. `now` comes from the caller. Every method raises UNAVAILABLE while PostgreSQL is away."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.batching import Batched
from services.common.errors import ErrorReason
from services.common.idempotency import IdempotentCall, key_values, storing_key
from services.common.statements import borrowed, run
from services.tasks.domain.records import Admission, CreditTerms, Flow, LostAttempt, NewTask, OutgoingEvent, Standing
from services.tasks.domain.state import TaskState
from services.tasks.store import order_statements, queries, transitions
from services.tasks.store.models import Task, TaskAttempt, TaskEvent
from services.tasks.store.rows import attempt_of, event_of, first_task, outgoing_of, task_of

# Arbitrary; keeps the lanes' advisory locks apart from other uses of such locks in this database.
_LANE_LOCKS = 7_245
# Retries that are made due in one go.
_DUE = 500
# Own tasks that are counted for a task's place: some milliseconds' worth.
_PLACE_DEPTH = 10_000
# Transitions in one statement: enough that what each call costs by itself does not count.
_BATCH = 100
# Seconds between two statements of a kind: short beside a task, yet a load of many transitions then takes few statements. Workers space
# what they report by themselves.
_CREATE_SPACING, _REPORT_SPACING = 0.015, 0.005
_NEW = tuple(field.name for field in fields(NewTask) if field.name != "id")


class TaskStore:
    """Reads and guarded changes. A method that makes a transition returns the task after it, or None when its guard did not hold."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._ids = Batched(self._next_ids, _BATCH)
        self._creations: dict[tuple[int, CreditTerms], Batched[Mapping[str, Any], tuple[Task | None, bool]]] = {}
        self._starts = Batched(partial(self._transitions, transitions.START), _BATCH, _REPORT_SPACING)
        self._completions = Batched(partial(self._transitions, transitions.COMPLETE), _BATCH, _REPORT_SPACING)

    async def next_id(self) -> int:
        """An id for a new task."""
        return await self._ids(None)

    async def create(
        self, new: NewTask, *, max_open: int, terms: CreditTerms, now: datetime, call: IdempotentCall | None = None
    ) -> Task | None:
        """Accept a task and hold its price; None when the account has `max_open` open ones or too little credit. The account's own limit
        and terms go before those given.

        With `call`, its idempotency key is stored with the task. Raises IDEMPOTENCY_IN_PROGRESS when it is stored already.
        """
        values = {**{name: getattr(new, name) for name in _NEW}, "given_id": new.id, "now": now, **key_values(call, now)}
        admission = {**asdict(terms), "max_open": max_open}
        # What goes by the same rules goes together.
        creations = self._creations.setdefault((max_open, terms), Batched(partial(self._create_all, admission), _BATCH, _CREATE_SPACING))
        with storing_key():
            task, alone = await creations(values)
            if task is None and not alone:
                [(task, _)] = await self._create_all(admission, [values])
        return task

    async def admission(self, new: NewTask, *, max_open: int, terms: CreditTerms) -> Admission:
        """What `create` decides by, as it is now."""
        values = {
            "account_id": new.account_id,
            "list_price_millicredits": new.list_price_millicredits,
            "max_open": max_open,
            **asdict(terms),
        }
        [row] = await self._run(transitions.ADMISSION, values)
        return Admission(**row)

    async def make_due(self, lane: str, *, now: datetime) -> bool:
        """Let the lane's tasks whose retry has come take part in the order; whether any of its tasks does."""
        [due] = await self._run(order_statements.MAKE_DUE, {"lane": lane, "now": now, "limit": _DUE})
        return bool(due["waiting"])

    async def dispatch(self, lane: str, *, window: int, batch: int, max_running: int, now: datetime) -> list[Task]:
        """Move up to `batch` of the lane's next tasks to DISPATCHED until `window` are, in the order in which to offer them. No account
        gets more than `max_running` tasks under way, or what its own limit says."""
        values = {"lane": lane, "dispatch_window": window, "batch": batch, "max_running": max_running, "now": now}
        async with borrowed(self._engine) as connection, connection.transaction():
            if not await connection.run(order_statements.LOCK_LANE, {"space": _LANE_LOCKS, "lane": lane}):
                return []
            rows = await connection.run(order_statements.DISPATCH, values)
        return [task_of(row) for row in rows]

    async def place(self, task_id: int) -> int | None:
        """How many tasks of its lane go before a task, about; None unless it is DISPATCHED, or QUEUED and due."""
        rows = await self._run(order_statements.PLACE, {"id": task_id, "depth": _PLACE_DEPTH})
        return int(rows[0]["position"]) if rows else None

    async def flow(self, lane: str) -> Flow:
        """What has gone through a lane, and what waits for its workers."""
        [row] = await self._run(order_statements.FLOW, {"lane": lane})
        return Flow(int(row["dispatched"]) - row["offered"], row["offered"])

    async def redispatch(self, lane: str, *, offered_before: datetime, limit: int, now: datetime) -> list[Task]:
        """Take up to `limit` tasks that are DISPATCHED since `offered_before`, to be offered again."""
        values = {"lane": lane, "offered_before": offered_before, "limit": limit, "now": now}
        return [task_of(row) for row in await self._run(queries.REDISPATCH, values)]

    async def offered(self, lane: str, *, offered_before: datetime) -> tuple[int, int]:
        """How many tasks of the lane are DISPATCHED, and how many of them since `offered_before`."""
        rows = await self._run(queries.OFFERED, {"lane": lane, "offered_before": offered_before})
        return rows[0]["offered"], rows[0]["overdue"]

    async def start(self, task_id: int, *, run_id: UUID, worker: str, lease_until: datetime, now: datetime) -> Task | None:
        """Begin an attempt."""
        return await self._starts({"id": task_id, "run_id": run_id, "worker": worker, "lease_until": lease_until, "now": now})

    async def started(self, task_id: int, run_id: UUID) -> Task | None:
        """The task, if it is RUNNING by this run."""
        return first_task(await self._run(queries.STARTED, {"id": task_id, "run_id": run_id}))

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
        """Renew the lease, within `timeout` of the attempt's start, and record progress, if it differs by `step` or more, or by its
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
        return await self._transition(transitions.PROGRESS, values)

    async def renew(self, task_id: int, attempt: int, *, lease_until: datetime, timeout: timedelta) -> bool:
        """Renew the lease, within `timeout` of the attempt's start; False if the attempt is not the current one."""
        values = {"id": task_id, "attempt": attempt, "lease_until": lease_until, "timeout": timeout}
        return bool(await self._run(queries.RENEW, values))

    async def complete(
        self, task_id: int, attempt: int, *, output_file_ids: Sequence[int], copies: int = 0, notices: Sequence[bytes], now: datetime
    ) -> Task | None:
        """End the task as SUCCEEDED. The last `copies` of the outputs are none of the expected ones."""
        values = {
            "id": task_id,
            "attempt": attempt,
            "output_file_ids": list(output_file_ids),
            "copies": copies,
            "notices": list(notices),
            "now": now,
        }
        return await self._completions(values)

    async def completed(self, task_id: int, attempt: int) -> bool:
        """Whether the task has SUCCEEDED with this attempt."""
        return bool(await self._run(queries.COMPLETED, {"id": task_id, "attempt": attempt}))

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
    ) -> Task | None:
        """End the attempt as failed: QUEUED until `run_at` while attempts are left, else FAILED. With `lease_ended_by`, only if its lease
        had ended by then."""
        values = {
            "id": task_id,
            "attempt": attempt,
            "error_reason": reason.value,
            "error_message": message,
            "attempts_allowed": attempts_allowed,
            "run_at": run_at,
            "lease_ended_by": lease_ended_by,
            "now": now,
        }
        return await self._transition(transitions.FAIL, values)

    async def hand_back(self, task_id: int, attempt: int, *, reason: ErrorReason, message: str, now: datetime) -> Task | None:
        """End the attempt because its worker ends: QUEUED at once, and the attempt counts for no limit."""
        values = {"id": task_id, "attempt": attempt, "error_reason": reason.value, "error_message": message, "now": now}
        return await self._transition(transitions.HAND_BACK, values)

    async def lost(self, *, timeout: timedelta, limit: int, now: datetime) -> list[LostAttempt]:
        """Up to `limit` attempts whose lease has ended."""
        rows = await self._run(queries.LOST, {"timeout": timeout, "limit": limit, "now": now})
        return [LostAttempt(row["id"], row["attempt"], row["timed_out"]) for row in rows]

    async def lost_before(self, task_id: int, attempt: int) -> int:
        """How many of the task's attempts before this one ended with WORKER_LOST. It does not change while the attempt is on."""
        rows = await self._run(queries.LOST_BEFORE, {"id": task_id, "attempt": attempt})
        return int(rows[0][0])

    async def cancel(self, account_id: int, task_id: int, *, reason: ErrorReason, message: str, now: datetime) -> Task | None:
        """End the task as CANCELLED."""
        values = {"id": task_id, "account_id": account_id, "error_reason": reason.value, "error_message": message, "now": now}
        return await self._transition(transitions.CANCEL, values)

    async def overdue(self, *, limit: int, now: datetime) -> list[int]:
        """Up to `limit` tasks that have not ended by their deadline."""
        return [row["id"] for row in await self._run(queries.OVERDUE, {"limit": limit, "now": now})]

    async def expire(self, task_id: int, *, reason: ErrorReason, message: str, now: datetime) -> Task | None:
        """End an overdue task as FAILED."""
        values = {"id": task_id, "error_reason": reason.value, "error_message": message, "now": now}
        return await self._transition(transitions.EXPIRE, values)

    async def delete(self, account_id: int, task_id: int) -> bool:
        """Forget a task that has ended; False if the account has no such task."""
        return bool(await self._run(queries.DELETE, {"id": task_id, "account_id": account_id}))

    async def get(self, account_id: int, task_id: int) -> Task | None:
        """A task of the account."""
        return first_task(await self._run(queries.GET, {"id": task_id, "account_id": account_id}))

    async def page(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, before_id: int, limit: int
    ) -> list[Task]:
        """The account's newest tasks below `before_id`; of any state if none is given, with or without an attempt as `attempted` says."""
        values = {
            "account_id": account_id,
            "states": [state.value for state in states] or None,
            "attempted": attempted,
            "before_id": before_id,
            "limit": limit,
        }
        return [task_of(row) for row in await self._run(queries.LIST, values)]

    async def lookup(self, task_ids: Iterable[int]) -> Sequence[Standing]:
        """How tasks stand, of any account; those that do not exist are left out."""
        rows = await self._run(queries.LOOKUP, {"ids": list(task_ids)})
        return [Standing(row["id"], TaskState(row["state"]), row["output_file_ids"]) for row in rows]

    async def attempts(self, task_id: int) -> Sequence[TaskAttempt]:
        """The history of a task's attempts, in order."""
        return [attempt_of(row) for row in await self._run(queries.ATTEMPTS, {"task_id": task_id})]

    async def events_after(self, task_id: int, sequence: int, *, limit: int) -> Sequence[TaskEvent]:
        """A task's first `limit` events after a number."""
        rows = await self._run(queries.EVENTS_AFTER, {"task_id": task_id, "sequence": sequence, "limit": limit})
        return [event_of(dict(row)) for row in rows]

    async def take_events(self, *, limit: int, retry_at: datetime, now: datetime) -> Sequence[OutgoingEvent]:
        """Up to `limit` unpublished events, by task and number; other calls pass them over until `retry_at`."""
        rows = await self._run(queries.TAKE_EVENTS, {"limit": limit, "retry_at": retry_at, "now": now})
        return [outgoing_of(dict(row)) for row in rows]

    async def events_relayed(self, events: Iterable[TaskEvent]) -> None:
        """Record that the events are published."""
        keys = [(event.task_id, event.sequence) for event in events]
        values = {"task_ids": [task_id for task_id, _ in keys], "sequences": [sequence for _, sequence in keys]}
        await self._run(queries.EVENTS_RELAYED, values)

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
        return await run(self._engine, statement, values)

    async def _next_ids(self, calls: Sequence[None]) -> Sequence[int]:
        return [row["id"] for row in await self._run(queries.NEXT_IDS, {"count": len(calls)})]

    async def _create_all(self, admission: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> Sequence[tuple[Task | None, bool]]:
        """Each task, and whether it was asked for alone: those of one account are refused together."""
        created = await self._transitions(transitions.CREATE, asked, admission)
        return [(task, len(asked) == 1) for task in created]

    async def _transitions(
        self, statement: TextClause, asked: Sequence[Mapping[str, Any]], common: Mapping[str, Any] = MappingProxyType({})
    ) -> Sequence[Task | None]:
        """One statement for the transitions of many tasks, with the `common` values; the result for each."""
        numbered = [{**values, "number": number} for number, values in enumerate(asked)]
        rows = await self._run(statement, {"asked": _json(numbered), **common})
        moved = {row["number"]: task_of(row) for row in rows}
        return [moved.get(number) for number in range(len(asked))]

    async def _transition(self, statement: TextClause, values: Mapping[str, Any]) -> Task | None:
        return first_task(await self._run(statement, values))


def _json(asked: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(asked, default=_as_text)


def _as_text(value: datetime | UUID | bytes) -> str:
    """What JSON has no form for, as PostgreSQL reads it."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
