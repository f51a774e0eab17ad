"""`darkroom team …`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from darkroom.accounts.v1 import teams_service_pb2
from darkroom.cli.by_name import find
from darkroom.cli.completion import complete_teams
from darkroom.cli.exits import run
from darkroom.cli.options import AsJson, connect, console, print_json, when

app = typer.Typer(help="Manage teams of people.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name, 1 to 50 characters.")]


@app.command("ls")
def list_teams(as_json: AsJson = False) -> None:
    """List teams, oldest first."""

    async def work() -> None:
        async with connect() as client:
            _print(await client.teams.list(), as_json=as_json)

    run(work(), as_json=as_json)


@app.command("add")
def add(name: Name, as_json: AsJson = False) -> None:
    """Add a team."""

    async def work() -> None:
        async with connect() as client:
            _print([await client.teams.create(name)], as_json=as_json)

    run(work(), as_json=as_json)


@app.command("rename")
def rename(
    team: Annotated[str, typer.Argument(metavar="TEAM", help="Name or id of a team.", autocompletion=complete_teams)],
    name: Name,
    as_json: AsJson = False,
) -> None:
    """Give a team another name, which its people have at once."""

    async def work() -> None:
        async with connect() as client:
            one = find(await client.teams.list(), team, "team")
            _print([await client.teams.rename(one.id, name)], as_json=as_json)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(
    team: Annotated[list[str], typer.Argument(metavar="TEAM...", help="Names or ids of teams.", autocompletion=complete_teams)],
) -> None:
    """Remove teams that nobody belongs to."""

    async def work() -> None:
        async with connect() as client:
            teams = await client.teams.list()
            for each in [find(teams, given, "team") for given in team]:
                await client.teams.delete(each.id)

    run(work())


def _print(teams: Iterable[teams_service_pb2.Team], *, as_json: bool) -> None:
    if as_json:
        for team in teams:
            print_json(team)
        return
    table = Table("name", "people", "added", box=None, header_style="bold", pad_edge=False)
    # Other commands take the name.
    table.columns[0].overflow, table.columns[1].justify, table.columns[2].no_wrap = "fold", "right", True
    for team in teams:
        table.add_row(team.name, str(team.member_count), when(team.create_time))
    console.print(table)
