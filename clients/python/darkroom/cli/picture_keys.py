"""`darkroom picture-key …`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from darkroom.cli.choice import server
from darkroom.cli.exits import run
from darkroom.cli.keys import lifetime
from darkroom.cli.options import ID_WIDTH, AsJson, connect, console, plain, print_json, when

app = typer.Typer(help="Manage keys that sign URLs of pictures, and sign URLs.", no_args_is_help=True)

_VARIABLE = "DARKROOM_PICTURE_KEY"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that describes its purpose, up to 100 characters.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            metavar="URL",
            help="An origin of which URLs may name pictures, such as https://cdn.example.com/photos/; may be repeated. Files of the "
            "account are always allowed.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and print its secret, which is not shown again."""

    async def work() -> None:
        async with connect() as client:
            key, secret = await client.picture_keys.create(name, origin or ())
        if as_json:
            print(json.dumps({"key": plain(key), "secret": secret}, ensure_ascii=False))
            return
        table = Table.grid(padding=(0, 2))
        table.add_row("key", str(key.id))
        table.add_row("origins", ", ".join(key.origins) or "none: files of the account only")
        table.add_row("secret", secret)
        table.add_row(_VARIABLE, f"{key.id}.{secret}")
        console.print(table, soft_wrap=True)

    run(work(), as_json=as_json)


@app.command("ls")
def list_keys(as_json: AsJson = False) -> None:
    """List keys, oldest first."""

    async def work() -> None:
        async with connect() as client:
            keys = await client.picture_keys.list()
        if as_json:
            for key in keys:
                print_json(key)
            return
        table = Table("key", "name", "origins", "created", box=None, header_style="bold", pad_edge=False)
        table.columns[0].min_width = ID_WIDTH
        table.columns[2].overflow = "fold"
        for key in keys:
            table.add_row(str(key.id), key.name, ", ".join(key.origins), when(key.create_time))
        console.print(table)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(key: Annotated[int, typer.Argument(metavar="KEY", help="Key id.", min=1)]) -> None:
    """Delete a key. The URLs that it signed stop working within 10 seconds."""

    async def work() -> None:
        async with connect() as client:
            await client.picture_keys.delete(key)

    run(work())


@app.command("sign")
def sign(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Id of a file, or the URL of a picture of an origin that the key allows.")
    ],
    operations: Annotated[
        str,
        typer.Argument(metavar="OPERATIONS", help="Such as resize:width=800;format=webp, or - for none; see docs/how-to/picture-urls.md."),
    ] = "-",
    expires: Annotated[
        timedelta | None,
        typer.Option("--expires", "-e", parser=lifetime, metavar="TIME", help="Lifetime, such as 12h or 90d. Default: none."),
    ] = None,
    key: Annotated[str, typer.Option("--key", metavar="KEY.SECRET", help="The key and its secret.", envvar=_VARIABLE)] = "",
) -> None:
    """Sign the URL of a picture and print it. No server is asked."""
    from darkroom.picture_urls import PictureUrls

    key_id, _, secret = key.partition(".")
    if not key_id.isdecimal() or not secret:
        raise typer.BadParameter(
            f"must be KEY.SECRET, as `darkroom picture-key create` prints it, here or in {_VARIABLE}", param_hint="--key"
        )
    try:
        print(PictureUrls(server().url, int(key_id), secret).url(source, operations, expires=expires))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
