"""Keys, sessions and workers whose change has to be announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from services.accounts.store.sessions import REFRESHED
from services.platform.database import Database


def _recent(table: str, ended_at: str) -> str:
    return f"""SELECT id, CAST(NULL AS bigint) AS refreshed FROM {table}
WHERE {ended_at} > now() - CAST(:within AS interval)
  OR expires_at BETWEEN now() - CAST(:within AS interval) AND now()"""  # noqa: S608 - a constant


def _refreshed(table: str) -> str:
    return f"""SELECT id, {REFRESHED} FROM {table}
WHERE refreshed_at > now() - CAST(:within AS interval) AND ended_at IS NULL"""  # noqa: S608 - a constant


_RECENT = text(
    " UNION ALL ".join(
        (
            _recent("api_key", "revoked_at"),
            *(_recent(table, "ended_at") for table in ("session", "person_key")),
            "SELECT id, CAST(NULL AS bigint) FROM worker WHERE revoked_at > now() - CAST(:within AS interval)",
            *(_refreshed(table) for table in ("session", "person_key")),
        )
    )
)


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """Keys, sessions and workers, by their ids."""

    ended: Sequence[int]
    """Those that were revoked, or have expired."""
    refreshed: Mapping[int, int]
    """Active ones whose permissions changed, and when, as in `Identity.refreshed`."""


class RevocationStore:
    """The ends and changes of keys and sessions, and the ends of workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, within: timedelta) -> RecentChanges:
        """The keys, sessions and workers that ended, expired or were refreshed in the last `within`."""
        rows = await self._database.fetch(_RECENT, {"within": within})
        return RecentChanges(
            ended=[row["id"] for row in rows if row["refreshed"] is None],
            refreshed={row["id"]: row["refreshed"] for row in rows if row["refreshed"] is not None},
        )
