"""Migrations of a service's database, and the ids of its rows."""

from __future__ import annotations

import asyncio
import re
from threading import Lock

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database_address import DatabaseAddress
from services.platform.database_engine import new_engine
from services.platform.log import get_logger

_logger = get_logger()
# Arbitrary; the same for every service, since each has its own database.
_MIGRATION_LOCK = 7_245_091
# Alembic keeps its current context in a module.
_one_at_a_time = Lock()

CREATE_NEXT_ID = """
DO $block$
BEGIN
  CREATE SEQUENCE id_sequence;
  CREATE FUNCTION next_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    -- Milliseconds since 2025 and a three-digit counter: below 1e15 until 2056, and growing with time.
    SELECT (extract(epoch FROM clock_timestamp()) * 1000 - 1735689600000)::bigint * 1000 + nextval('id_sequence') % 1000
  $$;
END
$block$
"""
"""SQL for a service's first migration: `next_id()`, unique as long as fewer than 1,000 ids are made in one millisecond.

One statement, because asyncpg prepares what it runs, and only one statement can be prepared.
"""


def statements(script: str) -> list[str]:
    """The statements of an SQL script, which asyncpg runs one by one: each begins a line with CREATE or INSERT, or with a comment."""
    return re.split(r";\n+(?=CREATE|INSERT|--)", script)


def migrate(service: str, where: DatabaseAddress | str, to: str = "head") -> None:
    """Bring the database of `services.<service>` to the newest version, or to that of a migration. Replicas may do so at the same time.
    It runs an event loop of its own.

    A database that a later version has migrated is left unchanged: migrations only add what the version before can do without, so that one
    can go back.
    """
    config = Config()
    config.set_main_option("script_location", f"services.{service}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["where"] = where
    with _one_at_a_time:
        command.upgrade(config, to)


def run_environment(metadata: MetaData) -> None:
    """The entry point for a service's `migrations/env.py`: run the migrations in one transaction under a lock."""
    asyncio.run(_run(metadata, context.config.attributes["where"]))


async def _run(metadata: MetaData, where: DatabaseAddress | str) -> None:
    made = AsyncEngine(new_engine(where))
    async with made.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        await connection.run_sync(_upgrade, metadata)
    await made.dispose()


def _upgrade(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    present = context.get_context().get_current_revision()
    if present is not None and present not in {script.revision for script in context.script.walk_revisions()}:
        _logger.warning("database_of_a_later_version", revision=present, newest_known=context.script.get_current_head())
        return
    context.run_migrations()
