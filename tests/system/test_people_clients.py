"""People through the native API: the project's own client, and the terminal."""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient, Client, NotFound, PermissionDenied, Unauthenticated
from tests.stacks import Account, StackUnderTest
from tests.system.shell import Shell
from tests.system.snapotter import PASSWORD, SnapOtter
from tests.system.terminal import typed

FIRST = "First-Password-1"


@pytest.fixture
async def client(stack: StackUnderTest, admin: SnapOtter) -> AsyncIterator[AsyncClient]:
    """The client with the session of the administrator."""
    async with AsyncClient(stack.url, admin.token) as client:
        yield client


@pytest.fixture
def shell(stack: StackUnderTest, tmp_path: Path) -> Shell:
    """A terminal where nobody has signed in, and no key is set."""
    return Shell(stack, Account("", ""), tmp_path)


@pytest.fixture
def admins(stack: StackUnderTest, admin: SnapOtter, tmp_path: Path) -> Shell:
    """A terminal with the token of the administrator where a key would be."""
    return Shell(stack, Account("", admin.token), tmp_path)


def new_name() -> str:
    return f"name-{secrets.token_hex(6)}"


async def refused(call: Awaitable[object], reason: str) -> None:
    with pytest.raises(ApiError) as caught:
        await call
    assert caught.value.reason == reason


# The client


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
            assert await program.list_files(1) == []
        assert [each.id for each in await client.user_keys.list()] == [key.id]
        await client.user_keys.delete(key.id)
        await refused(client.user_keys.delete(key.id), "API_KEY_NOT_FOUND")


def test_the_blocking_client_has_them_too(stack: StackUnderTest) -> None:
    with Client(stack.url, "") as nobody:
        with pytest.raises(Unauthenticated):
            nobody.sessions.create("nobody", FIRST)
        with pytest.raises(Unauthenticated):
            nobody.users.list()
        with pytest.raises(Unauthenticated):
            nobody.user_keys.list()


# The terminal


async def signed_in(shell: Shell, name: str, password: str, *options: str) -> tuple[int, str, str]:
    process = await shell.start("login", name, "--password-stdin", *options, stdin=f"{password}\n".encode())
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_first_hour_of_a_new_user(shell: Shell, admins: Shell, stack: StackUnderTest) -> None:
    name = new_name()
    status, out, err = await admins.run("user", "add", name, "--role", "editor", "--generate", "--json")
    assert status == 0, err
    first = json.loads(out)["password"]

    status, shown = await typed(
        ["login"],
        [
            ("User: ", name),
            (": ", first),
            ("New password: ", "weak"),
            ("again: ", "weak"),
            ("New password: ", PASSWORD),
            ("again: ", PASSWORD),
        ],
        shell.folder,
        shell.environment,
    )
    assert status == 0, shown
    assert "at least 8 characters" in " ".join(shown.split())
    assert "The password is changed" in shown
    assert not any(password in shown for password in (first, PASSWORD))
    (file,) = shell.folder.rglob("session.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(password in file.read_text() for password in (first, PASSWORD))

    status, out, err = await shell.run("whoami", "--json")
    told = json.loads(out)
    assert (told["url"], told["user"]["name"], told["user"]["role"]) == (stack.url, name, "editor")
    assert name in (await shell.run("whoami"))[1]
    assert (await shell.run("task", "ls", "--json"))[::2] == (0, "")
    status, _, err = await shell.run("user", "ls")
    assert status == 4
    assert "darkroom whoami" in err

    assert (await shell.run("logout"))[0] == 0
    assert not file.exists()
    status, _, err = await shell.run("whoami")
    assert (status, "API key" in err) == (3, True)


async def test_a_session_that_was_ended(shell: Shell, admins: Shell) -> None:
    name = new_name()
    await admins.run("user", "add", name, "--generate")
    first = json.loads((await admins.run("user", "reset-password", name, "--generate", "--json"))[1])["password"]
    status, _, err = await signed_in(shell, name, first)
    assert status == 0
    assert "darkroom password" in err
    status, out, err = await admins.run("user", "rm", name)
    assert (status, out) == (0, ""), err
    for arguments in (["whoami"], ["task", "ls"], ["user-key", "ls"]):
        status, _, err = await shell.run(*arguments)
        assert status == 4, err
        assert f"no longer signed in to {shell.url} as {name}" in err
        assert "Sign in again" in err
    failure = json.loads((await shell.run("task", "ls", "--json"))[2])
    assert (failure["reason"], "no longer signed in" in failure["error"]) == ("API_KEY_INVALID", True)
    assert (await shell.run("logout"))[0] == 0


async def test_refused_sign_ins(shell: Shell) -> None:
    status, out, err = await signed_in(shell, "nobody", "Wrong-Password-1")
    assert (status, out, "Invalid credentials" in err) == (4, "", True)
    status, out, err = await signed_in(shell, "nobody", "Wrong-Password-1", "--json")
    assert (status, json.loads(err)["reason"]) == (4, "CREDENTIALS_INVALID")
    status, out, err = await signed_in(shell, "nobody", "")
    assert (status, "no password" in err) == (2, True)
    status, _, err = await signed_in(shell, "nobody", "Wrong-Password-1", "--url", "http://127.0.0.1:1")
    assert (status, "cannot be reached" in err) == (3, True)
    assert not list(shell.folder.rglob("session.json"))


async def test_a_key_takes_the_place_of_the_session(shell: Shell, admins: Shell, account: Account) -> None:
    name = new_name()
    password = json.loads((await admins.run("user", "add", name, "-g", "--json"))[1])["password"]
    process = await shell.start("login", name, "--password-stdin", stdin=password.encode(), DARKROOM_API_KEY=account.api_key)
    _, err = await process.communicate()
    assert b"DARKROOM_API_KEY is set" in err
    told = json.loads((await shell.run("whoami", "--json", DARKROOM_API_KEY=account.api_key))[1])
    assert (told["account"]["id"], told["user"]) == (account.id, None)
    assert json.loads((await shell.run("whoami", "--json"))[1])["user"]["name"] == name


async def test_changing_the_password_in_a_script(shell: Shell, admins: Shell) -> None:
    name = new_name()
    password = json.loads((await admins.run("user", "add", name, "-g", "--json"))[1])["password"]
    await signed_in(shell, name, password)

    async def changed(current: str, new: str) -> tuple[int | None, str]:
        process = await shell.start("password", "--password-stdin", stdin=f"{current}\n{new}\n".encode())
        _, err = await process.communicate()
        return process.returncode, err.decode()

    assert (await changed("Wrong-Password-1", PASSWORD))[0] == 4
    assert (await changed(password, "weak"))[0] == 1
    assert (await changed(password, ""))[0] == 2
    assert (await changed(password, PASSWORD))[0] == 0
    assert (await signed_in(shell, name, password))[0] == 4
    assert (await signed_in(shell, name, PASSWORD))[0] == 0


async def test_users_of_the_command(admins: Shell) -> None:
    name = new_name()
    status, out, err = await admins.run("user", "add", name, "--generate")
    assert status == 0, err
    assert out.count("password") == 1
    assert name in (await admins.run("user", "ls"))[1]
    status, out, err = await admins.run("user", "update", name, "--role", "editor", "--json")
    assert (status, json.loads(out)["user"]["role"]) == (0, "editor"), err
    (user,) = [user for user in map(json.loads, (await admins.run("user", "ls", "--json"))[1].splitlines()) if user["name"] == name]
    assert (user["role"], user["must_change_password"]) == ("editor", True)
    status, _, err = await admins.run("user", "add", name, "-g")
    assert (status, "already exists" in err) == (1, True)
    assert (await admins.run("user", "update", name))[0] == 2
    assert (await admins.run("user", "add", new_name()))[0] == 2
    # Nobody is removed if one of them does not exist.
    status, _, err = await admins.run("user", "rm", user["id"], "nobody")
    assert (status, "There is no user nobody" in err) == (1, True)
    assert name in (await admins.run("user", "ls"))[1]
    assert (await admins.run("user", "rm", user["id"]))[:2] == (0, "")
    for arguments in (["rm", name], ["update", name, "--role", "user"], ["reset-password", name, "-g"]):
        status, _, err = await admins.run("user", *arguments)
        assert (status, "darkroom user ls" in err) == (1, True)


async def test_keys_of_people_of_the_command(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    shell = Shell(stack, Account("", person.token), tmp_path)
    status, out, err = await shell.run("user-key", "create", "ci", "-p", "tools:use", "--expires", "1h", "--json")
    assert status == 0, err
    created = json.loads(out)
    assert created["user_key"]["permissions"] == ["tools:use"]
    assert (await shell.run("file", "ls", DARKROOM_API_KEY=created["secret"]))[0] == 0
    assert "si_" in (await shell.run("user-key", "create", "more"))[1]
    assert "ci" in (await shell.run("user-key", "ls"))[1]
    status, _, err = await shell.run("user-key", "create", "admin", "-p", "users:manage")
    assert (status, "users:manage" in err) == (1, True)
    assert (await shell.run("user-key", "rm", created["user_key"]["id"]))[:2] == (0, "")
    status, _, err = await shell.run("user-key", "rm", created["user_key"]["id"])
    assert (status, "darkroom user-key ls" in err) == (1, True)


# Settings and pipelines


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


async def test_settings_of_the_command(admins: Shell) -> None:
    name = new_name()
    assert (await admins.run("setting", "set", name, "a [b] c"))[:2] == (0, "")
    assert (await admins.run("setting", "get", name))[:2] == (0, "a [b] c\n")
    assert json.loads((await admins.run("setting", "get", name, "--json"))[1])["value"] == "a [b] c"
    assert "a [b] c" in (await admins.run("setting", "ls"))[1]
    assert name in [json.loads(line)["name"] for line in (await admins.run("setting", "ls", "--json"))[1].splitlines()]
    assert (await admins.run("setting", "rm", name, new_name()))[:2] == (0, "")
    status, _, err = await admins.run("setting", "get", name)
    assert (status, "darkroom setting ls" in err) == (1, True)


async def test_pipelines_of_the_client(stack: StackUnderTest, person: SnapOtter) -> None:
    async with AsyncClient(stack.url, person.token) as client:
        steps = [("resize", {"width": 640, "deep": {"list": [1, None, "x"]}}), ("compress", {})]
        saved = [await client.pipelines.create("web", steps, "For the web", idempotency_key="mine") for _ in range(2)]
        assert saved[0] == saved[1]
        assert (saved[0].name, saved[0].description, [step.tool_id for step in saved[0].steps]) == (
            "web",
            "For the web",
            ["resize", "compress"],
        )
        assert saved[0].steps[0].settings["deep"]["list"][2] == "x"
        assert await client.pipelines.get(saved[0].id) == saved[0]
        assert [pipeline.id async for pipeline in client.pipelines.iterate()] == [saved[0].id]
        await refused(client.pipelines.create("empty", []), "FIELD_INVALID")
        await client.pipelines.delete(saved[0].id)
        assert await client.pipelines.list() == []
        await refused(client.pipelines.get(saved[0].id), "PIPELINE_NOT_FOUND")


async def test_pipelines_of_the_command(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    shell = Shell(stack, Account("", person.token), tmp_path)
    status, out, err = await shell.run("pipeline", "save", "web", 'resize={"width": 640}', "compress", "--json")
    assert status == 0, err
    saved = json.loads(out)
    assert [(step["tool_id"], step.get("settings")) for step in saved["steps"]] == [("resize", {"width": 640}), ("compress", {})]
    assert 'resize {"width": 640}' in (await shell.run("pipeline", "show", saved["id"]))[1]
    assert saved["id"] in (await shell.run("pipeline", "ls"))[1]
    for step in ("", "resize={", "resize=[]", '={"width": 1}'):
        status, _, err = await shell.run("pipeline", "save", "web", step)
        assert (status, "must be a tool" in " ".join(err.split())) == (2, True), err
    assert (await shell.run("pipeline", "rm", saved["id"]))[:2] == (0, "")
    status, _, err = await shell.run("pipeline", "show", saved["id"])
    assert (status, "darkroom pipeline ls" in err) == (1, True)
