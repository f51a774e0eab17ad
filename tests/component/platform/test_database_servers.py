"""An operator's own PostgreSQL: TLS with an authority of their own, and several servers of which one takes writes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from services.platform.database import Database, open_database
from services.platform.database_address import DatabaseAddress
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.migrations import migrate
from tests.certificate import make_certificate
from tests.harness.postgres_servers import HOST, PostgresServer, postgres_servers, tls_before
from tests.stacks import StackUnderTest

_ADD = text("INSERT INTO item (id) VALUES (:id) RETURNING id")
_IDS = text("SELECT id FROM item ORDER BY id")


@pytest.fixture(scope="module")
async def server(postgres: StackUnderTest) -> AsyncIterator[PostgresServer]:
    async with postgres_servers(postgres, 1) as [one]:
        yield one


@pytest.mark.parametrize(
    ("host", "mode", "accepted"), [(HOST, "verify-full", True), ("localhost", "verify-ca", True), ("localhost", "verify-full", False)]
)
async def test_tls_with_an_authority_of_the_operators_own(
    server: PostgresServer, tmp_path: Path, host: str, mode: str, *, accepted: bool
) -> None:
    # It names 127.0.0.1 alone.
    certificate = make_certificate(tmp_path / "certificate")
    async with tls_before(server, certificate) as port:
        address = DatabaseAddress.parse(f"postgresql://darkroom@{host}:{port}/postgres?sslmode={mode}", certificate / "tls.crt")
        async with open_database(address, 2) as database:
            if accepted:
                assert await database.fetch(text("SELECT 1"))
            else:
                with pytest.raises(DarkroomError) as refused:
                    await database.answers()
                assert refused.value.reason is ErrorReason.UNAVAILABLE
        stranger = make_certificate(tmp_path / "stranger")
        async with open_database(DatabaseAddress.parse(address.url + f"?ssl={mode}", stranger / "tls.crt"), 2) as database:
            with pytest.raises(DarkroomError):
                await database.answers()


async def test_migrations_go_over_tls_too(server: PostgresServer, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certificate")
    await server.execute("CREATE DATABASE files")
    async with tls_before(server, certificate) as port:
        address = DatabaseAddress.parse(f"postgresql+asyncpg://darkroom@{HOST}:{port}/files?ssl=verify-full", certificate / "tls.crt")
        await asyncio.to_thread(migrate, "files", address)
        async with open_database(address, 2) as database:
            assert await database.fetch(text("SELECT next_id()"))


async def test_a_connection_over_tcp_notices_that_its_server_is_silent(server: PostgresServer) -> None:
    async with open_database(_url(server), 2) as database:
        await database.answers()
        pooled = await database.pool.take()
        try:
            driver: Any = pooled.driver_connection
            used = driver._transport.get_extra_info("socket")
            assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        finally:
            await database.pool.put_back(pooled)


async def test_connections_to_a_server_that_only_reads_are_replaced(server: PostgresServer) -> None:
    await server.execute("CREATE DATABASE follower")
    async with open_database(_url(server, "follower"), 4) as database:
        await database.fetch(text("CREATE TABLE item (id bigint PRIMARY KEY)"))
        await server.execute("ALTER DATABASE follower SET default_transaction_read_only = on")
        await _use(database, 4)
        await server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'follower'")
        # New ones, which may only read, as to a server that has become a follower.
        await _until_reading(database, 4)
        await server.execute("ALTER DATABASE follower SET default_transaction_read_only = off")
        with pytest.raises(DarkroomError) as error:
            await database.fetch(_ADD, {"id": 1})
        assert error.value.reason is ErrorReason.UNAVAILABLE
        # One refusal replaces them all, those of transactions too.
        await asyncio.gather(*(database.fetch(_ADD, {"id": number}) for number in range(2, 6)))
        await _add_in_transaction(database, 6)
        assert len(await database.fetch(_IDS)) == 5


async def test_a_transaction_replaces_connections_to_a_server_that_only_reads(server: PostgresServer) -> None:
    await server.execute("CREATE DATABASE transaction_follower")
    await server.execute("CREATE TABLE item (id bigint PRIMARY KEY)", "transaction_follower")
    await server.execute("ALTER DATABASE transaction_follower SET default_transaction_read_only = on")
    async with open_database(_url(server, "transaction_follower"), 2) as database:
        await _until_reading(database, 2)
        await server.execute("ALTER DATABASE transaction_follower SET default_transaction_read_only = off")
        with pytest.raises(DarkroomError) as error:
            await _add_in_transaction(database, 1)
        assert error.value.reason is ErrorReason.UNAVAILABLE
        await _add_in_transaction(database, 2)
        assert await asyncio.gather(database.fetch(_ADD, {"id": 3}), database.fetch(_ADD, {"id": 4}))


async def test_after_a_failover_the_other_server_is_used(postgres: StackUnderTest) -> None:
    async with postgres_servers(postgres, 2) as [first, second], asyncio.timeout(120):
        await first.execute("CREATE TABLE item (id bigint PRIMARY KEY)")
        await second.follow(first)
        await second.start()
        # In the order in which the one that takes writes comes last.
        url = f"postgresql://darkroom@{HOST}:{second.port},{HOST}:{first.port}/postgres"
        async with open_database(url, 3) as database:
            await database.fetch(_ADD, {"id": 1})
            await _add_in_transaction(database, 2)
            await _followed(second, 2)
            await first.stop()
            with pytest.raises(DarkroomError) as error:
                await database.fetch(_ADD, {"id": 3})
            assert error.value.reason is ErrorReason.UNAVAILABLE
            # The second is there, and takes no writes yet.
            with pytest.raises(DarkroomError) as error:
                await _add_in_transaction(database, 3)
            assert error.value.reason is ErrorReason.UNAVAILABLE
            await second.promote()
            await database.fetch(_ADD, {"id": 4})
            await _add_in_transaction(database, 5)
            assert [row["id"] for row in await database.fetch(_IDS)] == [1, 2, 4, 5]


async def test_a_restart_in_good_order_costs_no_more_than_the_calls_under_way(postgres: StackUnderTest) -> None:
    async with postgres_servers(postgres, 1) as [server], open_database(_url(server), 3) as database:
        await database.fetch(text("CREATE TABLE item (id bigint PRIMARY KEY)"))
        await _use(database, 3)
        await server.stop(signal.SIGINT)
        with pytest.raises(DarkroomError):
            await database.fetch(_IDS)
        await server.start()
        await asyncio.gather(*(database.fetch(_ADD, {"id": number}) for number in range(5)))
        assert len(await database.fetch(_IDS)) == 5


def _url(server: PostgresServer, name: str = "postgres") -> str:
    return f"postgresql+asyncpg://darkroom@{HOST}:{server.port}/{name}"


async def _use(database: Database, count: int) -> None:
    await asyncio.gather(*(database.fetch(text("SELECT pg_sleep(0.05)")) for _ in range(count)))


async def _until_reading(database: Database, count: int) -> None:
    """Wait until so many connections are there that may only read."""
    while True:
        try:
            shown = await asyncio.gather(
                *(database.fetch(text("SELECT current_setting('transaction_read_only') AS on, pg_sleep(0.05)")) for _ in range(count))
            )
            if all(rows[0]["on"] == "on" for rows in shown):
                return
        except (DarkroomError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)


async def _add_in_transaction(database: Database, number: int) -> None:
    async with database.transaction() as transaction:
        await transaction.fetch(_ADD, {"id": number})


async def _followed(server: PostgresServer, count: int) -> None:
    """Wait until a follower has so many rows."""
    async with open_database(_url(server), 2) as database:
        while len(await database.fetch(_IDS)) < count:
            await asyncio.sleep(0.05)
