"""`darkroom login`, `logout`, `whoami` and `password`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.table import Table

from darkroom.accounts.v1 import sessions_service_pb2, user_pb2
from darkroom.cli import choice, passwords
from darkroom.cli.exits import INTERRUPTED, UNREACHABLE, errors, run, run_or_exit, tell, usage
from darkroom.cli.options import AsJson, connect, console, plain, when
from darkroom.cli.saved_session import SavedSession
from darkroom.connection import KEY_VARIABLE, Server
from darkroom.failures import ConnectionFailed, DarkroomFailure, InvalidRequest, Unauthenticated


def login(
    user: Annotated[str | None, typer.Argument(metavar="[USER]", help="The user name. Default: the command asks for it.")] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", "--server", metavar="URL", help="The server. Default: as for all commands, or that of the last sign-in."),
    ] = None,
    password_stdin: passwords.FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Sign in. Later commands act for you, until you sign out or the session ends."""
    if url:
        choice.chosen.set(choice.ServerChoice(url))
    server = choice.server_to_sign_in_to()
    name = user or _asked_name()
    password = passwords.line() if password_stdin else passwords.ask(f"password of {name} at {server.url}")
    session = run_or_exit(_signed_in(server, name, password), as_json=as_json)
    SavedSession(server.url, session.user.name, session.token).save()
    if as_json:
        print(json.dumps({"url": server.url, "user": plain(session.user), "expire_time": plain(session)["expire_time"]}))
    else:
        errors.print(f"Signed in to {server.url} as {session.user.name} ({session.user.role}), until {when(session.expire_time)}.")
    if choice.session_in_use() is None:
        tell(f"{KEY_VARIABLE} is set: commands use that key instead of this session until you unset it.")
    if session.user.must_change_password:
        _must_change(server, session, password, ask=sys.stdin.isatty() and not (password_stdin or as_json))


def logout() -> None:
    """Sign out: end the session of `darkroom login`, and forget it."""
    session = SavedSession.load()
    if session is None:
        errors.print("You are not signed in.")
        return

    async def work() -> int:
        try:
            async with connect(Server(session.url, session.token)) as client:
                await client.sessions.delete()
        except ConnectionFailed as failure:
            tell(f"The session was removed here, but is still valid at {session.url}: {failure}")
            return UNREACHABLE
        finally:
            SavedSession.forget()
        errors.print(f"Signed out of {session.url}.")
        return 0

    run(work())


def whoami(as_json: AsJson = False) -> None:
    """Show who is signed in, or which account the key is of, and what that permits."""

    async def work() -> None:
        server = choice.server()
        shown: dict[str, Any] = {"url": server.url, "user": None, "expire_time": None, "account": None, "scopes": None}
        async with connect() as client:
            try:
                session = await client.sessions.get()
            except Unauthenticated:
                # A key, or nothing that the server knows.
                account, scopes = await client.account(), await client.scopes()
                shown |= {"account": plain(account), "scopes": scopes}
                rows = {"account": f"{account.name} ({account.id})", "scopes": ", ".join(scopes) or "all"}
            else:
                shown |= {"user": plain(session.user), "expire_time": plain(session)["expire_time"]}
                rows = _rows(session.user) | {"until": when(session.expire_time)}
        if as_json:
            print(json.dumps(shown, ensure_ascii=False))
            return
        table = Table.grid(padding=(0, 2))
        for row in (rows | {"server": server.url}).items():
            table.add_row(*row)
        console.print(table)

    run(work(), as_json=as_json)


def password(
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the current password and the new one from standard input, one per line.")
    ] = False,
) -> None:
    """Change your password. All your other sessions and all your API keys end."""
    if password_stdin:
        run_or_exit(_change(choice.server(), passwords.line("current password"), passwords.line("new password")))
    else:
        _asked_and_changed(choice.server(), passwords.ask("current password"))


def _asked_name() -> str:
    if not sys.stdin.isatty():
        raise usage("USER is missing: the user name")
    try:
        name: str = typer.prompt("User", err=True)
    except typer.Abort:
        raise typer.Exit(INTERRUPTED) from None
    return name


async def _signed_in(server: Server, name: str, password: str) -> sessions_service_pb2.CreateSessionResponse:
    before = SavedSession.load()
    async with connect(Server(server.url, "")) as client:
        session = await client.sessions.create(name, password)
        if before is not None and before.url == server.url:
            with suppress(DarkroomFailure):
                await client.sessions.delete(before.token)
    return session


def _must_change(server: Server, session: sessions_service_pb2.CreateSessionResponse, password: str, *, ask: bool) -> None:
    errors.print("This password has to be changed before you can do anything else.")
    if not ask:
        errors.print("Change it with `darkroom password`.")
        return
    _asked_and_changed(Server(server.url, session.token), password)


def _asked_and_changed(server: Server, current: str) -> None:
    """Ask for a new password until the server takes one."""

    async def work() -> bool:
        try:
            await _change(server, current, new)
        except InvalidRequest as refused:
            tell(str(refused))
            return False
        return True

    new = passwords.asked_twice()
    while not run_or_exit(work()):
        new = passwords.asked_twice()


async def _change(server: Server, current: str, new: str) -> None:
    async with connect(server) as client:
        await client.sessions.change_password(current, new)
    errors.print("The password has been changed. All your other sessions and API keys have ended.")


def _rows(user: user_pb2.User) -> dict[str, str]:
    rows = {"user": f"{user.name} ({user.id})", "role": user.role, "team": user.team, "may": ", ".join(user.permissions)}
    return rows | ({"password": "has to be changed: `darkroom password`"} if user.must_change_password else {})
