"""Who changed what, as the accounts service enters it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from services.accounts.domain.accounts import Accounts
from services.accounts.records import KeyLimits
from services.accounts.store.accounts import AccountStore
from services.platform.audit import actor
from services.platform.audit.actor import Actor, ActorKind
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.database import Database, open_database
from services.platform.identity import Client, Identity
from tests.harness.callers import calling

DAY = timedelta(days=1)


class Trail:
    """The service's part of the log, and what makes entries in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(AccountStore(database), lambda key_id: None)
        self.now = datetime.now(UTC)
        self.log = AuditLog(database, 400 * DAY, lambda: self.now)

    async def entries(self, **query: object) -> list[AuditEntry]:
        """The account's entries, oldest first."""
        return (await self.log.page(AuditQuery(**query), 100))[::-1]


@pytest.fixture
async def trail(migrated: str) -> AsyncIterator[Trail]:
    async with open_database(migrated, 4) as database:
        yield Trail(database)


async def test_every_change_names_who_made_it_and_from_where(trail: Trail) -> None:
    account = await trail.accounts.create_account("Studio")
    first, _ = await trail.accounts.create_key(account.id, "first")
    with calling(Identity(account.id, first.id, key_name="first"), Client("203.0.113.7", "curl/8 " + "x" * 400)):
        limited = KeyLimits(frozenset({"tasks:read", "keys:write"}))
        child, secret = await trail.accounts.create_key(account.id, "child", limited, first.id)
        new, new_secret = await trail.accounts.rotate_key(account.id, child.id, DAY, first.id)
        await trail.accounts.revoke_key(first.id, account.id)
        await trail.accounts.revoke_key(first.id, account.id)
    entries = await trail.entries(account_id=account.id)
    revoked = {(entry.action, entry.resource_id, entry.details.get("with_key")) for entry in entries[4:]}
    assert [(entry.action, entry.resource_id) for entry in entries[:4]] == [
        ("account.created", account.id),
        ("key.created", first.id),
        ("key.created", child.id),
        ("key.rotated", new.id),
    ]
    assert revoked == {("key.revoked", first.id, None)} | {("key.revoked", key.id, str(first.id)) for key in (child, new)}
    assert entries[0].actor == Actor(ActorKind.SERVICE)
    for entry in entries[2:]:
        assert (entry.actor.kind, entry.actor.name, entry.actor.key_id, entry.actor.address) == (
            ActorKind.KEY,
            "first",
            first.id,
            "203.0.113.7",
        )
        assert len(entry.actor.user_agent or "") == 300
    assert entries[2].details == {"name": "child", "scopes": "keys:write tasks:read"}
    assert entries[3].details["replaces"] == str(child.id)
    assert secret not in str(entries)
    assert new_secret not in str(entries)


async def test_the_operator_is_named(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    before = actor._operator.set("")
    try:
        actor.act_as_operator()
        account = await trail.accounts.create_account("Studio")
    finally:
        actor._operator.reset(before)
    [entry] = await trail.entries(account_id=account.id)
    assert entry.actor == Actor(ActorKind.OPERATOR, "ada")


async def test_no_change_without_an_entry(trail: Trail) -> None:
    account = await trail.accounts.create_account("Studio")
    await trail.database.fetch(text("ALTER TABLE audit ADD CONSTRAINT refuse CHECK (action <> 'key.created')"))
    with pytest.raises(asyncpg.CheckViolationError):
        await trail.accounts.create_key(account.id, "first")
    assert await trail.accounts.keys(account.id) == []


async def test_filters_and_other_accounts(trail: Trail) -> None:
    account, other = await trail.accounts.create_account("Studio"), await trail.accounts.create_account("other")
    key, _ = await trail.accounts.create_key(account.id, "first")
    await trail.accounts.revoke_key(key.id, None)
    [created, made, revoked] = await trail.entries(account_id=account.id)
    assert [entry.action for entry in await trail.entries(account_id=other.id)] == ["account.created"]
    assert await trail.entries(account_id=account.id, actions=["key.created", "key.revoked"]) == [made, revoked]
    assert await trail.entries(account_id=account.id, resource_id=account.id) == [created]
    assert await trail.entries(account_id=account.id, key_id=key.id) == []
    assert await trail.entries(account_id=account.id, since=revoked.time) == [revoked]
    assert await trail.entries(account_id=account.id, before=(revoked.time, revoked.id)) == [created, made]


async def test_limits_are_entered_when_they_change(trail: Trail) -> None:
    account = await trail.accounts.create_account("Studio")
    await trail.accounts.set_limits(account.id, {})
    await trail.accounts.set_limits(account.id, {"max_keys": 3})
    [_, entry] = await trail.entries(account_id=account.id)
    assert (entry.action, entry.resource_id, entry.details) == ("account.limits_set", account.id, {"max_keys": "3"})


async def test_entries_expire(trail: Trail) -> None:
    account = await trail.accounts.create_account("Studio")
    trail.now += 399 * DAY
    assert await trail.log.sweep() is False
    assert await trail.entries(account_id=account.id)
    trail.now += 2 * DAY
    await trail.log.sweep()
    assert not await trail.entries(account_id=account.id)
