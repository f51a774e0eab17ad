"""The outcome of each item of a run, for people and for scripts."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rich.text import Text

from darkroom.cli.exits import advice_on, message_of, reason_of
from darkroom.failures import DarkroomFailure
from darkroom.naming import visible

_MAX_LISTED = 50


class Status(StrEnum):
    """The status of an item."""

    WAITING = "waiting"
    """Not started."""
    DONE = "done"
    SKIPPED = "skipped"
    """Done by an earlier run."""
    LEFT = "left"
    """Its task continues on the server."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class Outcome:
    """The outcome of one item."""

    name: str
    input: str | None = None
    status: Status = Status.WAITING
    task_id: int | None = None
    outputs: list[Path] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unchanged: bool = False
    """The results are the input as it was, and cost nothing."""
    error: str | None = None
    reason: str | None = None
    seconds: float = 0.0
    fatal: bool = False
    """The failure ends the whole run and is reported once."""
    to_stdout: bool = False
    """Its outputs are copied to standard output and not kept."""

    @property
    def shown_name(self) -> str:
        """Its name, for a terminal."""
        return visible(self.name)

    @property
    def location(self) -> str:
        """Where the results are, for a terminal."""
        return "standard output" if self.to_stdout else visible(", ".join(map(str, self.outputs))) or "nothing"

    def skip(self, outputs: Sequence[Path]) -> None:
        """Mark it as done by an earlier run."""
        self.status, self.outputs = Status.SKIPPED, list(outputs)

    def fail(self, reason: str, error: str) -> None:
        """Mark it as failed."""
        self.status, self.reason, self.error = Status.FAILED, reason, error

    def as_json(self) -> str:
        """One line for scripts. Bytes of a path that are not UTF-8 are escaped as lone surrogates, as Python reads them back."""
        line = json.dumps(
            {
                "input": self.input,
                "status": self.status,
                "task_id": str(self.task_id) if self.task_id is not None else None,
                "outputs": [str(path) for path in self.outputs],
                "notices": self.notices,
                "unchanged": self.unchanged,
                "error": self.error,
                "reason": self.reason,
                "seconds": round(self.seconds, 2),
            },
            ensure_ascii=False,
        )
        return line.encode(errors="backslashreplace").decode()

    def print(self, *, as_json: bool) -> None:
        """Print it on standard output: one line for scripts, or the paths of the results where that is not a terminal."""
        if as_json:
            print(self.as_json(), flush=True)
        elif not self.to_stdout and not sys.stdout.isatty():
            for path in self.outputs:
                print(path, flush=True)


def summary(outcomes: Sequence[Outcome], fatal: DarkroomFailure | None, *, interrupted: bool, keep: bool, continues: bool = True) -> Text:
    """The summary of a run: how many items ended how, which failed and why, and how to continue where that `continues`."""
    counts = Counter(outcome.status for outcome in outcomes)
    said = Text()
    if len(outcomes) > 1 or interrupted:
        parts = [f"{counts[Status.DONE] + counts[Status.SKIPPED]} of {len(outcomes)} done"]
        if counts[Status.SKIPPED]:
            parts[0] += f" ({counts[Status.SKIPPED]} by an earlier run)"
        if unchanged := sum(outcome.unchanged for outcome in outcomes):
            parts.append(f"{unchanged} unchanged and not charged")
        names = {Status.FAILED: "failed", Status.CANCELLED: "cancelled", Status.LEFT: "left running", Status.WAITING: "not started"}
        parts += [f"{counts[status]} {name}" for status, name in names.items() if counts[status]]
        said.append(", ".join(parts) + "\n")
    for notice, files in Counter(notice for outcome in outcomes for notice in dict.fromkeys(outcome.notices)).items():
        said.append(f"note: {notice} ({files} files)\n" if files > 1 else "")
    failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
    listed = [outcome for outcome in failed if not outcome.fatal] if len(outcomes) > 1 else []
    for outcome in listed[:_MAX_LISTED]:
        said.append(f"  {outcome.shown_name}: {outcome.error}\n")
    if len(listed) > _MAX_LISTED:
        said.append(f"  … and {len(listed) - _MAX_LISTED} more; use --json to list all\n")
    if fatal is not None:
        said.append("error: ", "bold red").append(f"{message_of(fatal)}\n")
    reasons = [outcome.reason or "" for outcome in failed] + ([reason_of(fatal)] if fatal is not None else [])
    for advice in dict.fromkeys(map(advice_on, reasons)):
        said.append(f"       {advice}\n" if advice else "", "dim")
    if fatal is not None and len(outcomes) > 1 and continues:
        said.append("Run the same command again to continue with the rest.\n")
    if counts[Status.LEFT]:
        said.append("Run `darkroom resume` to wait for the tasks left running and download their results.\n")
    if interrupted and not keep and continues:
        said.append("Run the same command again to continue with the rest. With --keep, an interrupt leaves tasks running.\n")
    if counts[Status.SKIPPED]:
        said.append("Results of an earlier run were kept; use --again to redo them.\n")
    return said
