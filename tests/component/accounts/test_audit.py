"""Who changed what, as the accounts service enters it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.branding import Branding
from services.accounts.domain.roles import Roles
from services.accounts.domain.teams import Teams
from services.accounts.records import KeyLimits
from services.accounts.store.account_settings import SettingStore
from services.accounts.store.accounts import AccountStore
from services.accounts.store.bundle_requests import BundleRequestStore
from services.accounts.store.logos import LogoStore
from services.accounts.store.roles import RoleStore
from services.accounts.store.teams import TeamStore
from services.platform.audit import actor
from services.platform.audit.actor import Actor, ActorKind
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.bundles import BundleState
from services.platform.database import Database, open_database
from services.platform.identity import Client, Identity
from tests.component.accounts.house import OTHER, PASSWORD, House
from tests.harness.callers import calling
from tests.system.pictures import disc, encoded

DAY = timedelta(days=1)
PNG = encoded(disc(64, 48), "PNG")


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
    for most in (3, None):
        await trail.accounts.set_limits(account.id, {"max_keys": most})
    [_, *entries] = await trail.entries(account_id=account.id)
    assert [(entry.action, entry.resource_id, entry.details) for entry in entries] == [
        ("account.limits_set", account.id, {"max_keys": "3", "before": "{}", "after": '{"max_keys": 3}'}),
        ("account.limits_set", account.id, {"before": '{"max_keys": 3}', "after": "{}"}),
    ]


async def test_entries_expire(trail: Trail) -> None:
    account = await trail.accounts.create_account("Studio")
    trail.now += 399 * DAY
    assert await trail.log.sweep() is False
    assert await trail.entries(account_id=account.id)
    trail.now += 2 * DAY
    await trail.log.sweep()
    assert not await trail.entries(account_id=account.id)


async def test_nothing_of_people_changes_without_an_entry(trail: Trail) -> None:
    """Each change is tried while the log takes nothing, and then again."""
    house = await House(trail.database).opened()
    roles, teams = (
        Roles(RoleStore(house.database), house.home, house.repeats, house.forget),
        Teams(TeamStore(house.database), house.home, house.repeats),
    )
    settings = AccountSettings(SettingStore(house.database), house.home, {}, lambda: None)
    branding, me = Branding(LogoStore(house.database), house.home), house.owner
    bundle = BundleState(id="ocr", name="", description="", estimated_size="", version="", tools=[], status="installed")
    role = await roles.create(me, "first", "", ["files:own"])
    team, ada = await teams.create(me, "First"), await house.add("ada")
    await settings.all(me)
    changes = (
        (lambda: roles.create(me, "second", "", ["files:own"]), "role.created"),
        (lambda: roles.update(me, role.id, None, "Looks", None), "role.updated"),
        (lambda: roles.delete(me, role.id), "role.deleted"),
        (lambda: teams.create(me, "Second"), "team.created"),
        (lambda: teams.update(me, team.id, "Third"), "team.updated"),
        (lambda: teams.delete(me, team.id), "team.deleted"),
        (lambda: settings.change(me, {"a": "1", "apiKey": "hidden"}, ["instance_id"]), "settings.changed"),
        (lambda: branding.replace(me, PNG), "logo.replaced"),
        (lambda: branding.delete(me), "logo.deleted"),
        (lambda: house.people.set_analytics(house.account_id, ada.public_id, True, house.now, None), "user.analytics_set"),
        (lambda: house.users.create(me, "bob", PASSWORD, None, None), "user.created"),
        (lambda: house.users.update(me, ada.public_id, "editor", None), "user.updated"),
        (lambda: house.users.reset_password(me, ada.public_id, OTHER), "password.reset"),
        (lambda: house.users.delete(me, ada.public_id), "user.deleted"),
        (lambda: house.accounts.set_limits(house.account_id, {"max_keys": 3}), "account.limits_set"),
        (
            lambda: BundleRequestStore(house.database).enter(
                house.account_id, audit_pb2.AUDIT_ACTION_BUNDLE_REMOVAL_REQUESTED, bundle, "not_installed"
            ),
            "bundle.removal_requested",
        ),
    )
    told = []
    for change, action in changes:
        before = await _stored(house.database)
        await house.database.fetch(text("ALTER TABLE audit ADD CONSTRAINT refuse CHECK (false) NOT VALID"))
        with pytest.raises(asyncpg.CheckViolationError):
            await change()
        await house.database.fetch(text("ALTER TABLE audit DROP CONSTRAINT refuse"))
        assert await _stored(house.database) == before, action
        await change()
        told.append((await house.entries(action))[-1].details)
    assert list(json.loads(told[6]["before"])) == ["instance_id"]
    assert told[6]["after"] == '{"a": "1", "apiKey": "(hidden)"}'
    assert json.loads(told[7]["after"]) == {"logo": {"bytes": len(PNG), "sha256": hashlib.sha256(PNG).hexdigest()}}
    assert told[8]["before"] == told[7]["after"]
    assert (told[4]["before"], told[4]["after"]) == ('{"name": "First"}', '{"name": "Third"}')


async def _stored(database: Database) -> list[object]:
    """The content of the tables that those changes write to, without moments that only say when something was looked at."""
    tables = ("account", "role", "team", "setting", "logo", "person", "session", "departure")
    return [await database.fetch(text(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in tables]
