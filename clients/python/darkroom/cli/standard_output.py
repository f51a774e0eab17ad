"""Writing one file to standard output, for pipes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfileobj

from darkroom.cli.exits import usage

STDOUT = "-"


def refuse_terminal() -> None:
    """Raise typer.Exit if standard output is a terminal, which must not receive binary data."""
    if sys.stdout.isatty():
        raise usage("standard output is the terminal; redirect it, or give a folder with --output")


def copy_out(paths: Sequence[Path]) -> None:
    """Write the file to standard output. Raises typer.Exit unless there is exactly one."""
    if len(paths) != 1:
        raise usage(f"standard output takes one result; there are {len(paths)}")
    with paths[0].open("rb") as file:
        copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
