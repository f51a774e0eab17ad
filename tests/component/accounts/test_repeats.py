"""Calls about people that are repeated with their idempotency key."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.accounts.domain.repeats import Repeats
from services.accounts.domain.roles import Roles
from services.accounts.domain.teams import Teams
from services.accounts.store.call_records import CallRecords
from services.accounts.store.roles import RoleStore
from services.accounts.store.teams import TeamStore
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity
from tests.component.accounts.house import PASSWORD, House

Create = Callable[[str, Identity, IdempotentCall | None], Awaitable[Any]]
"""Creates something of that name."""
KINDS = ("user", "invitation", "role", "team", "key")
ACTIONS = {"user": "user.created", "invitation": "user.created", "role": "role.created", "team": "team.created", "key": "key.created"}


class Calls:
    """Each kind of call, by the administrator of a house."""

    def __init__(self, house: House, boss: Identity) -> None:
        self.house, self.boss, self.account_id = house, boss, house.account_id
        self.roles = Roles(RoleStore(house.database), house.home, house.repeats, house.forget)
        self.teams = Teams(TeamStore(house.database), house.home, house.repeats)

    def call(self, request: str, key: str = "k") -> IdempotentCall:
        return IdempotentCall(self.account_id, "/people/Create", key, hashlib.sha256(request.encode()).digest())

    async def create(self, kind: str, name: str, call: IdempotentCall | None, caller: Identity | None = None) -> Any:
        who, people = caller or self.boss, self.house.new_people
        if kind == "user":
            return await people.add(who, name, PASSWORD, None, None, call)
        if kind == "invitation":
            return await people.invite(who, name, None, None, timedelta(hours=1), call)
        if kind == "role":
            return await self.roles.create(who, name, "", ["files:own"], call)
        if kind == "team":
            return await self.teams.create(who, name, call)
        return await self.house.keys.create(who, name, [], lambda: None, call)

    async def stored(self) -> str:
        """Everything that is stored of calls and secrets."""
        tables = ("idempotency", "person_key", "sign_in_link", "audit")
        return str([[dict(row) for row in await self.house.database.fetch(text(f"SELECT * FROM {table}"))] for table in tables])


@pytest.fixture
async def calls(migrated: str) -> AsyncIterator[Calls]:
    async with open_database(migrated, 4) as database:
        yield await opened(database)


async def opened(database: Database) -> Calls:
    house = await House(database).opened()
    return Calls(house, await house.admin())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_repeat_gets_the_same_reply(calls: Calls, kind: str) -> None:
    before = len(await calls.house.entries(ACTIONS[kind]))
    first = await calls.create(kind, "the-first", calls.call("a"))
    # Later, and three at once.
    calls.house.now += timedelta(minutes=5)
    repeated = await asyncio.gather(*(calls.create(kind, "the-first", calls.call("a")) for _ in range(3)))
    together = await asyncio.gather(*(calls.create(kind, "the-second", calls.call("b", "k2")) for _ in range(3)))
    assert repeated == [first] * 3
    assert together == [together[0]] * 3
    assert len(await calls.house.entries(ACTIONS[kind])) == before + 2
    other = await calls.create(kind, "the-third", None)
    if kind == "key":
        secrets = [each[1] for each in (first, together[0], other)]
        assert len(set(secrets)) == 3
        assert (await calls.house.identity(first[1])).user is not None
        stored = await calls.stored()
        assert not any(secret in stored for secret in secrets)
    if kind == "invitation":
        tokens = [each[1].token for each in (first, together[0], other)]
        assert len(set(tokens)) == 3
        stored = await calls.stored()
        assert not any(token in stored for token in tokens)


@pytest.mark.parametrize("kind", KINDS)
async def test_another_request_is_refused(calls: Calls, kind: str) -> None:
    await calls.create(kind, "the-first", calls.call("a"))
    by_key = await calls.house.identity((await calls.create("key", "mine", None))[1])
    before = await calls.stored()
    for call, caller in ((calls.call("b"), calls.boss), (calls.call("a"), by_key)):
        with pytest.raises(DarkroomError) as refused:
            await calls.create(kind, "the-first", call, caller)
        assert refused.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    assert await calls.stored() == before
    # The digest says nothing without the secret of the service: a request may hold a password.
    [row] = await calls.house.database.fetch(text("SELECT digest FROM idempotency"))
    assert row["digest"] not in (calls.call("a").digest, hashlib.sha256(calls.call("a").digest).digest())
    database = calls.house.database
    moved = Repeats(IdempotencyRecords(database, calls.house.clock), CallRecords(database), b"another secret", calls.house.clock)
    with pytest.raises(DarkroomError) as refused:
        await moved.once(calls.call("a"), calls.boss, _never, _never)
    assert refused.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH


async def _never(*_: object) -> None:
    raise AssertionError


async def test_a_link_that_was_used_stays_used(calls: Calls) -> None:
    person, link = await calls.create("invitation", "the-first", calls.call("a"))
    await calls.house.links.use(link.token)
    assert await calls.create("invitation", "the-first", calls.call("a")) == (person, link)
    with pytest.raises(DarkroomError) as refused:
        await calls.house.links.use(link.token)
    assert refused.value.reason is ErrorReason.CREDENTIALS_INVALID


async def test_a_call_that_was_refused_is_made_anew_and_what_is_gone_is_said(calls: Calls) -> None:
    taken = await calls.create("user", "ada", None)
    with pytest.raises(DarkroomError) as refused:
        await calls.create("user", "ada", calls.call("a"))
    assert refused.value.reason is ErrorReason.NAME_TAKEN
    await calls.house.users.delete(calls.boss, taken.public_id)
    made = await calls.create("user", "ada", calls.call("a"))
    await calls.house.users.delete(calls.boss, made.public_id)
    role, team = [await calls.create(kind, "the-first", calls.call("a", kind)) for kind in ("role", "team")]
    key, _ = await calls.create("key", "the-first", calls.call("a", "key"))
    await calls.roles.delete(calls.boss, role.id)
    await calls.teams.delete(calls.boss, team.id)
    await calls.house.keys.delete(calls.boss, key.public_id)
    gone = {
        "user": ErrorReason.USER_NOT_FOUND,
        "role": ErrorReason.ROLE_NOT_FOUND,
        "team": ErrorReason.TEAM_NOT_FOUND,
        "key": ErrorReason.API_KEY_NOT_FOUND,
    }
    for kind, reason in gone.items():
        with pytest.raises(DarkroomError) as refused:
            await calls.create(kind, "ada" if kind == "user" else "the-first", calls.call("a", "k" if kind == "user" else kind))
        assert refused.value.reason is reason
