"""Deletions of objects, which a backup holds back.

A backup copies the rows of one moment and, after that, the objects that they name: none of those may go meanwhile. So it takes an advisory
lock of the files database, waits until no process still relies on having found it free, and only then takes the rows.

Objects are deleted in this order: the row that no longer needs the object is committed, then `allowed` is asked, then the object goes. A
row of the backup's moment that needs the object has been changed later than that moment, when `allowed` already says no. What is not
deleted is left to the sweeps, which come again.
"""

from __future__ import annotations

import math
import time

from sqlalchemy import text

from services.files.store.rows import Store
from services.platform.database import Database

LOCK = 7_245_092
"""Arbitrary: the advisory lock that a backup holds in the files database."""
KNOWN_SECONDS = 1.0
"""How long an answer is good for, so that deletions cost no statement each. A backup waits longer than that."""
_FREE = text(f"SELECT pg_try_advisory_xact_lock_shared({LOCK})")


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
