"""People, roles, teams and settings in the terminal, as a new user and an administrator see them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.stacks import Account, StackUnderTest
from tests.system.shell import Shell
from tests.system.snapotter import PASSWORD, SnapOtter, new_name
from tests.system.terminal import typed


@pytest.fixture
def shell(stack: StackUnderTest, tmp_path: Path) -> Shell:
    """A terminal where nobody has signed in, and no key is set."""
    return Shell(stack, Account("", ""), tmp_path)


@pytest.fixture
def admins(stack: StackUnderTest, admin: SnapOtter, tmp_path: Path) -> Shell:
    """A terminal with the token of the administrator where a key would be."""
    return Shell(stack, Account("", admin.token), tmp_path)


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
    assert "The password has been changed" in shown
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


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
async def test_roles_of_the_command(admins: Shell) -> None:
    name, user = new_name(), new_name()
    status, out, err = await admins.run("role", "add", name, "-p", "tools:use", "-p", "files:own", "--json")
    assert (status, json.loads(out)["permissions"]) == (0, ["files:own", "tools:use"]), err
    assert (await admins.run("user", "add", user, "--role", name, "-g"))[0] == 0
    status, out, err = await admins.run("role", "update", name, "-p", "tools:use", "-d", "Uses [b]tools[/b]")
    assert (status, "Uses [b]tools[/b]" in out) == (0, True), err
    (role,) = [role for role in map(json.loads, (await admins.run("role", "ls", "--json"))[1].splitlines()) if role["name"] == name]
    assert (role["permissions"], role["user_count"]) == (["tools:use"], 1)
    assert name in (await admins.run("role", "ls"))[1]
    assert (await admins.run("role", "add", new_name()))[0] == 2
    assert (await admins.run("role", "update", name))[0] == 2
    # Nothing is removed if one of them does not exist.
    assert (await admins.run("role", "rm", name, "nonsense"))[0] == 1
    assert (await admins.run("role", "rm", name))[:2] == (0, "")
    status, _, err = await admins.run("role", "rm", name)
    assert (status, "darkroom role ls" in err) == (1, True)
    status, out, err = await admins.run("user", "update", user, "--role", name, "--json")
    assert (status, json.loads(out)["user"]["role"], json.loads(err)["reason"]) == (1, "user", "ROLE_NOT_FOUND")


@pytest.mark.thorough
async def test_teams_of_the_command(admins: Shell) -> None:
    name, other, user = new_name(), new_name(), new_name()
    assert (await admins.run("team", "add", name))[0] == 0
    assert (await admins.run("user", "add", user, "--team", name, "-g"))[0] == 0
    status, out, err = await admins.run("team", "rename", name, other, "--json")
    assert (status, json.loads(out)["member_count"]) == (0, 1), err
    status, _, err = await admins.run("team", "rm", other)
    assert (status, "has members" in err) == (1, True)
    assert (await admins.run("user", "update", user, "--team", "Default"))[0] == 0
    assert other in (await admins.run("team", "ls"))[1]
    assert (await admins.run("team", "rm", other))[:2] == (0, "")
    status, _, err = await admins.run("team", "rm", other)
    assert (status, "darkroom team ls" in err) == (1, True)


@pytest.mark.thorough
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
