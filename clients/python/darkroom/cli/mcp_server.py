"""`darkroom mcp`: the operations as tools for programs that talk to a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.exits import run, usage
from darkroom.cli.own_version import own_version

_MISSING = "The tools for language models are not installed. Install them with: pip install 'darkroom[mcp]'"


def mcp(
    folder: Annotated[
        list[Path],
        typer.Option(
            "--folder",
            metavar="FOLDER",
            help="A folder whose files the tools may read, and where they may save results. May be repeated. Nothing else on this machine "
            "is read or written, and nothing is overwritten.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ],
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FOLDER",
            help="Where results go unless a call says otherwise; inside one of the folders. Default: the first of them.",
            show_default=False,
        ),
    ] = None,
    tools: Annotated[
        str,
        typer.Option(
            "--tools",
            metavar="NAMES",
            help="Only these operations, with commas between them, by their names or groups: background, retouch, marks, shape, colour, "
            "file, combine, documents, inspect, create. Fewer tools leave a model more room. Default: all.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve the operations as tools of the Model Context Protocol, over standard input and output. Claude, Cursor, VS Code and other
    programs start this command themselves: see docs/how-to/mcp.md."""
    try:
        from darkroom.mcp.registry import chosen_tools, parse_choice
        from darkroom.mcp.stdio import serve
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in ("mcp", "mcp_types", "jsonschema", "anyio"):
            raise
        raise usage(_MISSING) from None
    # Only now: whoever lacks the package hears of it first.
    from darkroom.cli.choice import server

    try:
        chosen = chosen_tools(parse_choice(tools))
    except ValueError as error:
        raise usage(f"--tools: {error}") from None
    run(serve(server(), folder, results or folder[0], chosen, own_version()))
