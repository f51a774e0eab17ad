"""Batches in the tasks database. `now` comes from the caller. Every method raises UNAVAILABLE while PostgreSQL is away."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import reaching_database, transaction
from services.common.errors import ErrorReason
from services.common.idempotency import IdempotentCall, key_values, storing_key
from services.tasks.domain.batches.admission import Admitted
from services.tasks.domain.batches.records import AccountState, BatchNow, NewBatch, Refusal
from services.tasks.domain.records import CreditTerms
from services.tasks.domain.state import TaskState
from services.tasks.store import batch_statements as statements
from services.tasks.store import transitions
from services.tasks.store.models import Batch, Task, loaded
from services.tasks.store.rows import task_of
from services.tasks.surfaces.native.batch_messages import refused_item

Decide = Callable[[AccountState], tuple[Sequence[Admitted], Sequence[Refusal]]]
"""Which items are accepted and which are not, by the account as it is; raises what refuses the whole."""


class BatchStore:
    """Reads and guarded changes of whole batches."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def next_ids(self, count: int) -> list[int]:
        """Fresh ids, growing."""
        return sorted(int(row[0]) for row in await self._run(statements.NEXT_IDS, {"count": count}))

    async def create(
        self, new: NewBatch, decide: Decide, *, max_open: int, terms: CreditTerms, now: datetime, call: IdempotentCall | None
    ) -> list[Task]:
        """Accept what `decide` says, in one transaction, in which the account stays as `decide` sees it. Returns the tasks in the order
        of their items. What `decide` raises leaves nothing behind.

        With `call`, its idempotency key is stored with the batch. Raises IDEMPOTENCY_IN_PROGRESS when it is stored already.
        """
        account_values = {
            "account_id": new.account_id,
            "max_open": max_open,
            "unlimited": terms.unlimited,
            "multiplier_permille": terms.multiplier_permille,
        }
        with storing_key():
            async with transaction(self._engine) as connection:
                locked = (await connection.execute(statements.LOCK_ACCOUNT, account_values)).one()
                account = AccountState(**locked._mapping)
                admitted, refusals = decide(account)
                values = {**_values(new, account, admitted, refusals, now), **key_values(call, now)}
                rows = (await connection.execute(statements.CREATE, values)).all()
        return sorted((task_of(row._asdict()) for row in rows), key=lambda task: task.id)

    async def get(self, account_id: int, batch_id: int) -> BatchNow | None:
        """A batch of the account."""
        rows = await self._run(statements.GET, {"id": batch_id, "account_id": account_id})
        return _batch(rows[0]) if rows else None

    async def page(self, account_id: int, *, before_id: int, limit: int) -> list[BatchNow]:
        """The account's newest batches below `before_id`."""
        rows = await self._run(statements.LIST, {"account_id": account_id, "before_id": before_id, "limit": limit})
        return [_batch(row) for row in rows]

    async def tasks(
        self, account_id: int, batch_id: int, *, states: Collection[TaskState] = (), after_index: int = -1, limit: int
    ) -> list[Task]:
        """The batch's tasks after an item, in the order of the items; of any state if none is given."""
        values = {
            "account_id": account_id,
            "batch_id": batch_id,
            "states": [state.value for state in states] or None,
            "after_index": after_index,
            "limit": limit,
        }
        return [task_of(row._asdict()) for row in await self._run(statements.TASKS, values)]

    async def cancel(self, account_id: int, batch_id: int, *, reason: ErrorReason, message: str, now: datetime) -> list[Task]:
        """End every task of the batch that has not ended as CANCELLED; those that it has ended."""
        values = {"batch_id": batch_id, "account_id": account_id, "error_reason": reason.value, "error_message": message, "now": now}
        return [task_of(row._asdict()) for row in await self._run(transitions.CANCEL_BATCH, values)]

    async def delete(self, account_id: int, batch_id: int) -> bool:
        """Forget a batch that has ended, with its tasks; False if the account has no such batch."""
        return bool(await self._run(statements.DELETE, {"id": batch_id, "account_id": account_id}))

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with reaching_database():
            async with self._single.connect() as connection:
                return (await connection.execute(statement, dict(values))).all()


def _values(
    new: NewBatch, account: AccountState, admitted: Sequence[Admitted], refusals: Sequence[Refusal], now: datetime
) -> dict[str, Any]:
    held = 0 if account.unlimited else sum(each.price_millicredits for each in admitted)
    return {
        "account_id": new.account_id,
        "batch_id": new.id,
        "task_count": len(admitted),
        "held_millicredits": held,
        "refused": [refused_item(refusal).SerializeToString() for refusal in refusals],
        "items": json.dumps([_item(each) for each in admitted]),
        "unlimited": account.unlimited,
        "multiplier_permille": account.multiplier_permille,
        "priority": new.priority,
        "trace_id": new.trace_id,
        "max_attempts": new.max_attempts,
        "deadline": new.deadline,
        "webhook_url": new.webhook_url,
        "now": now,
    }


def _item(admitted: Admitted) -> dict[str, object]:
    """One record of `statements.CREATE`: an array of arrays would have to be rectangular, and JSON need not be."""
    item = admitted.item
    return {
        "id": item.id,
        "index": item.index,
        "lane": item.lane,
        "operations": [f"\\x{operation.hex()}" for operation in item.operations],
        "input_file_ids": item.input_file_ids,
        "price": admitted.price_millicredits,
        "expected_outputs": item.expected_outputs,
    }


def _batch(row: Row[Any]) -> BatchNow:
    columns = dict(row._mapping)
    queued, dispatched, running, progress = (columns.pop(name) for name in ("queued", "dispatched", "running", "progress"))
    return BatchNow(loaded(Batch, columns), queued, dispatched, running, progress)
