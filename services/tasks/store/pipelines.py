"""Saved pipelines in the tasks database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from darkroom.internal.tasks.v1 import stored_pb2
from services.platform.audit.changes import DETAILS, Values, details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Transaction
from services.platform.idempotency import store_key_sql
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model.pipeline import SavedPipeline, Viewer
from services.tasks.store.base import Store
from services.tasks.store.rows import first, pipeline_of

CREATE = text(f"""
WITH added AS (
  INSERT INTO pipeline (id, account_id, owner, definition, create_time)
  SELECT :id, :account_id, :owner, :definition, :now
  WHERE (SELECT count(*) FROM pipeline WHERE account_id = :account_id) < :most
  RETURNING *
),{store_key_sql("added", ids="ARRAY[added.number]")},
{audit_sql("added", audit_pb2.AUDIT_ACTION_PIPELINE_CREATED, resource="number", details=DETAILS)}
SELECT * FROM added
""")  # noqa: S608 - put together from constants
"""Add a pipeline, and remember the call's idempotency key; no row if the account has reached its limit. Calls at the same time may exceed
that a little."""

BY_NUMBER = text("SELECT * FROM pipeline WHERE number = :number AND account_id = :account_id")
GET = text("SELECT * FROM pipeline WHERE id = :id AND account_id = :account_id")
LIST = text("""
SELECT * FROM pipeline
WHERE account_id = :account_id AND number < :before AND (:sees_all OR owner IN (:owner, ''))
ORDER BY number DESC LIMIT :limit
""")
LOCKED = text("SELECT * FROM pipeline WHERE id = :id AND account_id = :account_id FOR UPDATE")
UPDATE = text("UPDATE pipeline SET definition = :definition WHERE id = :id AND account_id = :account_id RETURNING *")
DELETE = text("DELETE FROM pipeline WHERE id = :id AND account_id = :account_id RETURNING *")
DELETE_OF_OWNER = text("DELETE FROM pipeline WHERE account_id = :account_id AND owner = :owner RETURNING *")


class PipelineStore(Store):
    """The table `pipeline`."""

    async def create(
        self, viewer: Viewer, id_: UUID, definition: bytes, *, most: int, call: IdempotentCall | None, now: datetime
    ) -> SavedPipeline | None:
        """Add a pipeline; None if the account has `most` already."""
        values = {
            "id": id_,
            "account_id": viewer.account_id,
            "owner": viewer.owner,
            "definition": definition,
            "most": most,
            "now": now,
            "audit_details": _told(id_, None, definition),
            **actor_values(),
        }
        return first(pipeline_of, await self._run_keyed(CREATE, values, call, now))

    async def by_number(self, account_id: int, number: int) -> SavedPipeline | None:
        return first(pipeline_of, await self._run(BY_NUMBER, {"account_id": account_id, "number": number}))

    async def get(self, account_id: int, id_: UUID) -> SavedPipeline | None:
        return first(pipeline_of, await self._run(GET, {"account_id": account_id, "id": id_}))

    async def page(self, viewer: Viewer, *, before: int, limit: int) -> Sequence[SavedPipeline]:
        """The newest pipelines that the viewer sees, below a number."""
        values = {"account_id": viewer.account_id, "owner": viewer.owner, "sees_all": viewer.sees_all, "before": before, "limit": limit}
        return [pipeline_of(row) for row in await self._run(LIST, values)]

    async def update(self, account_id: int, id_: UUID, definition: bytes) -> SavedPipeline | None:
        """Replace a definition; None if there is no such pipeline."""
        values = {"account_id": account_id, "id": id_, "definition": definition}
        async with self._database.transaction() as transaction:
            before = first(pipeline_of, await transaction.fetch(LOCKED, values))
            if before is None:
                return None
            told = _told(id_, before.definition, definition)
            await enter(transaction, audit_pb2.AUDIT_ACTION_PIPELINE_UPDATED, account_id, before.number, told=told)
            return first(pipeline_of, await transaction.fetch(UPDATE, values))

    async def delete(self, account_id: int, id_: UUID) -> bool:
        """Delete a pipeline; False if there is none."""
        async with self._database.transaction() as transaction:
            deleted = [pipeline_of(row) for row in await transaction.fetch(DELETE, {"account_id": account_id, "id": id_})]
            await _enter_deleted(transaction, deleted)
        return bool(deleted)

    async def delete_of(self, account_id: int, owner: str) -> None:
        """Delete all that somebody has."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(DELETE_OF_OWNER, {"account_id": account_id, "owner": owner})
            await _enter_deleted(transaction, [pipeline_of(row) for row in rows])


async def _enter_deleted(transaction: Transaction, pipelines: Sequence[SavedPipeline]) -> None:
    for one in pipelines:
        told = _told(one.id, one.definition, None)
        await enter(transaction, audit_pb2.AUDIT_ACTION_PIPELINE_DELETED, one.account_id, one.number, told=told)


def _told(id_: UUID, before: bytes | None, after: bytes | None) -> str:
    return details(_audited(before), _audited(after), pipeline_id=str(id_))


def _audited(definition: bytes | None) -> Values | None:
    """The names, and by its digest all that the pipeline does."""
    if definition is None:
        return None
    stored = stored_pb2.StoredPipeline.FromString(definition)
    content = b"".join([*(each.SerializeToString(deterministic=True) for each in stored.operations), *stored.steps])
    operations = " ".join(field.name for each in stored.operations for field, _ in each.ListFields())
    return {"name": stored.name, "description": stored.description or None, "operations": operations, "content": content}
