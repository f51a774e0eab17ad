"""Revocations reach who holds something open, over a real NATS."""

from __future__ import annotations

import asyncio

from services.accounts.domain.accounts import Accounts
from services.accounts.domain.announcer import Announcer
from services.accounts.store.accounts import AccountStore
from services.common.bus import REVOKED_SUBJECT, Bus
from services.common.revocations import Revocations, announce_revoked


async def test_watchers_of_the_key_hear_and_no_others(connection: Bus) -> None:
    async with (
        Revocations(connection) as revocations,
        revocations.watching(1) as first,
        revocations.watching(1) as second,
        revocations.watching(2) as other,
        asyncio.timeout(60),
    ):
        await announce_revoked(connection.client, [1])
        await first.wait()
        await second.wait()
        assert not other.is_set()


async def test_a_message_that_is_no_announcement_is_survived(connection: Bus) -> None:
    async with Revocations(connection) as revocations, revocations.watching(1) as revoked, asyncio.timeout(60):
        for garbage in (b"", b"[]", b'{"key_id": null}', b"\xff"):
            await connection.client.publish(REVOKED_SUBJECT, garbage)
        await announce_revoked(connection.client, [1])
        await revoked.wait()


async def test_nothing_is_kept_after_the_last_watcher(connection: Bus) -> None:
    async with Revocations(connection) as revocations:
        async with revocations.watching(1), revocations.watching(1):
            pass
        assert revocations._watchers == {}


async def test_a_late_subscriber_hears_too(store: AccountStore, connection: Bus) -> None:
    accounts = Accounts(store, revoked=lambda key_id: None)
    account = await accounts.create_account("a")
    row, _ = await accounts.create_key(account.id, "k")
    announcer = Announcer([store], connection)
    await accounts.revoke_key(row.id, account.id)
    await announcer.step()
    async with Revocations(connection) as revocations, revocations.watching(row.id) as revoked, asyncio.timeout(60):
        await announcer.step()
        await revoked.wait()
