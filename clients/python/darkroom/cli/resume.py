"""`darkroom resume`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from darkroom.cli.exits import errors, run
from darkroom.cli.inputs import name_of
from darkroom.cli.journal import Entry, Journal
from darkroom.cli.options import AsJson, server_url
from darkroom.cli.session import Item, Session


def resume(
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", min=1, max=64, help="Number of files in progress at the same time, 1 to 64.")
    ] = 4,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Also run and pay for refused tasks, without asking.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the record of unfinished work instead. Its tasks continue.")] = False,
    as_json: AsJson = False,
) -> None:
    """Continue work that was interrupted or left running on this machine: wait for its tasks and download the results."""
    with Journal() as journal:
        entries = journal.unfinished_entries(server_url())
        if forget:
            journal.forget(*entries)
            errors.print(f"{len(entries)} forgotten")
            return
        if not entries:
            errors.print("nothing to resume")
            return
        refused = [entry for entry in entries if entry.refusal is not None]
        if refused and not (yes or _wanted(refused, ask=not as_json and sys.stdin.isatty())):
            entries = [entry for entry in entries if entry.refusal is None]
        if not entries:
            return
        items = [Item(_name(entry), entry, str(entry.inputs[0]) if entry.inputs else None) for entry in entries]
        # On Ctrl-C the tasks continue.
        run(Session(journal, parallel, keep=True, is_mixed=True, as_json=as_json).process(items), as_json=as_json)


def _wanted(refused: Sequence[Entry], *, ask: bool) -> bool:
    """Say what was refused, and ask whether to run it now."""
    for reason, files in Counter(entry.refusal for entry in refused).items():
        errors.print(f"{files} {'tasks were' if files > 1 else 'task was'} not created: {reason}")
    if ask:
        return typer.confirm("Run and pay for the tasks that were not created?", err=True)
    errors.print("Run `darkroom resume --yes` to create the refused tasks, or `darkroom resume --forget` to drop them.")
    return False


def _name(entry: Entry) -> str:
    return name_of(entry.inputs[0]) if entry.inputs else str(entry.operations[0].WhichOneof("operation"))
