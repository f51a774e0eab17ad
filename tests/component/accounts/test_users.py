"""Adding, changing and removing people: each rule, and the order of the checks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from services.accounts.domain.config import PeopleRules
from services.accounts.domain.passwords import RULE
from services.accounts.domain.roles import Roles
from services.accounts.people import DEFAULT_TEAM_ID
from services.accounts.permissions import BUILT_IN
from services.accounts.store.roles import RoleStore
from services.accounts.store.teams import TeamStore
from services.platform.audit.actor import ActorKind
from services.platform.database import Database, open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from tests.component.accounts.house import DEFAULT, OTHER, PASSWORD, House, refusing
from tests.harness.callers import calling

BOTH = "Username and password are required"
LENGTH, LETTERS = "Username must be 3 to 50 characters", "Username may only contain letters, numbers, dots, hyphens and underscores"
HIGHER = "Cannot create a user with a higher role than your own"
NO_TEAM, NO_USER = "Team not found", "User not found"
MINUTES = timedelta(minutes=10)
NOWHERE = ("nobody", "", "a\0b", "x" * 10_000, str(uuid.uuid4()))


@pytest.fixture
async def database(migrated: str) -> AsyncIterator[Database]:
    async with open_database(migrated, 4) as database:
        yield database


@pytest.fixture
async def house(database: Database) -> House:
    return await House(database, PeopleRules(default_password=DEFAULT, max_users=6)).opened()


async def test_a_new_person_has_to_change_the_password(house: House) -> None:
    person = await house.add("ada.l-1_x", "editor")
    assert (person.name, person.role, person.team, person.must_change) == ("ada.l-1_x", "editor", "Default", True)
    assert person.permissions == BUILT_IN["editor"]
    assert uuid.UUID(person.public_id)
    token, session = await house.sign_in(person.name, PASSWORD)
    assert session.person == person
    assert (await house.identity(token)).scopes == frozenset()


async def test_what_is_refused_comes_in_order(house: House) -> None:
    await house.add_role("keeper", "users:manage")
    keeper, limited = await house.member("keeper", "keeper"), house.owner
    for name, password in (("", PASSWORD), ("ada", ""), ("", "")):
        with refusing(ErrorReason.FIELD_INVALID, BOTH):
            await house.users.create(keeper, name, password, "admin", "nowhere")
    for name, message in (
        ("ab", LENGTH),
        ("a" * 51, LENGTH),
        ("x" * 10_000, LENGTH),
        ("a b", LETTERS),
        ("a\0b", LETTERS),
        ("\u00e4da", LETTERS),
        ("ada\n", LETTERS),
    ):
        with refusing(ErrorReason.FIELD_INVALID, message, "user_name"):
            await house.users.create(keeper, name, "weak", "admin", "nowhere")
    with refusing(ErrorReason.FIELD_INVALID, RULE, "password"):
        await house.users.create(keeper, "keeper", "weak", "admin", "nowhere")
    with refusing(ErrorReason.ESCALATION_DENIED, HIGHER):
        await house.users.create(keeper, "keeper", PASSWORD, "admin", "nowhere")
    with refusing(ErrorReason.FIELD_INVALID, NO_TEAM, "team"):
        await house.users.create(keeper, "keeper", PASSWORD, "keeper", "nowhere")
    for number in range(5):
        await house.add(f"user{number}")
    with refusing(ErrorReason.NAME_TAKEN, "Username already exists"):
        await house.users.create(limited, "keeper", PASSWORD, None, None)
    with refusing(ErrorReason.USER_LIMIT_REACHED, "User limit reached (6 max)"):
        await house.users.create(limited, "Keeper", PASSWORD, None, None)


async def test_roles_of_new_people(house: House) -> None:
    await house.add_role("helper")
    await house.add_role("keeper", "users:manage")
    for number, role in enumerate(("nothing", "", "a\0b", "x" * 10_000)):
        assert (await house.add(f"user{number}", role)).role == "user"
    keeper = await house.member("keeper", "keeper")
    # The lowest level: even `user`, which an unknown role and none become, is above it.
    for role in ("editor", "user", "nothing", None):
        with refusing(ErrorReason.ESCALATION_DENIED, HIGHER):
            await house.users.create(keeper, "somebody", PASSWORD, role, None)
    assert (await house.users.create(keeper, "somebody", PASSWORD, "helper", None)).role == "helper"


async def test_teams_of_new_people(house: House) -> None:
    await house.add("first")
    await house.add_team("t-1", "Lab")
    given = [await house.add(f"user{number}", team=team) for number, team in enumerate(("Lab", "t-1", " lab ", "  ", DEFAULT_TEAM_ID))]
    assert [person.team for person in given] == ["Lab", "Lab", "Lab", "Default", "Default"]
    for team in ("nowhere", "a\0b", "x" * 10_000):
        with refusing(ErrorReason.FIELD_INVALID, NO_TEAM):
            await house.add("other", team=team)


async def test_as_many_at_once_as_there_may_be(house: House) -> None:
    results = await asyncio.gather(*(house.add(f"user{number}") for number in range(12)), return_exceptions=True)
    refused = [result.reason for result in results if isinstance(result, DarkroomError)]
    assert refused == [ErrorReason.USER_LIMIT_REACHED] * 6
    assert len(await house.users.all(house.owner)) == house.users.most == 6


async def test_a_name_is_another_in_other_case(house: House) -> None:
    names = [(await house.add(name)).name for name in ("ada", "Ada")]
    assert [person.name for person in await house.users.all(house.owner)] == names


async def test_a_change_is_refused_in_order(house: House) -> None:
    admin = await house.admin()
    await house.add_role("keeper", "users:manage")
    keeper = await house.member("keeper", "keeper")
    assert admin.user is not None
    for nobody in NOWHERE:
        with refusing(ErrorReason.USER_NOT_FOUND, NO_USER):
            await house.users.update(keeper, nobody, "admin", "nowhere")
    for role in ("user", "admin"):
        with refusing(ErrorReason.ESCALATION_DENIED, "Cannot assign a higher role than your own"):
            await house.users.update(keeper, admin.user.id, role, "nowhere")
    with refusing(ErrorReason.SELF_DEMOTE, "Cannot remove your own admin role"):
        await house.users.update(admin, admin.user.id, "user", "nowhere")
    with refusing(ErrorReason.LAST_ADMIN, "Cannot demote the last admin"):
        await house.users.update(house.owner, admin.user.id, "keeper", "nowhere")
    with refusing(ErrorReason.FIELD_INVALID, NO_TEAM, "team"):
        await house.users.update(admin, admin.user.id, "admin", "nowhere")
    for team in ("default", "a\0b", "x" * 10_000):
        with refusing(ErrorReason.FIELD_INVALID, NO_TEAM):
            await house.users.update(admin, admin.user.id, None, team)
    await house.add("second", "admin")
    with refusing(ErrorReason.SELF_DEMOTE, "Cannot remove your own admin role"):
        await house.users.update(admin, admin.user.id, "editor", None)


async def test_a_role_that_does_not_exist_changes_nothing_and_neither_does_a_blank_team(house: House) -> None:
    admin = await house.admin()
    assert admin.user is not None
    before = (await house.users.all(admin))[0]
    for role, team in (("nothing", None), ("a\0b", "  "), (None, ""), (None, None), ("x" * 10_000, None)):
        assert await house.users.update(admin, admin.user.id, role, team) == before
    assert await house.entries("user.updated") == []


async def test_another_role_counts_at_once(house: House) -> None:
    ada = await house.member("ada", "editor")
    narrow, whole = await house.key(ada, "files:all", "tools:use"), await house.key(ada)
    assert ada.user is not None
    assert await house.permissions(narrow) == {"files:all", "tools:use"}
    house.revoked.clear()
    await house.users.update(house.owner, ada.user.id, "user", None)
    assert len(house.revoked) == 3
    assert await house.permissions(narrow) == {"tools:use"}
    assert await house.permissions(whole) == BUILT_IN["user"]
    promoted = await house.users.update(house.owner, ada.user.id, "admin", DEFAULT_TEAM_ID)
    assert promoted.is_admin
    assert (await house.identity(whole)).scopes is None
    house.revoked.clear()
    await house.users.update(house.owner, ada.user.id, "admin", None)
    assert house.revoked == []


async def test_a_change_of_the_role_is_announced_with_its_moment(house: House) -> None:
    ada = await house.member("ada", "editor")
    token, session = await house.sign_in("ada", PASSWORD)
    assert ada.user is not None
    # The own session outlives a change of the password that was due.
    assert (await house.revocations.recent(MINUTES)).refreshed == {ada.key_id: ada.refreshed}
    moments = [(await house.identity(token)).refreshed]
    for role in ("user", "editor"):
        await house.users.update(house.owner, ada.user.id, role, None)
        moments.append((await house.identity(token)).refreshed)
        announced = (await house.revocations.recent(MINUTES)).refreshed
        assert announced.keys() == {ada.key_id, session.id}
        assert announced[session.id] == moments[-1]
    assert moments[0] == 0 < moments[1] < moments[2]
    assert not {ada.key_id, session.id} & {*(await house.revocations.recent(MINUTES)).ended}
    await house.sessions.delete(token)
    recent = await house.revocations.recent(MINUTES)
    assert session.id not in recent.refreshed
    assert session.id in recent.ended


async def test_demotions_at_once_leave_one_administrator(house: House) -> None:
    people = [await house.add(f"admin{number}", "admin") for number in range(4)]
    results = await asyncio.gather(
        *(house.users.update(house.owner, person.public_id, "user", None) for person in people), return_exceptions=True
    )
    refused = [result.reason for result in results if isinstance(result, DarkroomError)]
    assert refused == [ErrorReason.LAST_ADMIN]
    assert await house.people.count(house.account_id) == (4, 1)


async def test_a_reset_ends_sessions_and_keys(house: House) -> None:
    ada = await house.member("ada")
    key = await house.key(ada)
    await house.identity(key)
    assert ada.user is not None
    for weak, message in (("", "New password is required"), ("weak", RULE)):
        with refusing(ErrorReason.FIELD_INVALID, message, "new_password"):
            await house.users.reset_password(house.owner, "nobody", weak)
    for nobody in NOWHERE:
        with refusing(ErrorReason.USER_NOT_FOUND, NO_USER):
            await house.users.reset_password(house.owner, nobody, OTHER)
    await house.users.reset_password(house.owner, ada.user.id, OTHER)
    assert await house.refused(key)
    assert await house.keys.all(house.owner) == []
    with refusing(ErrorReason.CREDENTIALS_INVALID, "Invalid credentials"):
        await house.sign_in("ada", PASSWORD)
    assert (await house.sign_in("ada", OTHER))[1].person.must_change


async def test_a_person_is_removed_with_everything(house: House) -> None:
    admin, ada = await house.admin(), await house.member("ada")
    key = await house.key(ada)
    token, _ = await house.sign_in("ada", PASSWORD)
    assert admin.user is not None
    assert ada.user is not None
    with refusing(ErrorReason.SELF_DELETE, "Cannot delete your own account"):
        await house.users.delete(admin, admin.user.id)
    for nobody in NOWHERE:
        with refusing(ErrorReason.USER_NOT_FOUND, NO_USER):
            await house.users.delete(admin, nobody)
    await house.identity(key)
    await house.identity(token)
    await house.users.delete(admin, ada.user.id)
    assert await house.refused(key)
    assert await house.refused(token)
    with refusing(ErrorReason.CREDENTIALS_INVALID, "Invalid credentials"):
        await house.sign_in("ada", PASSWORD)
    with refusing(ErrorReason.USER_NOT_FOUND, NO_USER):
        await house.users.delete(admin, ada.user.id)
    [entry] = await house.entries("user.deleted")
    before = '{"role": "user", "team": "Default"}'
    assert entry.details == {"user_id": ada.user.id, "user_name": "ada", "before": before}


async def test_people_of_another_account_are_none(house: House) -> None:
    other = Identity((await house.accounts.create_account("other")).id, 1)
    person = await house.add("ada")
    with refusing(ErrorReason.PERMISSION_DENIED, "The people of this installation belong to another account."):
        await house.users.all(other)
    for call in (house.users.delete(other, person.public_id), house.users.create(other, "eve", PASSWORD, None, None)):
        with pytest.raises(DarkroomError):
            await call
    assert len(await house.users.all(house.owner)) == 1


async def test_changes_name_who_made_them(house: House) -> None:
    admin = await house.admin()
    assert admin.user is not None
    with calling(admin, Client("203.0.113.9")):
        person = await house.users.create(admin, "ada", PASSWORD, "editor", None)
        await house.users.update(admin, person.public_id, "user", None)
        await house.users.reset_password(admin, person.public_id, OTHER)
        await house.users.delete(admin, person.public_id)
    entries = await house.entries("user.created", "user.updated", "password.reset", "user.deleted")
    assert [entry.action for entry in entries[1:]] == ["user.created", "user.updated", "password.reset", "user.deleted"]
    for entry in entries[1:]:
        assert entry.resource_id == person.id
        assert (entry.actor.kind, entry.actor.name, entry.actor.key_id) == (ActorKind.USER, "admin", admin.key_id)
        assert entry.actor.address == "203.0.113.9"
    sides = {"before": '{"role": "editor"}', "after": '{"role": "user"}'}
    assert entries[2].details == {"user_id": person.public_id, "user_name": "ada", "role": "user", **sides}


async def test_nobody_gives_what_the_giver_lacks(house: House) -> None:
    roles = Roles(RoleStore(house.database), house.home, house.repeats, house.forget)
    await house.add_role("keeper", "users:manage", "teams:manage")
    await house.add_role("helper", "tools:use", "files:own", "teams:manage")
    await house.add_role("auditor", "audit:read")
    boss, keeper = await house.admin(), await house.member("keeper", "keeper")
    auditor = await house.add("auditor", "auditor")
    denied = partial(refusing, ErrorReason.ESCALATION_DENIED, "Cannot give permissions that you don't have: audit:read")
    with denied("role"):
        await house.users.create(keeper, "ada", PASSWORD, "auditor", None)
    ada = await house.users.create(keeper, "ada", PASSWORD, "helper", None)
    with denied("role"):
        await house.users.update(keeper, ada.public_id, "auditor", None)
    with denied("permissions"):
        await roles.create(keeper, "mine", "", ["users:manage", "audit:read"])
    own = await roles.create(keeper, "mine", "", ["users:manage", "settings:read"])
    with denied("permissions"):
        await roles.update(keeper, own.id, None, None, ["audit:read"])
    await roles.update(boss, own.id, None, None, ["audit:read"])
    await roles.update(keeper, own.id, None, "Looks", ["audit:read", "tools:use"])
    for person in (auditor, (await house.users.all(boss))[0]):
        with refusing(ErrorReason.ESCALATION_DENIED, "Cannot act for a user with a higher role than your own"):
            await house.users.reset_password(keeper, person.public_id, OTHER)
    await house.users.reset_password(keeper, ada.public_id, OTHER)


@pytest.mark.parametrize("by_key", [False, True])
async def test_nobody_changes_or_removes_who_may_do_more(house: House, by_key: bool) -> None:
    """Neither a person with a role of the account's own, nor a key of the account with a list of scopes."""
    await house.admin()
    roles = Roles(RoleStore(house.database), house.home, house.repeats, house.forget)
    await house.add_role("keeper", "users:manage")
    await house.add_role("auditor", "audit:read")
    keeper = Identity(house.account_id, 1, scopes=frozenset({"users:manage"})) if by_key else await house.member("keeper", "keeper")
    second, auditor, user, other = [await house.add(f"the-{role}", role) for role in ("admin", "auditor", "user", "keeper")]
    team = (await TeamStore(house.database).add(house.account_id, "Press")).name
    more = "Cannot change or remove a user who has permissions that you don't have: "
    before = await house.users.all(house.owner)
    for person, missing in ((second, "apikeys:all, audit:read"), (auditor, "audit:read")):
        for change in (
            lambda person=person: house.users.delete(keeper, person.public_id),
            lambda person=person: house.users.update(keeper, person.public_id, "keeper", None),
            lambda person=person: house.users.update(keeper, person.public_id, None, team),
        ):
            with pytest.raises(DarkroomError, match=more + missing) as denied:
                await change()
            assert denied.value.reason is ErrorReason.ESCALATION_DENIED
        with refusing(ErrorReason.ESCALATION_DENIED, "Cannot act for a user with a higher role than your own"):
            await house.users.reset_password(keeper, person.public_id, OTHER)
    for role in ("admin", "auditor"):
        with pytest.raises(DarkroomError) as denied:
            await house.users.create(keeper, "ada", PASSWORD, role, None)
        assert denied.value.reason is ErrorReason.ESCALATION_DENIED
    [audits] = [each for each in await roles.all(house.owner) if each.name == "auditor"]
    with refusing(ErrorReason.ESCALATION_DENIED, "Cannot take away permissions that you don't have: audit:read", "role_id"):
        await roles.delete(keeper, audits.id)
    with refusing(ErrorReason.ESCALATION_DENIED, "Cannot take away permissions that you don't have: audit:read", "permissions"):
        await roles.update(keeper, audits.id, None, None, ["users:manage"])
    assert await house.users.all(house.owner) == before
    await house.users.update(keeper, user.public_id, "keeper", team)
    await house.users.delete(keeper, user.public_id)
    await house.users.delete(keeper, other.public_id)
    await house.users.delete(house.owner, second.public_id)


async def test_the_last_administrator_stays(house: House) -> None:
    boss = await house.admin()
    assert boss.user is not None
    second = await house.add("second", "admin")
    results = await asyncio.gather(
        *(house.users.delete(house.owner, each) for each in (boss.user.id, second.public_id)), return_exceptions=True
    )
    assert [result.reason for result in results if isinstance(result, DarkroomError)] == [ErrorReason.LAST_ADMIN]
    assert [person.role for person in await house.users.all(house.owner)] == ["admin"]
