"""People who are gone, until what they had in other services is gone as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from services.platform.database import Database

LEAVES_FOR = timedelta(minutes=10)
"""How long calls of somebody who is gone may still go on: they have begun before, or were let in by another replica."""
_LEASE = timedelta(minutes=1)
_LIMIT = 20

_CLAIM = text("""
WITH due AS (SELECT public_id FROM departure WHERE next_at <= now() ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE departure SET next_at = now() + CAST(:lease AS interval) FROM due WHERE departure.public_id = due.public_id
RETURNING departure.account_id, departure.public_id
""")
_CLEARED = text("""
WITH done AS (DELETE FROM departure WHERE public_id = :public_id AND until <= now())
UPDATE departure SET next_at = until WHERE public_id = :public_id AND until > now()
""")


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who is gone."""

    account_id: int
    public_id: str


class DepartureStore:
    """The table `departure`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self) -> Sequence[Departure]:
        """Some of those whose turn it is. No other replica gets them for a minute."""
        rows = await self._database.fetch(_CLAIM, {"limit": _LIMIT, "lease": _LEASE})
        return [Departure(row["account_id"], row["public_id"]) for row in rows]

    async def confirm(self, departure: Departure) -> None:
        """All is gone now: it is done once more at the end, and then forgotten."""
        await self._database.fetch(_CLEARED, {"public_id": departure.public_id})
