"""Deletions of objects, which a backup holds back.

A backup copies the rows of one moment and, after that, the objects that they name, which have to stay meanwhile. So it takes an advisory
lock of the files database, waits until no process still relies on having found it free, and only then takes the rows.

Objects are deleted in this order: the row that no longer needs the object is committed, then `allowed` is asked, then the object goes. A
row of the backup's moment that needs the object has been changed later than that moment, when `allowed` already says no. The sweeps,
which come again, delete the object later.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text

from services.files.store.rows import Store
from services.platform.database import Database

LOCK = 7_245_092
"""Arbitrary: the advisory lock that a backup holds in the files database."""
KNOWN_SECONDS = 1.0
"""How long an answer is good for, so that deletions cost no statement each. A backup waits longer than that."""
WITHOUT_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
"""For a transaction of a backup, which no limit ends that an operator has set for services."""
_FREE = text(f"SELECT pg_try_advisory_xact_lock_shared({LOCK})")


@asynccontextmanager
async def held(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """No object is deleted that is there when the block begins. It takes a connection to the files database, which does nothing else
    meanwhile. Raises what asyncpg raises if the connection, and with it the lock, was lost during the block."""
    async with connection.transaction():
        await connection.execute(WITHOUT_LIMITS)
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        await asyncio.sleep(2 * KNOWN_SECONDS)
        yield
        await connection.execute("SELECT")


class Deletions(Store):
    """Whether objects may be deleted now."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._free, self._known_until = True, -math.inf

    async def allowed(self) -> bool:
        """False while a backup copies objects. Raises UNAVAILABLE."""
        now = time.monotonic()
        if now >= self._known_until:
            self._free = bool((await self._database.fetch(_FREE))[0][0])
            self._known_until = now + KNOWN_SECONDS
        return self._free
