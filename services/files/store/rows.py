"""The common parts of the stores: the database, and rows of `file` as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import TextClause

from services.files.records import File, FileOrigin, FileState
from services.platform.database import Database, Rows

COLUMNS = tuple(field.name for field in fields(File))


class Store:
    """Named statements on the database. Each call is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _files(self, statement: TextClause, **values: object) -> list[File]:
        """The files that one statement returns."""
        return files(await self._database.fetch(statement, values))

    async def _ids(self, statement: TextClause, **values: object) -> list[int]:
        """The first column of the rows that one statement returns."""
        return [int(row[0]) for row in await self._database.fetch(statement, values)]


def files(rows: Rows) -> list[File]:
    """Rows of `file`."""
    return [file_of(row) for row in rows]


def file_of(row: Mapping[str, Any], prefix: str = "") -> File:
    """The file in a row, in the columns whose names begin with `prefix`."""
    values = {name: row[prefix + name] for name in COLUMNS}
    return File(**{**values, "state": FileState(values["state"]), "origin": FileOrigin(values["origin"])})
