"""API keys of people."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from services.accounts.permissions import BUILT_IN
from services.platform.audit.actor import ActorKind
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client
from tests.component.accounts.house import CHANGE_FIRST, House, refusing
from tests.harness.callers import calling

LACKING = "Cannot scope key with permissions you don't have: "
LATER = timedelta(hours=1)
MUST_CHANGE, GONE = text("UPDATE person SET must_change = true"), text("UPDATE person SET role = 'gone'")


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database).opened()


def never() -> datetime | None:
    return None


def invalid() -> datetime | None:
    raise DarkroomError(ErrorReason.FIELD_INVALID, "Invalid expiresAt date", field="expire_time")


async def test_a_key_works_and_is_kept_as_a_hash(house: House) -> None:
    ada = await house.member("ada")
    assert ada.user is not None
    key, secret = await house.keys.create(ada, "", (), never)
    assert re.fullmatch("si_[0-9a-f]{96}", secret)
    assert uuid.UUID(key.public_id)
    assert (key.name, key.permissions, key.expires_at, key.last_used_at) == ("Default API Key", None, None, None)
    identity = await house.identity(secret)
    assert (identity.key_id, identity.key_name) == (key.id, key.name)
    assert identity.user == replace(ada.user, session=False)
    [listed] = await house.keys.all(ada)
    assert listed.last_used_at is not None
    assert replace(listed, last_used_at=None) == key
    [entry] = await house.entries("key.created")
    assert entry.resource_id == key.id
    assert entry.details["user_key_id"] == key.public_id
    assert secret not in str(entry)


async def test_what_is_refused_comes_in_order(house: House) -> None:
    ada = await house.member("ada")
    name = "Name must be 100 characters or fewer, without NUL"
    for bad in ("x" * 101, "a\0b", "x" * 10_000):
        with refusing(ErrorReason.FIELD_INVALID, name, "name"):
            await house.keys.create(ada, bad, ["files:all"], invalid)
    with refusing(ErrorReason.FIELD_INVALID, f"{LACKING}files:all, users:manage", "permissions"):
        await house.keys.create(ada, "x", ["files:all", "tools:use", "users:manage"], invalid)
    with refusing(ErrorReason.FIELD_INVALID, f"{LACKING}a\N{REPLACEMENT CHARACTER}b, {'x' * 60}", "permissions"):
        await house.keys.create(ada, "x", ["a\0b", "x" * 10_000], never)
    with refusing(ErrorReason.FIELD_INVALID, "Invalid expiresAt date"):
        await house.keys.create(ada, "x", (), invalid)
    for moment in (house.now, house.now - LATER):
        with refusing(ErrorReason.FIELD_INVALID, "expiresAt must be in the future", "expire_time"):
            await house.keys.create(ada, "x", (), lambda moment=moment: moment)
    assert await house.keys.all(ada) == []
    key, _ = await house.keys.create(ada, f"  {'x' * 100} ", ["tools:use", "tools:use"], lambda: house.now + LATER)
    assert (key.name, key.permissions, key.expires_at) == ("x" * 100, ("tools:use",), house.now + LATER)


async def test_a_key_with_a_list_does_less_than_its_owner(house: House) -> None:
    admin = await house.admin()
    secret = await house.key(admin, "users:manage", "files:all")
    identity = await house.identity(secret)
    assert identity.scopes == {"files:read", "files:write", "tasks:read", "tasks:write", "billing:read", "users:manage"}
    assert await house.permissions(secret) == {"users:manage", "files:all"}
    assert (await house.identity(await house.key(admin))).scopes is None


async def test_a_key_passes_its_limits_on(house: House) -> None:
    admin = await house.admin()
    limited = await house.identity(await house.key(admin, "tools:use", "files:own", until=house.now + LATER))
    with refusing(ErrorReason.FIELD_INVALID, f"{LACKING}files:all"):
        await house.keys.create(limited, "", ["files:all"], never)
    with pytest.raises(DarkroomError, match="must not be later"):
        await house.keys.create(limited, "", (), lambda: house.now + 2 * LATER)
    child, _ = await house.keys.create(limited, "", (), never)
    assert (child.permissions, child.expires_at) == (("tools:use", "files:own"), house.now + LATER)
    narrower, _ = await house.keys.create(limited, "", ["tools:use"], lambda: house.now + LATER / 2)
    assert (narrower.permissions, narrower.expires_at) == (("tools:use",), house.now + LATER / 2)
    unlimited, _ = await house.keys.create(await house.identity(await house.key(admin)), "", (), never)
    assert (unlimited.permissions, unlimited.expires_at) == (None, None)


async def test_an_expired_key_is_refused_and_stays_listed(house: House) -> None:
    ada = await house.member("ada")
    secret = await house.key(ada, until=house.now + LATER)
    assert await house.identity(secret)
    house.now += LATER
    with pytest.raises(DarkroomError, match="This API key expired at"):
        await house.identity(secret)
    await house.session_store.sweep(house.now + 2 * LATER)
    assert len(await house.keys.all(ada)) == 1


async def test_who_sees_and_deletes_which(house: House) -> None:
    admin, ada = await house.admin(), await house.member("ada")
    secret = await house.key(ada, name="ada's")
    await house.key(admin, name="admin's")
    limited = await house.identity(await house.key(admin, "tools:use", name="limited"))
    assert [key.name for key in await house.keys.all(ada)] == ["ada's"]
    assert [key.name for key in await house.keys.all(admin)] == ["ada's", "admin's", "limited"]
    assert [key.name for key in await house.keys.all(house.owner)] == ["ada's", "admin's", "limited"]
    assert [key.name for key in await house.keys.all(limited)] == ["admin's", "limited"]
    await house.identity(secret)
    [key] = await house.keys.all(ada)
    assert ada.user is not None
    assert key.owner == ada.user.id
    for caller, key_id in ((admin, key.public_id), (house.owner, key.public_id), *((ada, bad) for bad in ("x", "", "a\0b", "x" * 10_000))):
        with refusing(ErrorReason.API_KEY_NOT_FOUND, "API key not found"):
            await house.keys.delete(caller, key_id)
    with calling(ada, Client()):
        await house.keys.delete(ada, key.public_id)
    assert await house.refused(secret)
    assert house.revoked[-1] == key.id
    with refusing(ErrorReason.API_KEY_NOT_FOUND, "API key not found"):
        await house.keys.delete(ada, key.public_id)
    [entry] = await house.entries("key.revoked")
    assert (entry.actor.kind, entry.actor.name, entry.resource_id) == (ActorKind.USER, "ada", key.id)
    await house.session_store.sweep(house.now + 2 * LATER)
    assert len(await house.keys.all(house.owner)) == 2


async def test_who_has_no_keys(house: House) -> None:
    token, _ = await house.sign_in()
    first = await house.identity(token)
    for call in (house.keys.create(first, "", (), never), house.keys.all(first), house.keys.delete(first, "x")):
        with refusing(ErrorReason.PASSWORD_CHANGE_REQUIRED, CHANGE_FIRST):
            await call
    with refusing(ErrorReason.PERMISSION_DENIED, "Only people who have signed in have such API keys."):
        await house.keys.create(house.owner, "", (), never)


async def test_a_key_is_not_held_back_by_a_password_that_has_to_be_changed(house: House) -> None:
    ada = await house.member("ada")
    secret = await house.key(ada)
    await house.database.fetch(MUST_CHANGE)
    identity = await house.identity(secret)
    assert identity.user is not None
    assert not identity.user.must_change
    assert await house.keys.all(identity)


async def test_as_many_as_a_person_may_have(house: House) -> None:
    ada, eve = await house.member("ada"), await house.member("eve")
    for _ in range(5):
        await house.key(ada)
    with pytest.raises(DarkroomError) as refused:
        await house.key(ada)
    assert refused.value.reason is ErrorReason.TOO_MANY_API_KEYS
    await house.key(eve)
    await house.accounts.set_limits(house.account_id, {"max_keys": 6})
    await house.key(ada)


async def test_what_has_ended_makes_no_key(house: House) -> None:
    admin = await house.admin()
    by_key = await house.identity(await house.key(admin))
    [key] = await house.keys.all(admin)
    await house.keys.delete(admin, key.public_id)
    with refusing(ErrorReason.API_KEY_INVALID, "Invalid token"):
        await house.key(by_key)


async def test_a_role_that_is_gone_permits_nothing(house: House) -> None:
    ada = await house.member("ada", "admin")
    secret = await house.key(ada)
    assert await house.permissions(secret) == BUILT_IN["admin"]
    await house.database.fetch(GONE)
    house.authenticator.evict((await house.keys.all(house.owner))[0].id)
    assert await house.permissions(secret) == frozenset()
