"""How long files of an account are kept, where the operator has set it."""

from __future__ import annotations

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import RetentionTerms
from services.files.store.rows import Store
from services.platform.audit.log import actor_values, audited


def _end(column: str, since: str) -> str:
    own = f"(SELECT {column} FROM account_retention AS own WHERE own.account_id = file.account_id)"  # noqa: S608 - names of our own columns
    age = f"""(
      SELECT least(aged.max_age, {own}) FROM surface_age AS aged
      WHERE aged.account_id = file.account_id AND aged.surface = file.surface AND aged.max_age IS NOT NULL
    )"""  # noqa: S608 - names of our own columns
    return f"coalesce(file.created_at + {age}, CAST(:{since} AS timestamptz) + coalesce({own}, CAST(:life AS interval)))"


OUTPUT_END = _end("output_life", "now")
"""SQL for when an output, a row of `file`, expires: as set for files of its API or for its account, else after `:life`."""
TEMPORARY_END = _end("temporary_life", "now")
"""The same for an upload."""
ARRIVED_END = _end("temporary_life", "arrived_at")
"""The same for an upload that arrived a while ago."""

_TERMS = text("SELECT temporary_life, output_life FROM account_retention WHERE account_id = :account_id")
_OF_TERMS = "jsonb_build_object('temporary', CAST(temporary_life AS text), 'output', CAST(output_life AS text))"
_SET_TERMS = text(f"""
WITH changed AS (
  INSERT INTO account_retention (account_id, temporary_life, output_life) VALUES (:account_id, :temporary, :output)
  ON CONFLICT (account_id) DO UPDATE SET temporary_life = excluded.temporary_life, output_life = excluded.output_life
  RETURNING *
),{audited("changed", audit_pb2.AUDIT_ACTION_ACCOUNT_RETENTION_SET, resource="account_id", details=_OF_TERMS)}
SELECT 1 FROM changed
""")  # noqa: S608 - put together from constants


class RetentionStore(Store):
    """The operator's side of `account_retention`."""

    async def terms(self, account_id: int) -> RetentionTerms:
        """The terms that are set for the account."""
        rows = await self._database.fetch(_TERMS, {"account_id": account_id})
        return RetentionTerms(rows[0]["temporary_life"], rows[0]["output_life"]) if rows else RetentionTerms()

    async def set_terms(self, account_id: int, terms: RetentionTerms) -> None:
        """Set an account's terms, for files that become READY or are shown from now on."""
        values = {"account_id": account_id, "temporary": terms.temporary, "output": terms.output, **actor_values()}
        await self._database.fetch(_SET_TERMS, values)
