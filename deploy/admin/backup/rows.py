"""The rows of one database: out of it, and into an empty one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from deploy.local.errors import StackError
from services.files.store.deletions import WITHOUT_LIMITS

VERSION = "alembic_version"
"""The table with the migration that the database is at, which the migrations themselves write."""
_FILLED_BY_USE = ("account", "file", "task", "batch", "ledger_entry", "webhook")
"""Tables in which migrations write nothing."""
_CHUNK = 4 << 20
# Unlogged tables are emptied by a crash, and hold nothing that is to be kept.
_TABLES = """
SELECT c.relname AS name,
  (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
  (SELECT string_agg(quote_ident(a.attname) || CASE WHEN a.attcollation = 0 THEN '' ELSE ' COLLATE "C"' END, ', '
     ORDER BY array_position(i.indkey::smallint[], a.attnum)) FROM pg_index i
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary) AS keys
FROM pg_class c WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
"""
# Rows are the same text wherever they are.
_FORMATS = """
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true), set_config('IntervalStyle', 'postgres', true),
  set_config('bytea_output', 'hex', true), set_config('extra_float_digits', '1', true)
"""
_SEQUENCES = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace ORDER BY relname"
_REFERENCES = """
SELECT conrelid::regclass::text AS owner, conname FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"

Take = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Described:
    """A database: its migration, the columns of its tables, and its sequences with their state."""

    revision: str
    tables: dict[str, list[str]]
    sequences: dict[str, tuple[int, bool]]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def describe(connection: asyncpg.Connection) -> Described:
    """Raises StackError for a database that was never migrated."""
    tables = {row["name"]: list(row["columns"]) for row in await connection.fetch(_TABLES)}
    if tables.pop(VERSION, None) is None:
        raise StackError(f"the database {await connection.fetchval('SELECT current_database()')} has no tables; is it the right one?")
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    names = [row["relname"] for row in await connection.fetch(_SEQUENCES)]
    states = {name: await connection.fetchrow(f"SELECT last_value, is_called FROM {quoted(name)}") for name in names}  # noqa: S608 - names of the catalogue
    return Described(revision, tables, {name: (state["last_value"], state["is_called"]) for name, state in states.items() if state})


async def dump(connection: asyncpg.Connection, table: str, columns: Sequence[str], take: Take) -> int:
    """Give all rows to `take`, whole rows at a time, in the order of their keys, in a transaction; returns how many there are."""
    keys = next((row["keys"] for row in await connection.fetch(_TABLES) if row["name"] == table), None)
    listed, order = _list(columns), keys or f'{quoted(table)}::text COLLATE "C"'
    await connection.execute(_FORMATS)
    waiting, rows = bytearray(), 0

    async def received(piece: bytes) -> None:
        nonlocal rows
        waiting.extend(piece)
        if len(waiting) >= _CHUNK:
            # In this format a newline only ends a row.
            end = waiting.rfind(b"\n") + 1
            if end:
                rows += waiting.count(b"\n", 0, end)
                await take(bytes(waiting[:end]))
                del waiting[:end]

    await connection.copy_from_query(f"SELECT {listed} FROM {quoted(table)} ORDER BY {order}", output=received, format="text")  # noqa: S608 - names of the catalogue
    if waiting:
        rows += waiting.count(b"\n")
        await take(bytes(waiting))
    return rows


async def load(connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: bytes) -> None:
    """Add rows."""

    async def once() -> AsyncIterator[bytes]:
        yield rows

    await connection.copy_to_table(table, source=once(), columns=columns, format="text")


async def is_in_use(connection: asyncpg.Connection) -> bool:
    """Whether others are connected as the service."""
    return bool(await connection.fetchval(_OTHERS))


async def check_empty(connection: asyncpg.Connection) -> None:
    """Raise StackError for a database that has been in use. One that has no tables yet is empty, too."""
    tables = [row["name"] for row in await connection.fetch(_TABLES)]
    for table in (one for one in _FILLED_BY_USE if one in tables):
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {quoted(table)})"):  # noqa: S608 - names of the catalogue
            name = await connection.fetchval("SELECT current_database()")
            raise StackError(f"the database {name} is not empty: its table {table} has rows. Only empty databases get a backup")


async def begin_loading(connection: asyncpg.Connection, wanted: Described) -> None:
    """Begin a transaction in which rows may come in any order. Raises StackError unless the database fits them and holds nothing."""
    present = await describe(connection)
    if present.revision != wanted.revision:
        name = await connection.fetchval("SELECT current_database()")
        raise StackError(
            f"the database {name} is at the migration {present.revision}, and the backup at {wanted.revision}; drop it and create "
            "it again, empty: its tables are made by this command"
        )
    await connection.execute("BEGIN")
    await connection.execute(WITHOUT_LIMITS)
    await connection.execute(_FORMATS)
    # A service that is started meanwhile waits, and then finds what was restored.
    await connection.execute(f"LOCK TABLE {_list(present.tables)} IN ACCESS EXCLUSIVE MODE")
    await check_empty(connection)
    # Rows that migrations have made, and that the backup has, too.
    await connection.execute(f"TRUNCATE {_list(present.tables)}")
    for row in await connection.fetch(_REFERENCES):
        await connection.execute(f"ALTER TABLE {row['owner']} ALTER CONSTRAINT {quoted(row['conname'])} DEFERRABLE INITIALLY DEFERRED")
    for table in present.tables:
        await connection.execute(f"ALTER TABLE {quoted(table)} DISABLE TRIGGER USER")


async def end_loading(connection: asyncpg.Connection, wanted: Described) -> None:
    """Check what was loaded, and put everything else as it was; the transaction is left to be committed."""
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for row in await connection.fetch(_REFERENCES):
        await connection.execute(f"ALTER TABLE {row['owner']} ALTER CONSTRAINT {quoted(row['conname'])} NOT DEFERRABLE")
    for table in wanted.tables:
        await connection.execute(f"ALTER TABLE {quoted(table)} ENABLE TRIGGER USER")
    for name, (last, called) in wanted.sequences.items():
        await connection.execute(f"SELECT setval('{quoted(name)}', {last}, {'true' if called else 'false'})")


def quoted(name: str) -> str:
    """As an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _list(names: Sequence[str] | dict[str, list[str]]) -> str:
    return ", ".join(quoted(name) for name in names)
