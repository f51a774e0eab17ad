"""`darkroom resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from darkroom.cli.exits import errors, run
from darkroom.cli.journal import Entry, Journal
from darkroom.cli.options import AsJson, server_url
from darkroom.cli.session import Item, Session


def resume(
    parallel: Annotated[int, typer.Option("--parallel", "-p", min=1, max=64, help="Files in hand at the same time.")] = 4,
    forget: Annotated[bool, typer.Option("--forget", help="Forget what waits instead; its tasks go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with what was left running or broken off on this machine: wait for its tasks and put the results where they belong."""
    with Journal() as journal:
        entries = journal.unfinished(server_url())
        if forget:
            journal.forget(*entries)
            errors.print(f"{len(entries)} forgotten")
            return
        if not entries:
            errors.print("nothing waits")
            return
        items = [Item(_name(entry), entry, str(entry.inputs[0]) if entry.inputs else None) for entry in entries]
        # On Ctrl-C they are left as they were found.
        run(Session(journal, parallel, keep=True, mixed=True, as_json=as_json).process(items), as_json=as_json)


def _name(entry: Entry) -> str:
    return entry.inputs[0].name if entry.inputs else str(entry.operations[0].WhichOneof("operation"))
