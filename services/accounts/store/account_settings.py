"""The settings of people, in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable.

Texts must not hold NUL, which PostgreSQL refuses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.installation import Setting
from services.platform.audit.changes import Hidden, Values, details, enter
from services.platform.database import Database, Transaction
from services.platform.errors import DarkroomError, ErrorReason

_LOCK = text("SELECT id FROM account WHERE id = :account_id FOR NO KEY UPDATE")
"""Changes come one after the other, so that what they leave can be measured."""
_ALL = text('SELECT name, value, updated_at FROM setting WHERE account_id = :account_id ORDER BY name COLLATE "C"')
_SOME = text("SELECT name, value, updated_at FROM setting WHERE account_id = :account_id AND sha256 = ANY(:digests)")
_GIVEN = """
SELECT :account_id, digest, name, value
FROM unnest(CAST(:digests AS bytea[]), CAST(:names AS text[]), CAST(:values AS text[])) AS given (digest, name, value)
ORDER BY digest
"""
_ADD = text(f"INSERT INTO setting (account_id, sha256, name, value) {_GIVEN} ON CONFLICT DO NOTHING RETURNING 1")
_WRITE = text(f"""
INSERT INTO setting (account_id, sha256, name, value) {_GIVEN}
ON CONFLICT (account_id, sha256) DO UPDATE SET value = excluded.value, updated_at = now()
RETURNING 1
""")
_REMOVE = text("DELETE FROM setting WHERE account_id = :account_id AND sha256 = ANY(:digests) RETURNING 1")
_SECRET = re.compile(r"secret|passw|token|credential|api_?key|private_?key", re.IGNORECASE)
"""In the name of a setting whose value the audit log hides."""
_SIZE = text("""
SELECT count(*) AS settings, coalesce(sum(octet_length(name) + octet_length(value)), 0) AS bytes FROM setting WHERE account_id = :account_id
""")


class SettingStore:
    """Settings of accounts, by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, account_id: int) -> Sequence[Setting]:
        """All of an account, by name."""
        return [Setting(*row) for row in await self._database.fetch(_ALL, {"account_id": account_id})]

    async def some(self, account_id: int, names: Sequence[str]) -> Sequence[Setting]:
        """Those of some names that exist."""
        values = {"account_id": account_id, "digests": [_digest(name) for name in names]}
        return [Setting(*row) for row in await self._database.fetch(_SOME, values)]

    async def seed(self, account_id: int, settings: Mapping[str, str]) -> None:
        """Write those settings that do not exist yet."""
        await self._database.fetch(_ADD, _given(account_id, settings))

    async def change(self, account_id: int, settings: Mapping[str, str], removed: Sequence[str], *, most: int, most_bytes: int) -> None:
        """Write and remove settings, of which there may be so many, in so many bytes. Raises FIELD_INVALID if there would be more."""
        async with self._database.transaction() as transaction:
            await transaction.fetch(_LOCK, {"account_id": account_id})
            named = {"account_id": account_id, "digests": [_digest(name) for name in (*settings, *removed)]}
            before = {row["name"]: row["value"] for row in await transaction.fetch(_SOME, named)}
            if removed:
                await transaction.fetch(_REMOVE, {"account_id": account_id, "digests": [_digest(name) for name in removed]})
            await write(transaction, account_id, settings)
            [size] = await transaction.fetch(_SIZE, {"account_id": account_id})
            if settings and (size["settings"] > most or size["bytes"] > most_bytes):
                message = f"There may be at most {most} settings, whose keys and values have at most {most_bytes} bytes together"
                raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="values")
            changed = [name for name in {**before, **settings} if before.get(name) != settings.get(name)]
            if changed:
                told = details(*(_shown({name: side[name] for name in changed if name in side}) for side in (before, settings)))
                await enter(transaction, audit_pb2.AUDIT_ACTION_SETTINGS_CHANGED, account_id, account_id, told=told)


async def write(transaction: Transaction, account_id: int, settings: Mapping[str, str]) -> None:
    """Write settings, whatever they are."""
    if settings:
        await transaction.fetch(_WRITE, _given(account_id, settings))


def _given(account_id: int, settings: Mapping[str, str]) -> Mapping[str, object]:
    return {
        "account_id": account_id,
        "digests": [_digest(name) for name in settings],
        "names": list(settings),
        "values": list(settings.values()),
    }


def _shown(settings: Mapping[str, str]) -> Values:
    return {name: Hidden() if _SECRET.search(name) else value for name, value in settings.items()}


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
