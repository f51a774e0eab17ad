"""How long files of an account are kept, where the operator or people have set it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import RetentionTerms
from services.files.store.rows import Store
from services.platform.audit.changes import details, enter


def _end(column: str, since: str, life: str = "life") -> str:
    own = f"(SELECT {column} FROM account_retention AS own WHERE own.account_id = file.account_id)"  # noqa: S608 - names of our own columns
    age = f"""(
      SELECT least(aged.max_age, {own}) FROM surface_age AS aged
      WHERE aged.account_id = file.account_id AND aged.surface = file.surface AND aged.max_age IS NOT NULL
    )"""  # noqa: S608 - names of our own columns
    return f"coalesce(file.created_at + {age}, CAST(:{since} AS timestamptz) + coalesce({own}, CAST(:{life} AS interval)))"


OUTPUT_END = _end("output_life", "now")
"""SQL for when an output, a row of `file`, expires: as set for files of its API or for its account, else after `:life`."""
TEMPORARY_END = _end("temporary_life", "now")
"""The same for an upload."""
OUTPUT_END_BESIDE = _end("output_life", "now", "output_life")
"""The same for an output, where `:life` is for uploads."""
ARRIVED_END = _end("temporary_life", "arrived_at")
"""The same for an upload that arrived a while ago."""

_TERMS = text("SELECT temporary_life, output_life FROM account_retention WHERE account_id = :account_id")
_AUDITED = text("""
SELECT CAST(temporary_life AS text) AS temporary, CAST(output_life AS text) AS output
FROM account_retention WHERE account_id = :account_id FOR UPDATE
""")
_SET_TERMS = text("""
INSERT INTO account_retention (account_id, temporary_life, output_life) VALUES (:account_id, :temporary, :output)
ON CONFLICT (account_id) DO UPDATE SET temporary_life = excluded.temporary_life, output_life = excluded.output_life
""")


class RetentionStore(Store):
    """The operator's side of `account_retention`."""

    async def terms(self, account_id: int) -> RetentionTerms:
        """The terms that are set for the account."""
        rows = await self._database.fetch(_TERMS, {"account_id": account_id})
        return RetentionTerms(rows[0]["temporary_life"], rows[0]["output_life"]) if rows else RetentionTerms()

    async def set_terms(self, account_id: int, terms: RetentionTerms) -> None:
        """Set an account's terms, for files that become READY or are shown from now on."""
        values = {"account_id": account_id, "temporary": terms.temporary, "output": terms.output}
        async with self._database.transaction() as transaction:
            before = await transaction.fetch(_AUDITED, values)
            await transaction.fetch(_SET_TERMS, values)
            after = dict((await transaction.fetch(_AUDITED, values))[0])
            told = details(dict(before[0]) if before else {}, after, **after)
            await enter(transaction, audit_pb2.AUDIT_ACTION_ACCOUNT_RETENTION_SET, account_id, account_id, told=told)


_SET = text("""
INSERT INTO surface_age (account_id, surface, max_age, redated_to)
SELECT :account_id, CAST(:surface AS text), CAST(:max_age AS interval), 0
WHERE CAST(:max_age AS interval) IS NOT NULL OR EXISTS (SELECT FROM surface_age WHERE account_id = :account_id AND surface = :surface)
ON CONFLICT (account_id, surface) DO UPDATE SET max_age = excluded.max_age, redated_to = 0
WHERE surface_age.max_age IS DISTINCT FROM excluded.max_age
RETURNING 1
""")

_REDATE = text("""
WITH due AS MATERIALIZED (SELECT * FROM surface_age WHERE redated_to IS NOT NULL LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED),
page AS MATERIALIZED (
  SELECT file.id FROM file
  WHERE account_id = (SELECT account_id FROM due) AND visible AND state <> 'deleting' AND id > (SELECT redated_to FROM due)
  ORDER BY id LIMIT :limit
),
locked AS (
  SELECT file.id FROM file
  WHERE id IN (SELECT id FROM page) AND surface = (SELECT surface FROM due)
    AND visible AND state = 'ready' AND NOT permanent AND NOT in_library
  ORDER BY id FOR NO KEY UPDATE
),
ends AS (
  SELECT file.id, file.created_at + coalesce(
    least(due.max_age, CASE origin WHEN 'task' THEN own.output_life ELSE own.temporary_life END),
    CASE origin WHEN 'task' THEN CAST(:output_life AS interval) ELSE CAST(:temporary_life AS interval) END
  ) AS until
  FROM locked JOIN file ON file.id = locked.id CROSS JOIN due LEFT JOIN account_retention AS own ON own.account_id = due.account_id
),
redated AS (UPDATE file SET expires_at = ends.until, sweep_at = ends.until FROM ends WHERE file.id = ends.id)
UPDATE surface_age SET redated_to = (SELECT max(id) FROM page) FROM due
WHERE surface_age.account_id = due.account_id AND surface_age.surface = due.surface
RETURNING 1
""")
"""A page of the account's files. The page after the last one is empty, which ends it."""


class AgeStore(Store):
    """The table `surface_age`, and the ends of files that follow from it."""

    async def set(self, account_id: int, surface: str, max_age: timedelta | None) -> bool:
        """Set how old files of an account get that were made through an API. False if nothing changes."""
        values = {"account_id": account_id, "surface": surface, "max_age": max_age}
        return bool(await self._database.fetch(_SET, values))

    async def redate(self, output_life: timedelta, temporary_life: timedelta, limit: int) -> bool:
        """Give files new ends after a change, up to `limit`; the lives are for files whose age nobody limits any more. False if there was
        nothing to do."""
        values = {"output_life": output_life, "temporary_life": temporary_life, "limit": limit}
        return bool(await self._database.fetch(_REDATE, values))
