"""Databases that only one process opens at a time. The system ends the claim with the process, however that ends."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class AlreadyOpen(Exception):
    """Another process has it open."""


def open_exclusive(path: Path) -> sqlite3.Connection:
    """The database at this path, for this process alone. Raises AlreadyOpen, and OSError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = None
    try:
        database = sqlite3.connect(path, timeout=0)
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # The lock that this takes is kept.
        database.execute("BEGIN EXCLUSIVE")
        database.commit()
    except sqlite3.Error as failure:
        if database is not None:
            database.close()
        if "locked" in str(failure):
            raise AlreadyOpen from None
        raise OSError(None, str(failure), str(path)) from failure
    return database
