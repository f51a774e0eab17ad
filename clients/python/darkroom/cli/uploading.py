"""Uploads with a bar on standard error."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from darkroom.files.v1 import file_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", exists=True, dir_okay=False, readable=True, help="Files to upload.")]
_COLUMNS = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())


async def upload(client: AsyncClient, path: Path, *, quiet: bool, permanent: bool = False) -> file_pb2.File:
    """Upload a file. The bar is shown on a terminal only, and not if `quiet`."""
    shown = Console(stderr=True)
    with Progress(*_COLUMNS, console=shown, transient=True, disable=quiet or not shown.is_terminal) as progress:
        bar = progress.add_task(path.name, total=path.stat().st_size)
        return await client.upload(path, partial(progress.advance, bar), permanent=permanent)
