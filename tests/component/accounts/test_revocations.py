"""Revocations reach who holds something open, over a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.upkeep import Announcer
from services.accounts.store.accounts import AccountStore
from services.accounts.store.revocations import RevocationStore
from services.platform.bus import REVOKED_SUBJECT, Bus
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.revocations import Revocations, Watcher, announce_refreshed, announce_revoked


def reason(watcher: Watcher) -> ErrorReason | None:
    try:
        watcher.check()
    except DarkroomError as error:
        return error.reason
    return None


async def test_watchers_of_the_key_hear_and_no_others(connection: Bus) -> None:
    async with (
        Revocations(connection) as revocations,
        revocations.watching(Identity(1, 1)) as first,
        revocations.watching(Identity(1, 1)) as second,
        revocations.watching(Identity(1, 2)) as other,
        asyncio.timeout(60),
    ):
        await announce_revoked(connection.client, [1])
        await first.wait()
        await second.wait()
        other.check()


async def test_a_refresh_ends_only_what_was_opened_before(connection: Bus) -> None:
    async with (
        Revocations(connection) as revocations,
        revocations.watching(Identity(1, 1, refreshed=4)) as before,
        revocations.watching(Identity(1, 1, refreshed=5)) as after,
        revocations.watching(Identity(1, 2)) as last,
        asyncio.timeout(60),
    ):
        await announce_refreshed(connection.client, {1: 5})
        await announce_revoked(connection.client, [2])
        await last.wait()
        assert (reason(before), reason(after), reason(last)) == (ErrorReason.UNAVAILABLE, None, ErrorReason.API_KEY_INVALID)
        await announce_revoked(connection.client, [1])
        await after.wait()
        assert reason(after) is ErrorReason.API_KEY_INVALID


async def test_a_message_that_is_no_announcement_is_survived(connection: Bus) -> None:
    async with Revocations(connection) as revocations, revocations.watching(Identity(1, 1)) as revoked, asyncio.timeout(60):
        for garbage in (b"", b"[]", b'{"key_id": null}', b'{"key_id": 1, "refreshed": []}', b'{"key_id": 1, "refreshed": "x"}', b"\xff"):
            await connection.client.publish(REVOKED_SUBJECT, garbage)
        await announce_revoked(connection.client, [1])
        await revoked.wait()


async def test_nothing_is_kept_after_the_last_watcher(connection: Bus) -> None:
    async with Revocations(connection) as revocations:
        async with revocations.watching(Identity(1, 1)), revocations.watching(Identity(1, 1)):
            pass
        assert revocations._watchers == {}


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


async def test_a_late_subscriber_hears_too(database: Database, connection: Bus) -> None:
    store = AccountStore(database)
    accounts = Accounts(store, revoked=lambda key_id: None)
    account = await accounts.create_account("a")
    row, _ = await accounts.create_key(account.id, "k")
    announcer = Announcer(RevocationStore(database), connection)
    await accounts.revoke_key(row.id, account.id)
    await announcer.step()
    async with Revocations(connection) as revocations, revocations.watching(Identity(account.id, row.id)) as revoked, asyncio.timeout(60):
        await announcer.step()
        await revoked.wait()
