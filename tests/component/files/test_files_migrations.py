import asyncio
import os
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from services.files.store.tables import FilesTable
from services.platform.database import engine


async def test_the_migrated_database_is_what_the_models_say(migrated: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        return [each for each in compare_metadata(context, FilesTable.metadata) if "alembic_version" not in str(each)]

    async with engine(migrated, 2) as database, database.connect() as connection:
        assert await connection.run_sync(differences) == []
        checks = await connection.execute(text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'file'::regclass"))
        declared = {constraint.name for constraint in FilesTable.metadata.tables["file"].constraints} - {None}
        assert {row[0] for row in checks} == {str(name) for name in declared}


@pytest.mark.thorough
async def test_replicas_may_migrate_at_the_same_time(database: str) -> None:
    async def command() -> int:
        environment = {**os.environ, "DARKROOM_DATABASE_URL": database, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.files", "migrate", env=environment)
        return await process.wait()

    assert await asyncio.gather(command(), command()) == [0, 0]
    async with engine(database, 2) as made, made.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM file"))).scalar_one() == 0
