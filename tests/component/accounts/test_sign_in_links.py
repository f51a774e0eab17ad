"""Links with which people sign in once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.keys import digest_of
from services.accounts.domain.passwords import RULE
from services.accounts.people import Session
from services.platform.audit.actor import ActorKind
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.accounts.house import ADDRESS, DEFAULT, OTHER, PASSWORD, House, refusing

REFUSED = (
    "This sign-in link has been used or has expired. Somebody who manages people can make another, and so can the operator of this "
    "installation with `make link`, or with `python -m deploy.local link`."
)


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database).opened()


async def test_a_link_signs_in_once_and_only_its_hash_is_kept(house: House, database: Database) -> None:
    await house.add("ada")
    made = await house.link_maker.make("ada", 15)
    assert made.person is not None
    assert (made.person.name, made.expires_at) == ("ada", house.now + timedelta(minutes=15))
    assert len(made.token) == 43
    assert made.url("https://photos.example.com/") == f"https://photos.example.com/#/sign-in/{made.token}"
    [kept] = await database.fetch(text("SELECT * FROM sign_in_link"), {})
    assert kept["sha256"] == digest_of(made.token)
    assert made.token not in str(kept)
    token, session = await house.open(made.token)
    assert (session.person.name, session.by_link, session.expires_at) == ("ada", True, house.now + timedelta(hours=168))
    assert (await house.identity(token)).key_id == session.id
    with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
        await house.open(made.token)
    assert await database.fetch(text("SELECT 1 FROM sign_in_link"), {}) == []


async def test_one_of_many_who_open_a_link_at_once_is_signed_in(house: House) -> None:
    await house.add("ada")
    link = await house.link("ada")
    results = await asyncio.gather(*(house.open(link) for _ in range(10)), return_exceptions=True)
    refused = [result.reason for result in results if isinstance(result, DarkroomError)]
    assert refused == [ErrorReason.CREDENTIALS_INVALID] * 9
    assert len(await house.entries("session.created")) == 1


async def test_the_first_administrator_comes_by_several_links_at_once(house: House) -> None:
    links = [await house.link() for _ in range(5)]
    sessions = await asyncio.gather(*(house.open(link) for link in links))
    assert len({session.id for _, session in sessions}) == 5
    assert len({session.person.id for _, session in sessions}) == 1
    assert await house.people.count(house.account_id) == (1, 1)


async def test_making_a_link_adds_nobody_and_using_it_adds_an_administrator_without_a_password(house: House) -> None:
    link = await house.link()
    assert await house.people.count(house.account_id) == (0, 0)
    token, session = await house.open(link)
    person = session.person
    assert (person.name, person.role, person.team, person.must_change, person.password_hash) == ("admin", "admin", "Default", False, "")
    caller = await house.identity(token)
    assert caller.scopes is None
    for password in (DEFAULT, "x"):
        with refusing(ErrorReason.CREDENTIALS_INVALID, "Invalid credentials"):
            await house.sign_in("admin", password)
    assert not session.needs_current_password
    with refusing(ErrorReason.FIELD_INVALID, "Current password and new password are required", "new_password"):
        await house.sessions.change_password(caller, "", "")
    with refusing(ErrorReason.FIELD_INVALID, RULE, "new_password"):
        await house.sessions.change_password(caller, "", "weak")
    await house.sessions.change_password(caller, "", PASSWORD)
    assert (await house.sign_in("admin", PASSWORD))[1].needs_current_password
    await _needs_the_current_password(house, token)


async def test_where_the_first_sign_in_has_added_the_administrator_the_link_is_for_that_one(house: House) -> None:
    before = await house.link()
    with refusing(ErrorReason.CREDENTIALS_INVALID, "Invalid credentials"):
        await house.sign_in("admin", "wrong")
    for link in (before, await house.link()):
        token, session = await house.open(link)
        assert (session.person.name, session.person.must_change, session.needs_current_password) == ("admin", True, False)
        assert (await house.identity(token)).scopes == frozenset()
    await house.sessions.change_password(await house.identity(token), "", PASSWORD)
    assert (await house.identity(token)).scopes is None
    await _needs_the_current_password(house, token)


async def test_of_several_administrators_the_link_is_for_the_oldest(house: House) -> None:
    await house.add("user", "user")
    for name in ("first", "second"):
        await house.add(name, "admin")
    assert (await house.open(await house.link()))[1].person.name == "first"
    assert (await house.open(await house.link("second")))[1].person.name == "second"


async def test_without_an_administrator_the_link_is_for_nobody(house: House) -> None:
    await house.add("ada")
    link = await house.link()
    with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
        await house.open(link)
    assert await house.people.count(house.account_id) == (1, 0)


async def test_who_has_a_password_of_the_own_needs_it_also_with_a_link(house: House) -> None:
    await house.member("ada")
    token, session = await house.open(await house.link("ada"))
    assert session.needs_current_password
    await _needs_the_current_password(house, token)


async def test_links_end_with_the_password_that_they_stand_for(house: House) -> None:
    await house.member("ada")
    link = await house.link("ada")
    await house.users.reset_password_of("ada", OTHER)
    with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
        await house.open(link)


async def test_a_password_that_somebody_else_set_is_needed_without_a_link(house: House) -> None:
    await house.add("ada")
    token, session = await house.sign_in("ada", PASSWORD)
    assert (session.by_link, session.person.must_change, session.needs_current_password) == (False, True, True)
    with refusing(ErrorReason.FIELD_INVALID, "Current password and new password are required", "current_password"):
        await house.sessions.change_password(await house.identity(token), "", OTHER)


async def test_used_expired_and_made_up_links_are_refused_in_the_same_words(house: House) -> None:
    await house.add("ada")
    late, removed = await house.link("ada", minutes=1), await house.link("ada", minutes=60)
    house.now += timedelta(minutes=1)
    for bad in (late, "", "x", "\0", "x" * 10_000, removed[:-1]):
        with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
            await house.open(bad)
    [ada] = await house.users.all(house.owner)
    await house.users.delete(house.owner, ada.public_id)
    with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
        await house.open(removed)
    entries = await house.entries("session.refused")
    assert [(entry.resource_id, entry.details) for entry in entries] == [(0, {"user_name": "", "why": "bad_link"})] * 7
    assert {entry.actor.address for entry in entries} == {ADDRESS}


async def test_expired_links_are_swept(house: House, database: Database) -> None:
    await house.add("ada")
    await house.link("ada", minutes=1)
    kept = await house.link("ada", minutes=3)
    assert not await house.link_store.sweep(house.now + timedelta(minutes=2))
    rows = await database.fetch(text("SELECT sha256 FROM sign_in_link"), {})
    assert [row["sha256"] for row in rows] == [digest_of(kept)]


async def test_for_whom_no_link_is_made(database: Database) -> None:
    house = House(database)
    with refusing(ErrorReason.ACCOUNT_NOT_FOUND, "There is no account yet: create one first."):
        await house.link()
    with refusing(ErrorReason.CREDENTIALS_INVALID, REFUSED):
        await house.open("x")
    await house.opened()
    with refusing(ErrorReason.USER_NOT_FOUND, "User not found"):
        await house.link("nobody")
    closed = House(database, PeopleRules(auth_enabled=False))
    for call in (closed.link(), closed.open("x")):
        with refusing(ErrorReason.SIGN_IN_DISABLED, "Authentication is disabled"):
            await call


async def test_what_is_entered_in_the_log(house: House) -> None:
    first = await house.link()
    _, session = await house.open(first)
    second = await house.link("admin")
    await house.open(second)
    person = session.person
    of_first, of_second = await house.entries("session.link_created")
    assert (of_first.resource_id, of_second.resource_id) == (0, person.id)
    assert (of_first.details["user_name"], of_second.details["user_name"]) == ("", "admin")
    signed_in = (await house.entries("session.created"))[0]
    assert signed_in.details == {"user_id": person.public_id, "user_name": "admin", "by": "sign_in_link"}
    assert (signed_in.actor.kind, signed_in.actor.name, signed_in.actor.address) == (ActorKind.USER, "admin", ADDRESS)
    log = str(await house.entries())
    assert first not in log
    assert second not in log


async def _needs_the_current_password(house: House, token: str) -> None:
    caller = await house.identity(token)
    with refusing(ErrorReason.FIELD_INVALID, "Current password and new password are required", "current_password"):
        await house.sessions.change_password(caller, "", OTHER)
    with refusing(ErrorReason.PASSWORD_INVALID, "Current password is incorrect"):
        await house.sessions.change_password(caller, OTHER, OTHER)
    session: Session = await house.sessions.session(token)
    assert session.needs_current_password
