"""Signing in and out, and changing the own password."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.passwords import RULE
from services.accounts.domain.rate_rules import RateRules
from services.accounts.domain.upkeep import Announcer
from services.platform.audit.actor import ActorKind
from services.platform.bus import Bus
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from services.platform.revocations import Revocations
from tests.component.accounts.house import ADDRESS, DEFAULT, OTHER, PASSWORD, House, refusing
from tests.harness.callers import calling

INVALID = "Invalid credentials"
ENDED = "Session expired or invalid"


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database).opened()


async def test_the_first_sign_in_adds_the_administrator(house: House) -> None:
    token, session = await house.sign_in()
    person = session.person
    assert uuid.UUID(token).version == 4
    assert (person.name, person.role, person.team, person.must_change) == ("admin", "admin", "Default", True)
    assert session.expires_at == house.now + timedelta(hours=168)
    again, other = await house.sign_in()
    assert (again != token, other.person) == (True, person)
    assert (await house.sessions.session(token)).person == person


async def test_first_sign_ins_at_once_add_one(house: House) -> None:
    results = await asyncio.gather(*(house.sign_in() for _ in range(5)))
    assert len({session.person.id for _, session in results}) == 1
    assert await house.people.count(house.account_id) == (1, 1)


async def test_without_a_password_for_it_there_is_no_first_administrator(database: Database) -> None:
    house = await House(database, PeopleRules()).opened()
    for password in ("admin", ""):
        with pytest.raises(DarkroomError):
            await house.sign_in(password=password)
    assert await house.people.count(house.account_id) == (0, 0)


async def test_nobody_is_added_where_there_is_somebody_or_no_account(database: Database) -> None:
    house = House(database)
    with refusing(ErrorReason.CREDENTIALS_INVALID, INVALID):
        await house.sign_in()
    await house.opened()
    await house.add("ada")
    with refusing(ErrorReason.CREDENTIALS_INVALID, INVALID):
        await house.sign_in()


async def test_the_operator_may_keep_the_password_of_the_first(database: Database) -> None:
    house = await House(database, PeopleRules(default_username="root", default_password=DEFAULT, skip_must_change=True)).opened()
    _, session = await house.sign_in("root")
    assert not session.person.must_change
    assert (await house.add("ada")).must_change


async def test_what_is_missing_unknown_or_wrong(house: House) -> None:
    await house.sign_in()
    for name, password in (("", ""), ("admin", ""), ("", "x")):
        with refusing(ErrorReason.FIELD_INVALID, "Username and password are required"):
            await house.sign_in(name, password)
    odd = ("nobody", "Admin", "a\0dmin", "admin\0", "x" * 10_000, "' OR 1=1 --", "\N{PILE OF POO}")
    for name in odd:
        with refusing(ErrorReason.CREDENTIALS_INVALID, INVALID):
            await house.sign_in(name, DEFAULT)
    for password in ("wrong", "admin ", "\0", "x" * 10_000):
        with refusing(ErrorReason.CREDENTIALS_INVALID, INVALID):
            await house.sign_in("admin", password)
    entries = await house.entries("session.refused")
    assert [entry.details["why"] for entry in entries] == ["unknown_user"] * len(odd) + ["bad_password"] * 4
    assert [entry.resource_id == 0 for entry in entries] == [True] * len(odd) + [False] * 4
    assert entries[2].details["user_name"] == "a\N{REPLACEMENT CHARACTER}dmin"
    assert max(len(entry.details["user_name"]) for entry in entries) == 100
    assert "wrong" not in str(entries)


async def test_where_people_do_not_sign_in(database: Database) -> None:
    house = await House(database, PeopleRules(auth_enabled=False, default_password=DEFAULT)).opened()
    with refusing(ErrorReason.SIGN_IN_DISABLED, "Authentication is disabled"):
        await house.sign_in("", "")


async def test_attempts_are_counted_by_address_also_good_ones(database: Database) -> None:
    house = await House(database, rates=RateRules(sign_ins=3)).opened()
    for _ in range(3):
        await house.sign_in()
    with pytest.raises(DarkroomError) as refused:
        await house.sign_in()
    assert (refused.value.reason, refused.value.advised_wait) == (ErrorReason.RATE_LIMITED, 20)
    with calling(Identity(0), Client("203.0.113.8")):
        await house.sessions.create("admin", DEFAULT)


async def test_signing_out(house: House, connection: Bus) -> None:
    (token, session), (other, _) = await house.sign_in(), await house.sign_in()
    identity = await house.identity(token)
    await house.sessions.delete(token)
    assert await house.refused(token)
    assert house.revoked == [identity.key_id] == [session.id]
    with refusing(ErrorReason.SESSION_INVALID, ENDED):
        await house.sessions.session(token)
    for again in (token, "", "x", str(uuid.uuid4()), "\0", "x" * 10_000):
        await house.sessions.delete(again)
    assert await house.identity(other)
    assert house.revoked == [session.id]
    async with Revocations(connection) as revocations, revocations.watching(identity) as heard, asyncio.timeout(60):
        await Announcer(house.revocations, connection).step()
        await heard.wait()


async def test_a_session_that_is_asked_for(house: House) -> None:
    key = await house.key(await house.admin())
    token, session = await house.sign_in(password=PASSWORD)
    assert await house.sessions.session(token) == session
    with refusing(ErrorReason.SESSION_INVALID, "No session token provided"):
        await house.sessions.session("")
    for bad in (key, "x", "\0", str(uuid.uuid4())):
        with refusing(ErrorReason.SESSION_INVALID, ENDED):
            await house.sessions.session(bad)


async def test_sessions_expire_and_are_swept(house: House) -> None:
    token, session = await house.sign_in()
    house.now = session.expires_at - timedelta(seconds=1)
    assert await house.identity(token)
    assert not await house.session_store.sweep(house.now)
    house.now = session.expires_at
    assert await house.refused(token)
    with refusing(ErrorReason.SESSION_INVALID, ENDED):
        await house.sessions.session(token)
    await house.session_store.sweep(house.now + timedelta(hours=2))
    house.now -= timedelta(hours=1)
    with refusing(ErrorReason.SESSION_INVALID, ENDED):
        await house.sessions.session(token)


async def test_what_a_new_password_must_be_like_comes_before_whether_the_old_one_is_right(house: House) -> None:
    identity = await house.identity((await house.sign_in())[0])
    for current, new in (("", PASSWORD), (DEFAULT, ""), ("", "")):
        with refusing(ErrorReason.FIELD_INVALID, "Current password and new password are required"):
            await house.sessions.change_password(identity, current, new)
    for weak in ("Sesam3a", "sesame-0pen", "SESAME-0PEN", "Sesame-open"):
        with refusing(ErrorReason.FIELD_INVALID, RULE, "new_password"):
            await house.sessions.change_password(identity, "wrong", weak)
    with refusing(ErrorReason.PASSWORD_INVALID, "Current password is incorrect"):
        await house.sessions.change_password(identity, "wrong", PASSWORD)
    assert "at least 8 characters" in RULE


async def test_a_changed_password_ends_everything_else(house: House) -> None:
    (token, own), (other, ended) = await house.sign_in(), await house.sign_in()
    caller = await house.identity(token)
    assert caller.user is not None
    assert caller.user.must_change
    assert caller.scopes == frozenset()
    await house.sessions.change_password(caller, DEFAULT, PASSWORD)
    assert await house.refused(other)
    changed = await house.identity(token)
    assert changed.user == replace(caller.user, must_change=False)
    assert changed.scopes is None
    assert sorted(house.revoked) == [own.id, ended.id]
    with refusing(ErrorReason.CREDENTIALS_INVALID, INVALID):
        await house.sign_in("admin", DEFAULT)
    key = await house.key(changed)
    await house.identity(key)
    await house.sessions.change_password(changed, PASSWORD, OTHER)
    assert await house.refused(key)
    assert await house.identity(token)
    assert (await house.sign_in("admin", OTHER))[1].person.name == "admin"
    assert [entry.actor.kind for entry in await house.entries("password.changed")] == [ActorKind.SERVICE] * 2


async def test_only_a_session_changes_a_password(house: House) -> None:
    admin = await house.admin()
    by_key = await house.identity(await house.key(admin))
    for caller in (by_key, house.owner):
        with refusing(ErrorReason.SESSION_INVALID, ENDED):
            await house.sessions.change_password(caller, PASSWORD, OTHER)


async def test_a_session_that_is_made_while_its_password_is_replaced_does_not_stay(house: House) -> None:
    await house.sign_in()
    person = (await house.users.all(house.owner))[0]
    results = await asyncio.gather(
        house.users.reset_password(house.owner, person.public_id, PASSWORD),
        *(house.sign_in() for _ in range(10)),
        return_exceptions=True,
    )
    tokens = [result[0] for result in results if isinstance(result, tuple)]
    assert all([await house.refused(token) for token in tokens])


async def test_what_is_entered_in_the_log(house: House) -> None:
    token, session = await house.sign_in()
    await house.sessions.delete(token)
    created, signed_in, signed_out = await house.entries("user.created", "session.created", "session.deleted")
    person = session.person
    after = '{"role": "admin", "team": "Default"}'
    assert created.details == {"user_id": person.public_id, "user_name": "admin", "role": "admin", "after": after}
    assert (created.actor.kind, created.actor.name) == (ActorKind.SERVICE, "accounts")
    for entry in (signed_in, signed_out):
        assert entry.resource_id == person.id
        assert entry.details == {"user_id": person.public_id, "user_name": "admin"}
        assert (entry.actor.kind, entry.actor.name) == (ActorKind.USER, "admin")
    assert (signed_in.actor.address, signed_in.actor.user_agent) == (ADDRESS, "browser")
    assert signed_out.actor.key_id == session.id
    assert token not in str(await house.entries())
