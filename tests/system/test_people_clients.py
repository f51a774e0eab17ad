"""People, roles, teams and settings through the native API, with the project's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from darkroom import ApiError, AsyncClient, Client, NotFound, PermissionDenied, Unauthenticated
from tests.stacks import StackUnderTest
from tests.system.snapotter import PASSWORD, SnapOtter, new_name

FIRST = "First-Password-1"


@pytest.fixture
async def client(stack: StackUnderTest, admin: SnapOtter) -> AsyncIterator[AsyncClient]:
    """The client with the session of the administrator."""
    async with AsyncClient(stack.url, admin.token) as client:
        yield client


async def refused(call: Awaitable[object], reason: str) -> None:
    with pytest.raises(ApiError) as caught:
        await call
    assert caught.value.reason == reason


async def test_signing_in_and_out(stack: StackUnderTest, client: AsyncClient) -> None:
    name = new_name()
    user = await client.users.create(name, FIRST)
    async with AsyncClient(stack.url, "") as nobody:
        with pytest.raises(Unauthenticated, match="Invalid credentials"):
            await nobody.sessions.create(name, "Wrong-Password-1")
        session = await nobody.sessions.create(name, FIRST)
        assert (session.user.id, session.user.must_change_password) == (user.id, True)
        assert (await nobody.sessions.get(session.token)).user == session.user
        with pytest.raises(Unauthenticated):
            await nobody.sessions.get()
    async with AsyncClient(stack.url, session.token) as theirs:
        with pytest.raises(PermissionDenied):
            await theirs.list_tasks(1)
        await refused(theirs.user_keys.list(), "PASSWORD_CHANGE_REQUIRED")
        await refused(theirs.sessions.change_password("Wrong-Password-1", PASSWORD), "PASSWORD_INVALID")
        await refused(theirs.sessions.change_password(FIRST, "weak"), "FIELD_INVALID")
        await theirs.sessions.change_password(FIRST, PASSWORD)
        assert not (await theirs.sessions.get()).user.must_change_password
        await theirs.sessions.delete()
        await refused(theirs.sessions.get(), "SESSION_INVALID")


async def test_users_of_the_client(stack: StackUnderTest, client: AsyncClient) -> None:
    name = new_name()
    user = await client.users.create(name, FIRST, role="editor")
    assert (user.name, user.role, user.team, user.must_change_password) == (name, "editor", "Default", True)
    assert user in await client.users.list()
    await refused(client.users.create(name, FIRST), "NAME_TAKEN")
    await refused(client.users.create("a b", FIRST), "FIELD_INVALID")
    assert (await client.users.update(user.id, role="user")).role == "user"
    assert (await client.users.update(user.id, team="Default")).role == "user"
    await client.users.reset_password(user.id, "Second-Password-2")
    async with AsyncClient(stack.url, "") as nobody:
        await refused(nobody.sessions.create(name, FIRST), "CREDENTIALS_INVALID")
        await nobody.sessions.create(name, "Second-Password-2")
    await client.users.delete(user.id)
    for call in (client.users.delete(user.id), client.users.update(user.id), client.users.reset_password(user.id, FIRST)):
        with pytest.raises(NotFound):
            await call


async def test_keys_of_people(stack: StackUnderTest, person: SnapOtter) -> None:
    async with AsyncClient(stack.url, person.token) as client:
        key, secret = await client.user_keys.create("ci", ["tools:use", "tools:use"], datetime.now(UTC) + timedelta(hours=1))
        assert (key.name, list(key.permissions), secret[:3]) == ("ci", ["tools:use"], "si_")
        async with AsyncClient(stack.url, secret) as program:
            assert len(await program.list_files(1)) <= 1
        assert [each.id for each in await client.user_keys.list()] == [key.id]
        await client.user_keys.delete(key.id)
        await refused(client.user_keys.delete(key.id), "API_KEY_NOT_FOUND")


def test_the_blocking_client_has_them_too(stack: StackUnderTest) -> None:
    with Client(stack.url, "") as nobody:
        with pytest.raises(Unauthenticated):
            nobody.sessions.create("nobody", FIRST)
        with pytest.raises(Unauthenticated):
            nobody.users.list()
        for part in (nobody.user_keys, nobody.roles, nobody.teams, nobody.settings, nobody.bundles, nobody.pipelines):
            with pytest.raises(Unauthenticated):
                part.list()


async def test_roles_of_the_client(client: AsyncClient) -> None:
    name = new_name()
    assert {"admin", "editor", "user"} <= {role.name for role in await client.roles.list() if role.built_in}
    role = await client.roles.create(name, ["files:own", "files:own", "audit:read"], "Looks at things")
    assert (role.name, list(role.permissions), role.description, role.user_count) == (
        name,
        ["audit:read", "files:own"],
        "Looks at things",
        0,
    )
    await refused(client.roles.create(name, ["files:own"]), "NAME_TAKEN")
    await refused(client.roles.create(new_name(), ["nonsense"]), "FIELD_INVALID")
    user = await client.users.create(new_name(), FIRST, role=name)
    assert (user.role, list(user.permissions)) == (name, ["audit:read", "files:own"])
    other = new_name()
    changed = await client.roles.update(role.id, name=other)
    assert (changed.name, list(changed.permissions), changed.user_count) == (other, ["audit:read", "files:own"], 1)
    changed = await client.roles.update(role.id, permissions=["tools:use"], description="Uses tools")
    assert (changed.name, list(changed.permissions), changed.description) == (other, ["tools:use"], "Uses tools")
    await client.roles.delete(role.id)
    (found,) = [each for each in await client.users.list() if each.id == user.id]
    assert found.role == "user"
    await refused(client.roles.update(role.id, name=name), "ROLE_NOT_FOUND")
    await refused(client.roles.delete("builtin-admin"), "FIELD_INVALID")


async def test_teams_of_the_client(client: AsyncClient) -> None:
    name, other = new_name(), new_name()
    team = await client.teams.create(name)
    assert (team.name, team.member_count) == (name, 0)
    assert team in await client.teams.list()
    await refused(client.teams.create(name.upper()), "NAME_TAKEN")
    user = await client.users.create(new_name(), FIRST, team=name)
    assert (await client.teams.rename(team.id, other)).name == other
    assert [each.team for each in await client.users.list() if each.id == user.id] == [other]
    await refused(client.teams.delete(team.id), "FIELD_INVALID")
    await client.users.delete(user.id)
    await client.teams.delete(team.id)
    await refused(client.teams.rename(team.id, name), "TEAM_NOT_FOUND")


async def test_who_may_manage_roles_and_teams(stack: StackUnderTest, client: AsyncClient, admin: SnapOtter) -> None:
    async def of(*permissions: str) -> tuple[str, AsyncClient]:
        role = await client.roles.create(new_name(), permissions)
        _, person = await admin.person(role.name)
        return role.name, AsyncClient(stack.url, person.token)

    _, editor = await admin.person("editor")
    role, keeper = await of("users:manage")
    _, auditor = await of("audit:read")
    _, leader = await of("teams:manage")
    async with AsyncClient(stack.url, editor.token) as nobody, keeper, auditor, leader:
        own, team = await keeper.roles.create(new_name(), ["tools:use"]), await leader.teams.create(new_name())
        assert own.id in [each.id for each in await auditor.roles.list()]
        assert team in await leader.teams.list()
        for caller in (nobody, keeper, leader):
            await refused(caller.roles.list(), "PERMISSION_DENIED")
        for caller in (nobody, auditor, leader):
            await refused(caller.roles.create(new_name(), ["tools:use"]), "PERMISSION_DENIED")
            await refused(caller.roles.update(own.id, name=new_name()), "PERMISSION_DENIED")
            await refused(caller.roles.delete(own.id), "PERMISSION_DENIED")
        for caller in (nobody, keeper, auditor):
            await refused(caller.teams.list(), "PERMISSION_DENIED")
            await refused(caller.teams.create(new_name()), "PERMISSION_DENIED")
            await refused(caller.teams.rename(team.id, new_name()), "PERMISSION_DENIED")
            await refused(caller.teams.delete(team.id), "PERMISSION_DENIED")
        # Nobody gives what is not the giver's own.
        await refused(keeper.users.create(new_name(), FIRST, role="admin"), "ESCALATION_DENIED")
        user = await keeper.users.create(new_name(), FIRST, role=role)
        await refused(keeper.users.update(user.id, role="editor"), "ESCALATION_DENIED")
        # Nor is taken away.
        boss, _ = await admin.person("admin")
        await refused(keeper.users.delete(boss["id"]), "ESCALATION_DENIED")
        await refused(keeper.users.update(boss["id"], role=role), "ESCALATION_DENIED")
        await keeper.users.delete(user.id)
        await keeper.roles.delete(own.id)
        await leader.teams.delete(team.id)


async def test_settings_of_the_client(client: AsyncClient, stack: StackUnderTest, person: SnapOtter) -> None:
    one, two = new_name(), new_name()
    await client.settings.update({one: "1", two: "zwei\n2"})
    assert {setting.name: setting.value for setting in await client.settings.list()}.items() >= {(one, "1"), (two, "zwei\n2")}
    async with AsyncClient(stack.url, person.token) as theirs:
        assert (await theirs.settings.get(two)).value == "zwei\n2"
        with pytest.raises(PermissionDenied):
            await theirs.settings.update({one: "2"})
    await client.settings.update({two: "drei"}, [one, new_name()])
    assert (await client.settings.get(two)).value == "drei"
    await refused(client.settings.get(one), "SETTING_NOT_FOUND")
    await client.settings.update({}, [two])
