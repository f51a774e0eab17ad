"""The code of the previous version can use the tables of this one. `make test-upgrade` runs that code; this compares the tables."""

from __future__ import annotations

import asyncio
import tomllib

import pytest
from sqlalchemy import text

from deploy.admin.checks.migration_state import revisions
from deploy.local.layout import REPOSITORY
from edge.topology import DATABASES
from services.platform.database import engine
from services.platform.migrations import migrate
from tests.component.platform.schemas import noticed, read_schema

PREVIOUS = tomllib.loads((REPOSITORY / "deploy" / "previous_version.toml").read_text())
CHANGES = {
    "ALTER TABLE thing DROP COLUMN name": "thing.name is gone",
    "ALTER TABLE thing RENAME COLUMN name TO title": "thing.name is gone",
    "ALTER TABLE thing RENAME TO item": "thing.id is gone",
    "DROP TABLE thing": "thing.id is gone",
    "ALTER TABLE thing ALTER COLUMN size TYPE integer": "thing.size was bigint and is integer",
    "ALTER TABLE thing ALTER COLUMN code TYPE varchar(4)": "thing.code was character varying(8) and is character varying(4)",
    "ALTER TABLE thing ALTER COLUMN name SET NOT NULL": "thing.name was nullable",
    "ALTER TABLE thing ALTER COLUMN size DROP DEFAULT": "thing.size had a default",
    "ALTER TABLE thing ADD COLUMN colour text NOT NULL": "thing.colour is NOT NULL without a default",
    "ALTER TABLE thing ADD CHECK (size < 10)": "a new rule: thing: CHECK ((size < 10))",
    "CREATE UNIQUE INDEX ON thing (name) WHERE size > 1": "a new rule: thing: unique btree (name) WHERE (size > 1)",
    "ALTER TABLE thing DROP CONSTRAINT thing_pkey": "no longer unique: thing: unique btree (id)",
    "ALTER TABLE thing ADD COLUMN colour text CHECK (colour <> name)": "a new rule: thing: CHECK ((colour <> name))",
    "ALTER TABLE thing ADD COLUMN colour text CHECK (colour <> '')": None,
    "ALTER TABLE thing ADD COLUMN colour text NOT NULL DEFAULT 'red'": None,
    "ALTER TABLE thing ALTER COLUMN code TYPE text": None,
    "ALTER TABLE thing ALTER COLUMN name SET DEFAULT 'x'": None,
    "CREATE INDEX ON thing (name)": None,
    "CREATE TABLE other (id bigint PRIMARY KEY REFERENCES thing, size integer NOT NULL CHECK (size > 0))": None,
}


@pytest.mark.parametrize("service", DATABASES)
async def test_the_previous_version_finds_what_it_needs(service: str, database: str) -> None:
    newest = PREVIOUS["migrations"][service]
    if revisions(service)[-1] == newest:
        pytest.skip(f"{service} has no migration after {newest}, the newest of {PREVIOUS['revision']}")
    async with engine(database, 1) as made:
        await asyncio.to_thread(migrate, service, database, to=newest)
        async with made.begin() as connection:
            before = await read_schema(connection)
        await asyncio.to_thread(migrate, service, database)
        async with made.begin() as connection:
            after = await read_schema(connection)
    assert before.tables > {"alembic_version"}
    assert list(noticed(before, after)) == []


async def test_what_it_would_miss_is_found(database: str) -> None:
    async with engine(database, 1) as made, made.connect() as connection:
        await connection.execute(
            text("CREATE TABLE thing (id bigint PRIMARY KEY, name text, size bigint NOT NULL DEFAULT 0, code varchar(8))")
        )
        await connection.commit()
        before = await read_schema(connection)
        found = {}
        for change in CHANGES:
            await connection.execute(text(change))
            found[change] = next(noticed(before, await read_schema(connection)), None)
            await connection.rollback()
    assert found == CHANGES
