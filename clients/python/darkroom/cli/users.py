"""`darkroom user …`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import user_pb2
from darkroom.cli import passwords
from darkroom.cli.by_name import find
from darkroom.cli.completion import complete_roles, complete_teams, complete_users
from darkroom.cli.exits import run, usage
from darkroom.cli.keys import lifetime
from darkroom.cli.options import AsJson, connect, console, plain, print_json, when
from darkroom.failures import NotFound

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

app = typer.Typer(help="Manage the people who sign in.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="Name or id of a user.", autocompletion=complete_users)]
Users = Annotated[list[str], typer.Argument(metavar="USER...", help="Names or ids of users.", autocompletion=complete_users)]
Role = Annotated[
    str | None,
    typer.Option("--role", "-r", metavar="ROLE", help="The role: admin, editor, user, or one of your own.", autocompletion=complete_roles),
]
Team = Annotated[str | None, typer.Option("--team", "-t", metavar="TEAM", help="Name or id of the team.", autocompletion=complete_teams)]
Expires = Annotated[
    timedelta | None,
    typer.Option(
        "--expires", "-e", parser=lifetime, metavar="TIME", help="How long the link is valid, such as 12h, at most 7d. Default: 3d."
    ),
]

# Terminal width from which the list shows the ids.
_WIDE = 110


@app.command("ls")
def list_users(as_json: AsJson = False) -> None:
    """List users, oldest first."""

    async def work() -> None:
        async with connect() as client:
            users = await client.users.list()
        if as_json:
            for user in users:
                print_json(user)
            return
        names = ["name", "role", "team", "added", "password"] + (["id"] if console.width >= _WIDE else [])
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        # Other commands take the name.
        table.columns[0].overflow = "fold"
        table.columns[3].no_wrap = True
        for user in users:
            state = "to be changed" if user.must_change_password else "set"
            table.add_row(*(user.name, user.role, user.team, when(user.create_time), state, user.id)[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with: 3 to 50 letters, digits, _ . and -.")],
    role: Role = None,
    team: Team = None,
    password_stdin: passwords.FromStdin = False,
    generate: passwords.Generate = False,
    as_json: AsJson = False,
) -> None:
    """Add a user, who has to change the password at the first sign-in."""
    password = passwords.new_one(stdin=password_stdin, generate=generate)

    async def work() -> None:
        async with connect() as client:
            user = await client.users.create(name, password, role=role, team=team)
        _print(user, password if generate else None, as_json=as_json)
        _check_role(user, role)

    run(work(), as_json=as_json)


@app.command("invite")
def invite(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with: 3 to 50 letters, digits, _ . and -.")],
    role: Role = None,
    team: Team = None,
    expires: Expires = None,
    as_json: AsJson = False,
) -> None:
    """Add a user without a password, and print a link that signs in once, for the user to set one."""

    async def work() -> None:
        async with connect() as client:
            user, link = await client.users.invite(name, role=role, team=team, validity=expires)
            url = _absolute(client, link.url)
        _print(user, None, url=url, as_json=as_json)
        _check_role(user, role)

    run(work(), as_json=as_json)


@app.command("link")
def link(user: User, expires: Expires = None, as_json: AsJson = False) -> None:
    """Print a link that signs a user in once, for somebody who was invited or has lost the password."""

    async def work() -> None:
        async with connect() as client:
            one = await _named(client, user)
            url = _absolute(client, (await client.users.create_sign_in_link(one.id, validity=expires)).url)
        _print(one, None, url=url, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("update")
def update(user: User, role: Role = None, team: Team = None, as_json: AsJson = False) -> None:
    """Change the role or the team of a user, in effect at once."""
    if role is None and team is None:
        raise usage("nothing to change: use --role or --team")

    async def work() -> None:
        async with connect() as client:
            changed = await client.users.update((await _named(client, user)).id, role=role, team=team)
        _print(changed, None, as_json=as_json)
        _check_role(changed, role)

    run(work(), as_json=as_json)


@app.command("reset-password")
def reset_password(
    user: User, password_stdin: passwords.FromStdin = False, generate: passwords.Generate = False, as_json: AsJson = False
) -> None:
    """Set the password of a user, who has to change it at the next sign-in. All sessions and API keys of the user end."""
    password = passwords.new_one(stdin=password_stdin, generate=generate)

    async def work() -> None:
        async with connect() as client:
            one = await _named(client, user)
            await client.users.reset_password(one.id, password)
        if generate or as_json:
            _print(one, password if generate else None, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(user: Users) -> None:
    """Remove users, and end all their sessions and API keys."""

    async def work() -> None:
        async with connect() as client:
            users = await client.users.list()
            for each in [find(users, given, "user") for given in user]:
                await client.users.delete(each.id)

    run(work())


async def _named(client: AsyncClient, given: str) -> user_pb2.User:
    return find(await client.users.list(), given, "user")


def _check_role(user: user_pb2.User, wanted: str | None) -> None:
    """The server passes over a role that does not exist."""
    if wanted is not None and user.role != wanted:
        raise NotFound("ROLE_NOT_FOUND", f"Role {wanted} does not exist: {user.name} has the role {user.role}.")


def _absolute(client: AsyncClient, url: str) -> str:
    """A link at the server's own address, where the operator has not said another."""
    return f"{client.server.url.rstrip('/')}{url}" if url.startswith("/") else url


def _print(user: user_pb2.User, password: str | None, *, url: str | None = None, as_json: bool) -> None:
    secrets = {name: value for name, value in {"password": password, "sign_in_link": url}.items() if value is not None}
    if as_json:
        print(json.dumps({"user": plain(user), **secrets}, ensure_ascii=False))
        return
    table = Table.grid(padding=(0, 2))
    for row in {"user": user.name, "id": user.id, "role": user.role, "team": user.team}.items():
        table.add_row(*row)
    if password is not None:
        table.add_row("password", password)
    console.print(table)
    if url is not None:
        # Longer than most terminals are wide.
        print(f"link  {url}")
