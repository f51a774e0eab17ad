"""The migrations make the tables that the models declare, and can be run again and at the same time."""

from __future__ import annotations

import asyncio
import functools
import os
import sys

import structlog
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from services.platform.database import Database, engine
from services.platform.migrations import CREATE_NEXT_ID, migrate
from services.tasks.store.tables import TasksTable
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene

# What Alembic's comparison leaves out: predicates and order of indexes, and check constraints.
DEFINITIONS = text("""
SELECT indexname AS name, replace(indexdef, schemaname || '.', '') AS definition FROM pg_indexes
WHERE schemaname = :schema AND tablename <> 'alembic_version'
UNION
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = CAST(:schema AS regnamespace) AND contype = 'c'
""")


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), TasksTable.metadata))


async def test_replicas_migrate_at_once_to_what_the_models_declare(database: str) -> None:
    environment = {**os.environ, "DARKROOM_DATABASE_URL": database}
    replicas = [await asyncio.create_subprocess_exec(sys.executable, "-m", "services.tasks", "migrate", env=environment) for _ in range(2)]
    assert await asyncio.gather(*(replica.wait() for replica in replicas)) == [0, 0]
    async with engine(database, 2) as made, made.begin() as connection:
        assert await connection.run_sync(_differences) == []
        migrated = set((await connection.execute(DEFINITIONS, {"schema": "public"})).all())
        await connection.execute(text("CREATE SCHEMA declared"))
        await connection.execute(text("SET LOCAL search_path TO declared"))
        await connection.exec_driver_sql(CREATE_NEXT_ID)
        await connection.run_sync(TasksTable.metadata.create_all)
        declared = set((await connection.execute(DEFINITIONS, {"schema": "declared"})).all())
        assert migrated == declared
        assert len(declared) > 8


async def test_ids_grow_with_time_and_fit_into_json_numbers(database: str) -> None:
    await asyncio.to_thread(migrate, "tasks", database)
    async with engine(database, 2) as made, made.connect() as connection:
        ids = (await connection.execute(text("SELECT next_id() FROM generate_series(1, 500)"))).scalars().all()
    assert len(set(ids)) == 500
    assert all(0 < number < 10**15 for number in ids)


async def test_a_database_of_a_later_version_is_left_as_it_is(database: str) -> None:
    """So that one can go back to this version after an upgrade."""
    migrated = functools.partial(asyncio.to_thread, migrate, "tasks", database)
    await migrated()
    async with engine(database, 2) as made:
        async with made.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            await connection.execute(text("ALTER TABLE task ADD COLUMN of_the_future integer NOT NULL DEFAULT 7"))
        with structlog.testing.capture_logs() as lines:
            await migrated()
        assert [(line["event"], line["revision"]) for line in lines] == [("database_of_a_later_version", "9999")]
        scene = Scene(TaskStore(Database(made)), MovableClock())
        assert await scene.store.get(ACCOUNT, (await scene.create()).id)
