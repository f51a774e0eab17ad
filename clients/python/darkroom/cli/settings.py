"""`darkroom setting …`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from darkroom.cli.completion import complete_settings
from darkroom.cli.exits import run
from darkroom.cli.options import NARROW, AsJson, connect, console, print_json, when

app = typer.Typer(help="Manage the settings for everybody.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a setting.", autocompletion=complete_settings)]


@app.command("ls")
def list_settings(as_json: AsJson = False) -> None:
    """List all settings, by name."""

    async def work() -> None:
        async with connect() as client:
            settings = await client.settings.list()
        if as_json:
            for setting in settings:
                print_json(setting)
            return
        names = ["name", "value"] if console.width < NARROW else ["name", "value", "set"]
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in names:
            table.add_column(name, overflow="fold" if name == "name" else "ellipsis", no_wrap=name != "name")
        for setting in settings:
            table.add_row(*(setting.name, " ".join(setting.value.split()), when(setting.update_time))[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("get")
def get(name: Name, as_json: AsJson = False) -> None:
    """Print the value of a setting."""

    async def work() -> None:
        async with connect() as client:
            setting = await client.settings.get(name)
        if as_json:
            print_json(setting)
        else:
            print(setting.value)

    run(work(), as_json=as_json)


@app.command("set")
def put(name: Name, value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")]) -> None:
    """Set a setting, whatever its name."""

    async def work() -> None:
        async with connect() as client:
            await client.settings.update({name: value})

    run(work())


@app.command("rm")
def remove(
    name: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of settings.", autocompletion=complete_settings)],
) -> None:
    """Remove settings. Those that do not exist are passed over."""

    async def work() -> None:
        async with connect() as client:
            await client.settings.update({}, name)

    run(work())
