"""`darkroom role …`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import roles_service_pb2
from darkroom.cli.by_name import find
from darkroom.cli.completion import complete_roles
from darkroom.cli.exits import run, usage
from darkroom.cli.options import NARROW, AsJson, connect, console, print_json

app = typer.Typer(help="Manage roles, the sets of permissions of people.", no_args_is_help=True)

Role = Annotated[str, typer.Argument(metavar="ROLE", help="Name or id of a role.", autocompletion=complete_roles)]
Description = Annotated[str | None, typer.Option("--description", "-d", metavar="TEXT", help="Description.")]
Permissions = Annotated[
    list[str] | None,
    typer.Option("--permission", "-p", metavar="NAME", help="A permission, such as tools:use; may be repeated. The role has no others."),
]


@app.command("ls")
def list_roles(as_json: AsJson = False) -> None:
    """List roles with what they permit: those that every account has, and then your own."""

    async def work() -> None:
        async with connect() as client:
            roles = await client.roles.list()
        if as_json:
            for role in roles:
                print_json(role)
            return
        names = ["name", "people"] if console.width < NARROW else ["name", "people", "may"]
        table = Table(*names, box=None, header_style="bold", pad_edge=False)
        table.columns[0].no_wrap, table.columns[1].justify = True, "right"
        for role in roles:
            table.add_row(*(role.name, str(role.user_count), ", ".join(role.permissions))[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name: 2 to 30 of a to z, 0 to 9, _ and -.")],
    permission: Permissions = None,
    description: Description = None,
    as_json: AsJson = False,
) -> None:
    """Add a role."""
    if not permission:
        raise usage("a role needs at least one permission: use --permission")

    async def work() -> None:
        async with connect() as client:
            _print(await client.roles.create(name, permission, description or ""), as_json=as_json)

    run(work(), as_json=as_json)


@app.command("update")
def update(
    role: Role,
    name: Annotated[str | None, typer.Option("--name", "-n", metavar="NAME", help="The new name; people keep the role.")] = None,
    permission: Permissions = None,
    description: Description = None,
    as_json: AsJson = False,
) -> None:
    """Change a role of your own, in effect at once."""
    if name is None and permission is None and description is None:
        raise usage("nothing to change: use --name, --permission or --description")

    async def work() -> None:
        async with connect() as client:
            one = find(await client.roles.list(), role, "role")
            changed = await client.roles.update(one.id, name=name, description=description, permissions=permission)
        _print(changed, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(
    role: Annotated[list[str], typer.Argument(metavar="ROLE...", help="Names or ids of roles.", autocompletion=complete_roles)],
) -> None:
    """Remove roles of your own. Those who had them have the role user from now on."""

    async def work() -> None:
        async with connect() as client:
            roles = await client.roles.list()
            for each in [find(roles, given, "role") for given in role]:
                await client.roles.delete(each.id)

    run(work())


def _print(role: roles_service_pb2.Role, *, as_json: bool) -> None:
    if as_json:
        print_json(role)
        return
    table = Table.grid(padding=(0, 2))
    for row in {"role": role.name, "id": role.id, "for": role.description, "may": ", ".join(role.permissions)}.items():
        table.add_row(*row)
    console.print(table)
