"""Who calls, and what the caller may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from darkroom.common.v1.scopes import SCOPES
from services.accounts.permissions import BUILT_IN, PERMISSIONS
from services.accounts.records import KeyLimits
from services.platform.database import open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from tests.component.accounts.house import DEFAULT, PASSWORD, House, refusing

OF_EVERYBODY = ["files:read", "files:write", "tasks:read", "tasks:write", "billing:read"]


@pytest.fixture
async def house(migrated: str) -> AsyncIterator[House]:
    async with open_database(migrated, 4) as database:
        yield await House(database).opened()


async def _of_key(house: House, limits: KeyLimits) -> Identity:
    _, secret = await house.accounts.create_key(house.account_id, "k", limits)
    return await house.identity(secret)


async def test_an_administrator_may_do_everything(house: House) -> None:
    identity = await house.admin()
    told = await house.callers.caller(identity)
    assert (told.account.id, told.account.name, told.kind) == (house.account_id, "house", "session")
    assert told.person is not None
    assert (told.person.name, told.person.role, told.person.team, told.must_change) == ("admin", "admin", "Default", False)
    assert told.needs_current_password
    assert (told.permissions, told.scopes, told.all_scopes) == (sorted(PERMISSIONS), list(SCOPES), True)
    assert told.expires_at == house.now + timedelta(hours=168)


async def test_what_is_told_at_signing_in_is_what_is_told_afterwards(house: House) -> None:
    for token, session in (await house.sign_in(), await house.open(await house.link())):
        told = await house.callers.signed_in(session)
        assert told == await house.callers.caller(await house.identity(token))
        assert (told.must_change, told.scopes, told.all_scopes) == (True, [], False)
        assert told.permissions == sorted(PERMISSIONS)
        assert told.needs_current_password != session.by_link
    caller = await house.identity(token)
    await house.sessions.change_password(caller, DEFAULT, PASSWORD)
    told = await house.callers.caller(await house.identity(token))
    assert (told.must_change, told.all_scopes, told.needs_current_password) == (False, True, True)


async def test_a_role_of_the_accounts_own(house: House) -> None:
    await house.add_role("reviewer", "files:all", "audit:read")
    told = await house.callers.caller(await house.member("ada", "reviewer"))
    assert told.permissions == ["audit:read", "files:all"]
    assert (told.scopes, told.all_scopes) == ([*OF_EVERYBODY, "audit:read"], False)


async def test_a_key_of_a_person(house: House) -> None:
    ada = await house.member("ada", "editor")
    until = datetime.now(UTC) + timedelta(days=1)
    told = await house.callers.caller(await house.identity(await house.key(ada, "files:own", "files:all", until=until)))
    assert told.person is not None
    assert (told.kind, told.person.name, told.must_change, told.expires_at) == ("user_key", "ada", False, until)
    assert (told.permissions, told.scopes, told.all_scopes) == (["files:all", "files:own"], OF_EVERYBODY, False)
    told = await house.callers.caller(await house.identity(await house.key(ada)))
    assert (told.permissions, told.expires_at) == (sorted(BUILT_IN["editor"]), None)


async def test_keys_of_the_account(house: House) -> None:
    told = await house.callers.caller(await _of_key(house, KeyLimits()))
    assert (told.kind, told.person, told.expires_at, told.must_change) == ("account_key", None, None, False)
    assert (told.permissions, told.scopes, told.all_scopes) == (sorted(PERMISSIONS), list(SCOPES), True)
    until = datetime.now(UTC) + timedelta(days=1)
    told = await house.callers.caller(await _of_key(house, KeyLimits(frozenset({"tasks:read", "files:read"}), until)))
    assert (told.permissions, told.scopes, told.all_scopes) == ([], ["files:read", "tasks:read"], False)
    assert told.expires_at == until


async def test_who_has_just_gone(house: House) -> None:
    ada = await house.member("ada")
    by_key = await house.identity(await house.key(ada))
    assert ada.user is not None
    await house.users.delete(house.owner, ada.user.id)
    for identity in (ada, by_key):
        with refusing(ErrorReason.SESSION_INVALID, "Session expired or invalid"):
            await house.callers.caller(identity)
    with pytest.raises(DarkroomError):
        await house.callers.caller(Identity(house.account_id, 1))
