"""Which of a service's migrations its database has had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY 1 LIMIT 5
"""


@dataclass(frozen=True)
class MigrationState:
    """How far a database is. `later`: a version after this one has migrated it. `foreign`: tables that no migration of ours has made."""

    current: str | None
    pending: Sequence[str]
    later: bool
    foreign: Sequence[str]


async def state_of(connection: asyncpg.Connection, service: str) -> MigrationState:
    """The state of the database of `services.<service>`."""
    known = revisions(service)
    if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        tables = [row["relname"] for row in await connection.fetch(_TABLES)]
        return MigrationState(None, known, later=False, foreign=tables)
    current = await connection.fetchval("SELECT version_num FROM alembic_version")
    if current is not None and current not in known:
        return MigrationState(current, (), later=True, foreign=())
    done = known.index(current) + 1 if current is not None else 0
    return MigrationState(current, known[done:], later=False, foreign=())


def revisions(service: str) -> list[str]:
    """The service's migrations, oldest first."""
    config = Config()
    config.set_main_option("script_location", f"services.{service}:migrations")
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
