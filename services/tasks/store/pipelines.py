"""Saved pipelines in the tasks database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

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
),{store_key_sql("added", ids="ARRAY[added.number]")}
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
UPDATE = text("UPDATE pipeline SET definition = :definition WHERE id = :id AND account_id = :account_id RETURNING *")
DELETE = text("DELETE FROM pipeline WHERE id = :id AND account_id = :account_id RETURNING 1")
DELETE_OF_OWNER = text("DELETE FROM pipeline WHERE account_id = :account_id AND owner = :owner")


class PipelineStore(Store):
    """The table `pipeline`."""

    async def create(
        self, viewer: Viewer, id_: UUID, definition: bytes, *, most: int, call: IdempotentCall | None, now: datetime
    ) -> SavedPipeline | None:
        """Add a pipeline; None if the account has `most` already."""
        values = {"id": id_, "account_id": viewer.account_id, "owner": viewer.owner, "definition": definition, "most": most, "now": now}
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
        return first(pipeline_of, await self._run(UPDATE, {"account_id": account_id, "id": id_, "definition": definition}))

    async def delete(self, account_id: int, id_: UUID) -> bool:
        """Delete a pipeline; False if there is none."""
        return bool(await self._run(DELETE, {"account_id": account_id, "id": id_}))

    async def delete_of(self, account_id: int, owner: str) -> None:
        """Delete all that somebody has."""
        await self._run(DELETE_OF_OWNER, {"account_id": account_id, "owner": owner})
