"""Showing the progress of a start: a live list on a terminal, elsewhere one line per part."""

from __future__ import annotations

import sys
import time
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table


class Progress:
    """Receives the events of each part; this base class shows nothing."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._begun

    def step(self, part: str, doing: str) -> None:
        """A part has begun another step, or has another problem at the same one."""

    def finish(self, part: str, result: str) -> None:
        """A part has reached the requested state. Called once per part."""

    def fail(self, part: str) -> None:
        """A part will not reach the requested state. Called once per part."""


class Lines(Progress):
    """One line per part when it is done, for logs and pipes. On stderr, so that stdout holds results only."""

    def finish(self, part: str, result: str) -> None:
        print(f"{part:<12}{result} ({self.seconds:.1f} s)", file=sys.stderr, flush=True)

    def fail(self, part: str) -> None:
        self.finish(part, "failed")


class LiveList(Progress):
    """A list that is redrawn in place; its final state stays on the terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._rows: dict[str, str] = {}
        self._finished: dict[str, tuple[str, float]] = {}
        self._spinner = Spinner("dots")
        self._live = Live(self, console=console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def step(self, part: str, doing: str) -> None:
        self._rows[part] = doing

    def finish(self, part: str, result: str) -> None:
        self._rows[part] = result
        self._finished[part] = ("[green]✓", self.seconds)

    def fail(self, part: str) -> None:
        self._rows[part] = "failed"
        self._finished[part] = ("[red]✗", self.seconds)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 2))
        for part, doing in self._rows.items():
            mark, seconds = self._finished.get(part, ("", 0.0))
            table.add_row(mark or self._spinner, part, doing, f"{seconds:.1f} s" if mark else "")
        yield table
