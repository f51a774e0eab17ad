"""The way to PostgreSQL that all stores share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import asyncpg
import pytest
from sqlalchemy import text

from services.platform import database as module
from services.platform.database import Database, open_database
from services.platform.database_address import DatabaseAddress
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.telemetry.reading import PoolGauges

_ADD = text("INSERT INTO item (id) VALUES (:id) RETURNING id")
_IDS = text("SELECT id FROM item ORDER BY id")
_SLEEP = text("SELECT pg_sleep(60)")
_END_OTHERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
_OTHERS = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
_OUR_SLEEPS = text(
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active' AND datname = current_database()"
)


@pytest.fixture
async def items(database: str) -> AsyncIterator[Database]:
    async with open_database(database, 2) as made:
        await made.fetch(text("CREATE TABLE item (id bigint PRIMARY KEY)"))
        yield made


async def ids(items: Database) -> list[int]:
    return [row["id"] for row in await items.fetch(_IDS)]


async def test_a_statement_by_itself_is_committed(items: Database) -> None:
    assert [row["id"] for row in await items.fetch(_ADD, {"id": 1, "not_in_the_statement": 2})] == [1]
    assert await ids(items) == [1]


async def test_a_transaction_is_all_or_nothing(items: Database) -> None:
    async with items.transaction() as transaction:
        await transaction.fetch(_ADD, {"id": 1})
        await transaction.fetch(_ADD, {"id": 2})
        assert await ids(items) == []
    with pytest.raises(asyncpg.UniqueViolationError):
        async with items.transaction() as transaction:
            await transaction.fetch(_ADD, {"id": 3})
            await transaction.fetch(_ADD, {"id": 1})
    assert await ids(items) == [1, 2]


async def test_statements_in_turn_see_what_the_one_before_has_committed(items: Database) -> None:
    turn = text("INSERT INTO item (id) SELECT coalesce(max(id), 0) + 1 FROM item RETURNING id")
    # Without the lock two of them would read the same largest number.
    made = await asyncio.gather(*(items.fetch_in_turn(1, "it's", turn) for _ in range(10)))
    assert sorted(row["id"] for rows in made for row in rows) == list(range(1, 11))


async def test_a_statement_in_turn_needs_no_transaction_around_it(items: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # So what it locks is free as soon as it has ended, and it takes two round trips in place of four.
    monkeypatch.setattr(asyncpg.Connection, "transaction", lambda _: pytest.fail("a transaction was begun"))
    assert await items.fetch_in_turn(1, "one", _ADD, {"id": 1})
    monkeypatch.undo()
    assert await ids(items) == [1]


async def test_behind_a_pooler_it_has_one(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = AsyncMock()
    async with open_database(DatabaseAddress.parse(database, pooler="transaction"), 1) as pooled:
        await pooled.fetch(text("SELECT 1"))
        monkeypatch.setattr(asyncpg.Connection, "transaction", lambda _: begun)
        await pooled.fetch_in_turn(1, "one", text("SELECT 1"))
    begun.__aenter__.assert_awaited_once()


async def test_a_turn_ends_with_its_statement_whatever_becomes_of_that(database: str, items: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await items.fetch_in_turn(1, "one", text("SELECT 1 / 0"))
    with pytest.raises(asyncpg.DataError):
        await items.fetch_in_turn(1, "one", _ADD, {"id": "no number"})
    sleeping = asyncio.create_task(items.fetch_in_turn(1, "one", text("SELECT pg_sleep(1)")))
    async with open_database(database, 1) as other, asyncio.timeout(30):
        while not await other.fetch(_OUR_SLEEPS):
            await asyncio.sleep(0.01)
        sleeping.cancel()
        assert isinstance((await asyncio.gather(sleeping, return_exceptions=True))[0], asyncio.CancelledError)
        # The server ends a statement before it notices that nobody waits for it.
        assert await other.fetch_in_turn(1, "one", _ADD, {"id": 1})


async def test_the_server_gives_up_a_connection_whose_other_side_is_silent(database: str) -> None:
    """It would keep its locks for hours. On a Unix socket, whose other side cannot vanish, these settings read as 0."""
    async with open_database(database, 1) as made:
        [row] = await made.fetch(text("SELECT current_setting('tcp_user_timeout') AS silence, inet_server_addr() AS address"))
    assert row["silence"] == ("0" if row["address"] is None else "30s")


async def test_a_connection_whose_call_was_cancelled_is_not_used_again(database: str, items: Database) -> None:
    sleeping = [asyncio.create_task(items.fetch(_SLEEP)) for _ in range(2)]
    async with open_database(database, 1) as watching, asyncio.timeout(30):
        while len(await watching.fetch(_OUR_SLEEPS)) < 2:
            await asyncio.sleep(0.01)
        for each in sleeping:
            each.cancel()
        assert all(isinstance(result, asyncio.CancelledError) for result in await asyncio.gather(*sleeping, return_exceptions=True))
        # Both of the pool's connections were busy, so these are new ones.
        assert await asyncio.gather(ids(items), ids(items)) == [[], []]


async def test_more_calls_than_connections_wait_for_one(items: Database) -> None:
    added = await asyncio.gather(*(items.fetch(_ADD, {"id": number}) for number in range(20)), *(_transaction(items) for _ in range(3)))
    assert [row["id"] for rows in added[:20] for row in rows] == list(range(20))
    assert states(items) == {"busy": 0, "idle": 2}


async def test_a_transaction_gets_a_free_connection_while_a_statement_is_slow(items: Database) -> None:
    await asyncio.gather(ids(items), ids(items))
    async with asyncio.timeout(5), items.transaction() as transaction:
        await transaction.fetch(_IDS)
        assert states(items) == {"busy": 1, "idle": 1}
        await _transaction(items)


async def test_connections_that_no_call_needs_any_more_are_closed(database: str, items: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_UNUSED_SECONDS", 0.02)
    async with open_database(database, 4) as other, asyncio.timeout(30):
        async with other.transaction(), other.transaction(), other.transaction():
            assert states(other) == {"busy": 3, "idle": 0}
        while await _count_others(items) > 1 or states(other) != {"busy": 0, "idle": 1}:
            await asyncio.sleep(0.01)
        assert await ids(other) == []
        # There is room for as many as before.
        async with other.transaction(), other.transaction(), other.transaction(), other.transaction():
            assert states(other) == {"busy": 4, "idle": 0}


async def _count_others(items: Database) -> int:
    return len(await items.fetch(_OTHERS))


async def test_connections_that_the_server_has_closed_are_replaced(database: str, items: Database) -> None:
    await asyncio.gather(ids(items), ids(items))
    async with open_database(database, 1) as other, asyncio.timeout(30):
        await other.fetch(_END_OTHERS)
        read: list[Any] = [None]
        while read != [[], []]:
            read = await asyncio.gather(ids(items), ids(items), return_exceptions=True)
            # A connection whose end has not been noticed yet costs the call that gets it.
            assert all(rows == [] or isinstance(rows, DarkroomError) for rows in read), read
    assert states(items) == {"busy": 0, "idle": 2}


def states(database: Database) -> dict[str, float]:
    return {sample.labels["state"]: sample.value for sample in next(iter(PoolGauges(database.pool).collect())).samples}


async def test_a_database_that_is_away_is_unavailable(database: str) -> None:
    async with open_database(database.replace("host=", "host=/nowhere"), 1) as away:
        for call in (away.fetch(_IDS), _transaction(away)):
            with pytest.raises(DarkroomError) as error:
                await call
            assert error.value.reason is ErrorReason.UNAVAILABLE


@pytest.mark.parametrize(("state", "away"), [("57P03", True), ("53300", True), ("28P01", False)])
async def test_a_server_that_lets_nobody_in_now_is_unavailable(state: str, *, away: bool) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The message for the start of a session, and an error (PostgreSQL's frontend/backend protocol, version 3).
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        fields = b"".join(name + value.encode() + b"\0" for name, value in ((b"S", "FATAL"), (b"C", state), (b"M", "not now"))) + b"\0"
        writer.write(b"E" + (4 + len(fields)).to_bytes(4, "big") + fields)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_database(f"postgresql+asyncpg://anybody@127.0.0.1:{port}/any?ssl=disable", 1) as database:
            for call in (database.fetch(_IDS), _transaction(database)):
                with pytest.raises(Exception) as error:
                    await call
                assert isinstance(error.value, DarkroomError) is away, error.value
                assert not isinstance(error.value, DarkroomError) or error.value.reason is ErrorReason.UNAVAILABLE


async def _transaction(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.fetch(_IDS)


async def test_a_full_disk_is_no_defect(items: Database) -> None:
    fill = text("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$")
    with pytest.raises(DarkroomError) as refused:
        await items.fetch(fill)
    assert refused.value.reason is ErrorReason.UNAVAILABLE
    assert await ids(items) == []
