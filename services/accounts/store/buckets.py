"""Token buckets in PostgreSQL, from which all replicas borrow. Each method is one statement; it raises UNAVAILABLE while PostgreSQL is
unreachable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.accounts.records import Borrowing, BucketLoan
from services.platform.database import Database

_SWEEP_ROWS = 1000

_AVAILABLE = """least(
    excluded.burst,
    held.tokens + excluded.rate * greatest(0, extract(epoch FROM excluded.filled_at - held.filled_at)::float8)
  )"""
# A token that is there except for a rounding error counts.
_GRANTED = f"greatest(0, least(excluded.granted, floor({_AVAILABLE} + 1e-6)))"

_BORROW = text(f"""
WITH asked AS (
  SELECT * FROM unnest(CAST(:names AS text[]), CAST(:rates AS float8[]), CAST(:bursts AS float8[]), CAST(:wanted AS int[]))
    AS asked (name, rate, burst, wanted)
)
INSERT INTO rate_bucket AS held (name, rate, burst, granted, tokens, filled_at)
SELECT name, rate, burst, wanted, burst - wanted, coalesce(CAST(:now AS timestamptz), now()) FROM asked ORDER BY name
ON CONFLICT (name) DO UPDATE SET
  rate = excluded.rate,
  burst = excluded.burst,
  granted = {_GRANTED},
  tokens = {_AVAILABLE} - {_GRANTED},
  filled_at = greatest(held.filled_at, excluded.filled_at)
RETURNING name, granted, tokens
""")  # noqa: S608 - put together from constants
"""Takes up to `wanted` whole tokens out of each bucket, where a bucket that has no row is full. The buckets are locked in the order of
their names, so that two replicas cannot wait for each other. The time is PostgreSQL's, the same for all replicas, unless `now` is given."""

_LEFT = text("""
SELECT floor(least(
  asked.burst,
  coalesce(held.tokens + asked.rate * greatest(0, extract(epoch FROM now() - held.filled_at)::float8), asked.burst)
) + 1e-6) AS left
FROM unnest(CAST(:names AS text[]), CAST(:rates AS float8[]), CAST(:bursts AS float8[]))
  WITH ORDINALITY AS asked (name, rate, burst, position)
LEFT JOIN rate_bucket AS held USING (name)
ORDER BY position
""")
"""Tokens that each bucket has. Takes none, and locks nothing."""

_SWEEP = text("""
WITH full_ones AS (
  SELECT name FROM rate_bucket
  WHERE tokens + rate * extract(epoch FROM coalesce(CAST(:now AS timestamptz), now()) - filled_at)::float8 >= burst
  LIMIT :limit
  FOR UPDATE SKIP LOCKED
)
DELETE FROM rate_bucket USING full_ones WHERE rate_bucket.name = full_ones.name
RETURNING 1
""")
"""Deletes buckets that are full: without a row they are, too."""


class BucketStore:
    """The shared buckets. `now` moves their time in tests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def borrow(self, asked: Sequence[Borrowing], now: datetime | None = None) -> Sequence[BucketLoan]:
        """Take tokens out of buckets, each named once; what each gave, in the same order."""
        values = {
            "names": [one.bucket for one in asked],
            "rates": [one.rate for one in asked],
            "bursts": [float(one.burst) for one in asked],
            "wanted": [one.tokens for one in asked],
            "now": now,
        }
        rows = {row["name"]: row for row in await self._database.fetch(_BORROW, values)}
        return [BucketLoan(rows[one.bucket]["granted"], rows[one.bucket]["tokens"]) for one in asked]

    async def remaining(self, asked: Sequence[Borrowing]) -> Sequence[int]:
        """Whole tokens that buckets have left, in the same order."""
        if not asked:
            return ()
        values = {
            "names": [one.bucket for one in asked],
            "rates": [one.rate for one in asked],
            "bursts": [float(one.burst) for one in asked],
        }
        return [int(row[0]) for row in await self._database.fetch(_LEFT, values)]

    async def sweep(self, now: datetime | None = None) -> bool:
        """Delete some rows that say no more than no row would; True if there may be more."""
        return len(await self._database.fetch(_SWEEP, {"now": now, "limit": _SWEEP_ROWS})) == _SWEEP_ROWS
