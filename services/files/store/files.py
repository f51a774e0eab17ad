"""Records as their account sees them, and their acceptance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.db import transaction
from services.common.idempotency import IdempotentCall
from services.files.store.idempotency import remember
from services.files.store.models import FileRow
from services.files.store.retention import TEMPORARY_LIFE
from services.files.store.rows import Store, insert_files

# What an account can name. A file past its time is gone for it before the sweeper comes, except one whose bytes may just have
# arrived; and one whose object has vanished is gone until it is back. Hidden outputs are in here too: the domain decides about them.
_NAMEABLE = """
account_id = :account_id AND state <> 'deleting' AND missing_since IS NULL AND (state <> 'ready' OR expires_at IS NULL OR expires_at > :now)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in an accepted object."""

    etag: str
    size_bytes: int
    media_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None


class FileStore(Store):
    """Statements about single files of an account."""

    async def new_ids(self, count: int) -> list[int]:
        """Fresh ids, growing."""
        return sorted(await self._ids("SELECT next_id() FROM generate_series(1, CAST(:count AS integer))", count=count))

    async def insert(self, rows: Sequence[FileRow], call: IdempotentCall | None = None, *, now: datetime) -> None:
        """All records, or none; with them the idempotency key of the call that makes them, if it has one.

        Raises IDEMPOTENCY_IN_PROGRESS when another call has stored the key, or is storing it and does not come to an end.
        """
        async with transaction(self._engine) as connection:
            if call is not None:
                await remember(connection, call, [row.id for row in rows], now)
            await insert_files(connection, rows)

    async def prolong_uploads(self, account_id: int, file_ids: Collection[int], until: datetime) -> None:
        """Give PENDING uploads time until then, unless they have more."""
        await self._ids(
            """
            UPDATE file SET expires_at = :until, sweep_at = :until
            WHERE id = ANY(:file_ids) AND account_id = :account_id AND state = 'pending' AND visible AND expires_at < :until
            RETURNING id
            """,
            account_id=account_id,
            file_ids=list(file_ids),
            until=until,
        )

    async def find(self, account_id: int, file_ids: Collection[int], now: datetime) -> dict[int, FileRow]:
        """Those of the files that the account can name, and its hidden outputs, by id."""
        rows = await self._files(
            f"SELECT * FROM file WHERE id = ANY(:file_ids) AND {_NAMEABLE}",  # noqa: S608 - a constant
            account_id=account_id,
            file_ids=list(set(file_ids)),
            now=now,
        )
        return {row.id: row for row in rows}

    async def page(self, account_id: int, before_id: int | None, limit: int, now: datetime) -> list[FileRow]:
        """Visible files with ids below `before_id`, newest first."""
        return await self._files(
            f"SELECT * FROM file WHERE {_NAMEABLE} AND visible AND id < :before_id ORDER BY id DESC LIMIT :limit",  # noqa: S608 - a constant
            account_id=account_id,
            before_id=before_id if before_id is not None else 2**63 - 1,
            limit=limit,
            now=now,
        )

    async def accept(self, file_id: int, found: Found, now: datetime, life: timedelta) -> FileRow | None:
        """PENDING → READY with what was found. None if it is not PENDING any more: accepted by another call, refused or deleted.

        It is kept for `life`, or what its account has been given; a permanent one for ever. An output keeps the time at which the sweeper
        asks about it, and expires only once it is claimed.
        """
        rows = await self._files(
            f"""
            UPDATE file
            SET state = 'ready', etag = :etag, size_bytes = :size_bytes, media_type = :media_type,
                width = coalesce(:width, width), height = coalesce(:height, height),
                frames = coalesce(:frames, frames), pages = coalesce(:pages, pages),
                expires_at = CASE WHEN visible AND NOT permanent THEN CAST(:now AS timestamptz) + {TEMPORARY_LIFE} END,
                sweep_at = CASE WHEN NOT visible THEN sweep_at WHEN NOT permanent THEN CAST(:now AS timestamptz) + {TEMPORARY_LIFE} END
            WHERE id = :file_id AND state = 'pending'
            RETURNING *
            """,  # noqa: S608 - a constant
            file_id=file_id,
            now=now,
            life=life,
            etag=found.etag,
            size_bytes=found.size_bytes,
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            frames=found.frames,
            pages=found.pages,
        )
        return rows[0] if rows else None

    async def begin_clearing(self, file_id: int, lease_until: datetime) -> bool:
        """PENDING → CLEARING, so that nobody accepts the object that is about to be deleted. False if it is not PENDING.

        If the process dies now, the sweeper finishes the job after `lease_until`.
        """
        return bool(
            await self._ids(
                "UPDATE file SET state = 'clearing', sweep_at = :lease_until WHERE id = :file_id AND state = 'pending' RETURNING id",
                file_id=file_id,
                lease_until=lease_until,
            )
        )

    async def end_clearing(self, file_ids: Collection[int]) -> None:
        """CLEARING → PENDING: the objects are gone."""
        await self._ids(
            "UPDATE file SET state = 'pending', sweep_at = expires_at WHERE id = ANY(:file_ids) AND state = 'clearing' RETURNING id",
            file_ids=list(file_ids),
        )

    async def delete(self, account_id: int, file_id: int, now: datetime) -> bool:
        """→ DELETING for a visible file of the account; a pinned one waits for its last pin. False if there is no such file."""
        return bool(
            await self._ids(
                f"""
                UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
                WHERE id = :file_id AND visible AND {_NAMEABLE}
                RETURNING id
                """,  # noqa: S608 - a constant
                account_id=account_id,
                file_id=file_id,
                now=now,
            )
        )

    async def give_up(self, account_id: int, file_id: int, now: datetime) -> bool:
        """→ DELETING for an upload of the account that is not accepted. False if there is none."""
        return bool(
            await self._ids(
                f"""
                UPDATE file SET state = 'deleting', sweep_at = :now
                WHERE id = :file_id AND visible AND state IN ('pending', 'clearing') AND {_NAMEABLE}
                RETURNING id
                """,  # noqa: S608 - a constant
                account_id=account_id,
                file_id=file_id,
                now=now,
            )
        )
