"""`darkroom file …`."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from darkroom.cli.destination import Destination, destination
from darkroom.cli.exits import run, usage
from darkroom.cli.options import ID_WIDTH, NARROW, AsJson, FileIds, Limit, Output, Overwrite, connect, console, print_json
from darkroom.cli.standard_output import STDOUT, copy_out, refuse_terminal
from darkroom.cli.uploading import Paths, upload
from darkroom.files.v1 import file_pb2

app = typer.Typer(help="Manage files.", no_args_is_help=True)


@app.command("ls")
def list_files(
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List files, newest first."""

    async def work() -> None:
        async with connect() as client:
            files = await client.list_files(limit)
        if as_json:
            for file in files:
                print_json(file)
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        names = ["file", "name"] if console.width < NARROW else ["file", "name", "state", "size", "content", "expires"]
        for name in names:
            # In a narrow terminal the name is truncated, but never the id.
            table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=ID_WIDTH if name == "file" else None)
        for file in files:
            state = file_pb2.FileState.Name(file.state).removeprefix("FILE_STATE_").lower()
            expires = (
                file.expire_time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M") if file.HasField("expire_time") else "never"
            )
            cells = (str(file.id), file.name, state, decimal(file.size_bytes), _content(file), expires)
            table.add_row(*cells[: len(names)])
        console.print(table)

    run(work(), as_json=as_json)


@app.command("get")
def get(file: FileIds, output: Output = ".", overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    """Download files and print their paths. With --output -, write one file to standard output."""
    to_stdout = output == STDOUT
    if to_stdout:
        if as_json:
            raise usage("--output - cannot be combined with --json")
        refuse_terminal()

    async def work() -> None:
        with tempfile.TemporaryDirectory(prefix="darkroom-") as temporary:
            chosen = Destination(Path(temporary)) if to_stdout else destination(output, len(file))
            async with connect() as client:
                paths = await client.download(file, chosen.folder, overwrite=overwrite, name=chosen.name)
            if to_stdout:
                copy_out(paths)
            for file_id, path in () if to_stdout else zip(file, paths, strict=True):
                print(json.dumps({"file_id": str(file_id), "path": str(path)}, ensure_ascii=False) if as_json else path)

    run(work(), as_json=as_json)


@app.command("put")
def put(
    path: Paths,
    permanent: Annotated[bool, typer.Option("--permanent", help="Keep the files until they are deleted. Otherwise they expire.")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload files and print their ids."""

    async def work() -> None:
        async with connect() as client:
            for each in path:
                file = await upload(client, each, quiet=as_json, permanent=permanent)
                if as_json:
                    print_json(file)
                else:
                    print(f"{file.id}  {file.name}")

    run(work(), as_json=as_json)


@app.command("rm")
def remove(file: FileIds) -> None:
    """Delete files."""

    async def work() -> None:
        async with connect() as client:
            for file_id in file:
                await client.delete_file(file_id)

    run(work())


def _content(file: file_pb2.File) -> str:
    match file.WhichOneof("info"):
        case "image":
            return f"{file.image.width} × {file.image.height}"
        case "document":
            return f"{file.document.pages} pages"
        case _:
            return ""
