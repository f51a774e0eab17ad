"""Options that several commands share, and the connection to the server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from darkroom.cli.choice import server
from darkroom.cli.completion import complete_files, complete_tasks

if TYPE_CHECKING:
    from darkroom.client import AsyncClient
    from darkroom.connection import Server


def connect(to: Server | None = None) -> AsyncClient:
    """A client for this server, or for the one that the command talks to."""
    from darkroom.client import AsyncClient

    found = to or server()
    return AsyncClient(found.url, found.api_key)


# Terminal width below which lists leave out less important columns.
NARROW = 64
ID_WIDTH = 15
_UNBOUNDED = 10_000


def _console() -> Console:
    """Standard output. Nothing is truncated or wrapped in a pipe, and brackets in names are not interpreted as markup."""
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, width=None if bounded else _UNBOUNDED)


console = _console()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, for scripts.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Maximum number, newest first.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files instead of numbering the new ones.")]
Output = Annotated[str, typer.Option("--output", "-o", metavar="PATH", help="Folder for the files, or for one file its path.")]
TaskId = Annotated[int, typer.Argument(metavar="TASK", help="Task id.", autocompletion=complete_tasks)]
TaskIds = Annotated[list[int], typer.Argument(metavar="TASK...", help="Task ids.", autocompletion=complete_tasks)]
FileIds = Annotated[list[int], typer.Argument(metavar="FILE...", help="File ids.", autocompletion=complete_files)]


def print_json(message: Message) -> None:
    """Print the message as one line of proto JSON, including fields with zero values."""
    print(
        MessageToJson(message, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, ensure_ascii=False)
    )


def print_paths(task_id: int, paths: Sequence[Path], *, as_json: bool) -> None:
    """Print the paths of a task's results, one per line or as one JSON object."""
    if as_json:
        print(json.dumps({"task_id": str(task_id), "outputs": list(map(str, paths))}, ensure_ascii=False), flush=True)
        return
    for path in paths:
        print(path, flush=True)


def plain(message: Message) -> dict[str, object]:
    """The message as `print_json` prints it, as a dict."""
    fields: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return fields


def when(time: Timestamp) -> str:
    """A moment, in the time of this machine, to the minute."""
    return time.ToDatetime(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def server_url() -> str:
    """The public URL of the server that `connect` connects to."""
    return server().url
