"""`darkroom library …`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from darkroom.cli.completion import complete_library
from darkroom.cli.destination import destination
from darkroom.cli.exits import run
from darkroom.cli.options import NARROW, AsJson, Limit, Output, Overwrite, connect, console, print_json, when
from darkroom.cli.uploading import Paths, upload
from darkroom.files.v1 import library_file_pb2
from darkroom.naming import free_path

app = typer.Typer(help="Manage the library of files and their versions.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(metavar="VERSION", help="Id of a version.", autocompletion=complete_library)]
Versions = Annotated[list[str], typer.Argument(metavar="VERSION...", help="Ids of versions.", autocompletion=complete_library)]
_ID_WIDTH = 36


@app.command("ls")
def list_files(
    search: Annotated[str, typer.Option("--search", "-s", metavar="TEXT", help="Only files whose names contain this text.")] = "",
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest version of each file, newest first."""

    async def work() -> None:
        async with connect() as client:
            _print(await client.library.list(limit, search), as_json=as_json)

    run(work(), as_json=as_json)


@app.command("add")
def add(
    path: Paths,
    parent: Annotated[
        str, typer.Option("--parent", metavar="VERSION", help="The version from which they were made.", autocompletion=complete_library)
    ] = "",
    tool: Annotated[str, typer.Option("--tool", metavar="NAME", help="The tool that made them.")] = "",
    as_json: AsJson = False,
) -> None:
    """Upload files, keep them, and print their ids."""

    async def work() -> None:
        async with connect() as client:
            for each in path:
                file = await client.library.add((await upload(client, each, quiet=as_json)).id, parent_id=parent, tool=tool)
                if as_json:
                    print_json(file)
                else:
                    print(f"{file.id}  {file.name}")

    run(work(), as_json=as_json)


@app.command("show")
def show(version: Version, as_json: AsJson = False) -> None:
    """List all versions of a file."""

    async def work() -> None:
        async with connect() as client:
            _print((await client.library.get(version)).versions, as_json=as_json)

    run(work(), as_json=as_json)


@app.command("thumbnail")
def thumbnail(
    version: Version,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The JPEG file to write. Default: thumbnail.jpg.", dir_okay=False)
    ] = Path("thumbnail.jpg"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Download a small picture of a version, a JPEG at most 300 pixels wide, and print its path."""

    async def work() -> None:
        async with connect() as client:
            content = await client.library.thumbnail(version)
        with free_path(output, overwrite=overwrite) as path:
            path.write_bytes(content)
            print(json.dumps({"version_id": version, "path": str(path)}, ensure_ascii=False) if as_json else path)

    run(work(), as_json=as_json)


@app.command("get")
def get(version: Versions, output: Output = ".", overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    """Download versions and print their paths."""

    async def work() -> None:
        chosen = destination(output, len(version))
        async with connect() as client:
            for each in version:
                path = await client.library.download(each, chosen.folder, overwrite=overwrite, name=chosen.name)
                print(json.dumps({"version_id": each, "path": str(path)}, ensure_ascii=False) if as_json else path)

    run(work(), as_json=as_json)


@app.command("rm")
def remove(version: Versions) -> None:
    """Delete files with all their versions."""

    async def work() -> None:
        async with connect() as client:
            await client.library.delete(version)

    run(work())


def _print(files: Iterable[library_file_pb2.LibraryFile], *, as_json: bool) -> None:
    if as_json:
        for file in files:
            print_json(file)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = ["id", "name"] if console.width < NARROW else ["id", "name", "version", "size", "made with", "added"]
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=_ID_WIDTH if name == "id" else None)
    for file in files:
        cells = (file.id, file.name, str(file.version), decimal(file.size_bytes), " ".join(file.tools), when(file.create_time))
        table.add_row(*cells[: len(names)])
    console.print(table)
