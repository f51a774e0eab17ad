"""The services' databases behind PgBouncer, which gives out its connections to PostgreSQL for a transaction each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from edge.topology import DATABASES
from services.platform.database import Database, open_database
from services.platform.database_address import DatabaseAddress
from services.platform.migrations import migrate
from tests.harness.postgres_servers import HOST, PGBOUNCER, WITHOUT_PGBOUNCER, PostgresServer, pgbouncer, postgres_servers
from tests.stacks import StackUnderTest

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason=WITHOUT_PGBOUNCER)
_SERVER_CONNECTIONS = 3
_ONE = text("SELECT CAST(:number AS integer) AS number, pg_sleep(random() / 200)")
_OTHER = text("SELECT CAST(:name AS text) AS name, CAST(:names AS text[]) AS names")
# Of types that asyncpg has to look up first.
_LOOKED_UP = text("SELECT CAST(:mood AS mood) AS mood, ARRAY[CAST(:mood AS mood)] AS moods")


@pytest.fixture(scope="module")
async def server(postgres: StackUnderTest) -> AsyncIterator[PostgresServer]:
    async with postgres_servers(postgres, 1) as [one]:
        yield one


@pytest.fixture(scope="module")
async def bouncer(server: PostgresServer) -> AsyncIterator[int]:
    async with pgbouncer(server, connections=_SERVER_CONNECTIONS) as port:
        yield port


async def pooled(server: PostgresServer, bouncer: int) -> DatabaseAddress:
    name = f"d{uuid.uuid4().hex[:8]}"
    await server.execute(f"CREATE DATABASE {name}")
    return DatabaseAddress.parse(f"postgresql+asyncpg://darkroom@{HOST}:{bouncer}/{name}", pooler="transaction")


async def test_many_callers_share_few_connections(server: PostgresServer, bouncer: int) -> None:
    address = await pooled(server, bouncer)
    # Of two processes, whose connections are given the server's in turn.
    async with open_database(address, 8) as one, open_database(address, 8) as other, asyncio.timeout(120):
        await one.fetch(text("CREATE TABLE item (id bigint PRIMARY KEY)"))
        await one.fetch(text("CREATE TYPE mood AS ENUM ('sad', 'happy')"))
        await asyncio.gather(*(_call(database, number) for number in range(150) for database in (one, other)))
        assert [row["id"] for row in await one.fetch(text("SELECT id FROM item ORDER BY id"))] == list(range(1, 301))
        used = text("SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database()")
        assert (await one.fetch(used))[0]["count"] <= _SERVER_CONNECTIONS
        assert (await one.fetch(text("SELECT count(*) AS count FROM pg_prepared_statements")))[0]["count"] == 0
        # Nor does a lock outlive its transaction.
        assert not await one.fetch(text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))


async def _call(database: Database, number: int) -> None:
    assert (await database.fetch(_ONE, {"number": number}))[0]["number"] == number
    assert (await database.fetch(_LOOKED_UP, {"mood": "happy"}))[0]["moods"] == ["happy"]
    names = [str(number), "name"]
    turn = text("INSERT INTO item (id) SELECT coalesce(max(id), 0) + 1 FROM item RETURNING id")
    assert await database.fetch_in_turn(1, "it's", turn)
    async with database.transaction() as transaction:
        assert (await transaction.fetch(_OTHER, {"name": "n", "names": names}))[0]["names"] == names


async def test_without_the_setting_calls_fail_as_its_description_says(server: PostgresServer, bouncer: int) -> None:
    address = replace(await pooled(server, bouncer), pooler="none")
    async with open_database(address, 1) as one, open_database(address, 1) as other:
        await one.fetch(_ONE, {"number": 1})
        async with other.transaction() as transaction:
            # This takes the connection on which the other client has prepared its statement: there is none besides yet.
            await transaction.fetch(_OTHER, {"name": "n", "names": []})
            with pytest.raises(Exception, match=r"prepared statement .* does not exist"):
                await one.fetch(_ONE, {"number": 2})


@pytest.mark.parametrize("service", DATABASES)
async def test_migrations_of_several_replicas(server: PostgresServer, bouncer: int, service: str) -> None:
    address = await pooled(server, bouncer)
    await asyncio.to_thread(migrate, service, address)
    # Again, with nothing left to do.
    await asyncio.to_thread(migrate, service, address)
    async with open_database(address, 2) as database:
        assert await database.fetch(text("SELECT next_id()"))
