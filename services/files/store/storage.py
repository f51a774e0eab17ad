"""The stored data and limits of accounts. Triggers on `file` count it, in the transaction of each change.

They lock the account's row of `account_storage` after the rows of `file` that a statement changes; only one that inserts files alone may
lock it before. A statement that changes files of several accounts locks those rows first, in order: see `LOCK_COUNTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, fields

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import OwnLimits, Storage
from services.files.store.rows import Store
from services.platform.audit.changes import details, enter
from services.platform.database import Rows, Transaction

Check = Callable[[Storage, OwnLimits], int]
"""Refuses what an account would store, by raising; returns how many bytes more it may store."""


@dataclass(frozen=True, slots=True)
class Growth:
    """An addition to an account's stored data."""

    added: Storage
    most: Storage
    """The limits of an account without its own."""
    check: Check

    def values(self) -> dict[str, int]:
        """For `FITS` and `AFTER`."""
        added = {f"added_{name}": value for name, value in asdict(self.added).items()}
        return {**added, **{f"most_{name}": value for name, value in asdict(self.most).items()}}


LOCK_COUNTS = """counted AS MATERIALIZED (
  SELECT account_id FROM account_storage WHERE account_id IN (SELECT account_id FROM locked) ORDER BY account_id FOR NO KEY UPDATE
)"""
"""Part of a statement that changes the files of its part `locked`; it takes effect in the condition COUNTS_LOCKED."""
COUNTS_LOCKED = "(SELECT count(*) FROM counted) IS NOT NULL"

_COUNTS = tuple(field.name for field in fields(Storage))
FITS = " AND ".join(
    f"(CAST(:added_{name} AS bigint) = 0 OR {name} + CAST(:added_{name} AS bigint) <= coalesce(max_{name}, CAST(:most_{name} AS bigint)))"
    for name in _COUNTS
)
"""Condition on a row of `account_storage`: there is room for a `Growth`."""
AFTER = ", ".join([*(f"{name} + CAST(:added_{name} AS bigint) AS {name}" for name in _COUNTS), *(f"max_{name}" for name in _COUNTS)])
"""Columns of such a row once there is more in it."""

_COLUMNS = "size_bytes, files, uploads, parted_uploads, max_size_bytes, max_files, max_uploads, max_parted_uploads"
_STORED = text(f"SELECT {_COLUMNS} FROM account_storage WHERE account_id = :account_id")  # noqa: S608 - put together from constants
_TOTAL = text("SELECT coalesce(sum(size_bytes), 0) AS size_bytes, coalesce(sum(files), 0) AS files FROM account_storage")
_LOCKED = text(f"SELECT {_COLUMNS} FROM account_storage WHERE account_id = :account_id FOR NO KEY UPDATE")  # noqa: S608 - put together from constants
_SET_LIMITS = text("""
INSERT INTO account_storage (account_id, max_size_bytes, max_files, max_uploads, max_parted_uploads)
VALUES (:account_id, :size_bytes, :files, :uploads, :parted_uploads)
ON CONFLICT (account_id) DO UPDATE
SET max_size_bytes = excluded.max_size_bytes, max_files = excluded.max_files,
    max_uploads = excluded.max_uploads, max_parted_uploads = excluded.max_parted_uploads
""")


class StorageStore(Store):
    """Statements on `account_storage`."""

    async def totals(self, account_id: int) -> tuple[Storage, OwnLimits]:
        """The account's stored data, and its own limits."""
        return storage_from(await self._database.fetch(_STORED, {"account_id": account_id}))

    async def total(self) -> tuple[int, int]:
        """How many bytes, and how many files, all accounts store together."""
        [row] = await self._database.fetch(_TOTAL)
        return int(row["size_bytes"]), int(row["files"])

    async def set_limits(self, account_id: int, limits: OwnLimits) -> None:
        """Set the account's own limits, for what it stores from now on."""
        values = {
            "account_id": account_id,
            "size_bytes": limits.size_bytes,
            "files": limits.files,
            "uploads": limits.uploads,
            "parted_uploads": limits.parted_uploads,
        }
        async with self._database.transaction() as transaction:
            _, before = storage_from(await transaction.fetch(_LOCKED, values))
            await transaction.fetch(_SET_LIMITS, values)
            after = _audited(limits)
            told = details(_audited(before), after, **{name: str(value) for name, value in after.items() if value is not None})
            await enter(transaction, audit_pb2.AUDIT_ACTION_ACCOUNT_LIMITS_SET, account_id, account_id, told=told)


def _audited(limits: OwnLimits) -> dict[str, int | None]:
    return dict(zip(("bytes", "files", "uploads", "uploads_in_parts"), astuple(limits), strict=True))


async def check_stored(transaction: Transaction, account_id: int, check: Check) -> int:
    """Let `check` look at what the account stores after the changes of the transaction, which has its row locked. It may raise."""
    return check(*storage_from(await transaction.fetch(_STORED, {"account_id": account_id})))


def storage_from(rows: Rows) -> tuple[Storage, OwnLimits]:
    """The content of a row of `account_storage`; nothing stored and no limits without a row."""
    if not rows:
        return Storage(), OwnLimits()
    row = rows[0]
    return (
        Storage(row["size_bytes"], row["files"], row["uploads"], row["parted_uploads"]),
        OwnLimits(row["max_size_bytes"], row["max_files"], row["max_uploads"], row["max_parted_uploads"]),
    )
