"""Running a statement and reading rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.common.db import transaction
from services.files.store.models import FileOrigin, FileRow, FileState


class Store:
    """What the stores share: the engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def _files(self, statement: str, **values: object) -> list[FileRow]:
        """Run one statement in a transaction of its own; the rows it returns."""
        async with transaction(self._engine) as connection:
            return await files(connection, statement, **values)

    async def _ids(self, statement: str, **values: object) -> list[int]:
        """Run one statement in a transaction of its own; the first column of what it returns."""
        async with transaction(self._engine) as connection:
            return [int(row[0]) for row in (await run(connection, statement, **values)).all()]


async def run(connection: AsyncConnection, statement: str, **values: object) -> CursorResult[Any]:
    """Run one statement in the connection's transaction."""
    return await connection.execute(text(statement), values)


async def files(connection: AsyncConnection, statement: str, **values: object) -> list[FileRow]:
    """Run one statement that returns whole rows of `file`."""
    return [_file(row) for row in (await run(connection, statement, **values)).mappings().all()]


async def insert_files(connection: AsyncConnection, rows: Sequence[FileRow]) -> None:
    """Insert whole rows."""
    names = list(FileRow.model_fields)
    columns, parameters = ", ".join(names), ", ".join(f":{name}" for name in names)
    await connection.execute(
        text(f"INSERT INTO file ({columns}) VALUES ({parameters})"),  # noqa: S608 - names of our own columns
        [_values(row) for row in rows],
    )


def _values(row: FileRow) -> Mapping[str, object]:
    return {name: getattr(row, name) for name in FileRow.model_fields}


def _file(row: RowMapping) -> FileRow:
    values = dict(row)
    return FileRow(**{**values, "state": FileState(values["state"]), "origin": FileOrigin(values["origin"])})
