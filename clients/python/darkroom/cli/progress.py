"""Progress of several items: bars in a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from darkroom.cli.outcome import Outcome, Status
from darkroom.naming import visible
from darkroom.tasks.v1 import task_pb2

# Shares of a file's bar: upload and task; the rest is the download.
_UPLOAD, _TASK = 0.10, 0.85
# Terminal width below which a row leaves out the current step.
_WIDE = 64
_WAITING = {
    task_pb2.TASK_STATE_QUEUED: "waiting for its turn",
    task_pb2.TASK_STATE_RUNNING: "working",
}


class Row(Protocol):
    """The display of one item."""

    def add_uploaded(self, moved: int) -> None:
        """Called when bytes were sent."""

    def created(self, task: task_pb2.Task) -> None:
        """Called when the task was created, with the estimate of its time, if there is one."""

    def event(self, event: task_pb2.TaskEvent) -> None:
        """Called for each event of the task."""

    def add_downloaded(self, moved: int) -> None:
        """Called when bytes were received."""

    def end(self, outcome: Outcome) -> None:
        """Called when the item has ended."""


class Board(Protocol):
    """The display of all items."""

    def start(self, name: str, size: int) -> Row:
        """Start an item whose files have `size` bytes."""

    def say(self, text: str) -> None:
        """Show a line that is about no single item."""


@contextmanager
def board(stream: TextIO, count: int, *, quiet: bool) -> Iterator[Board]:
    """A display for `count` items, 0 if their number is not known: bars in a terminal, lines elsewhere, nothing if quiet."""
    console = Console(file=stream, quiet=quiet, soft_wrap=not stream.isatty(), highlight=False, markup=False)
    if quiet or not console.is_terminal:
        yield _Lines(console)
        return
    name = TextColumn("{task.fields[name]}", markup=False, table_column=Column(ratio=3, no_wrap=True, overflow="ellipsis"))
    bar = BarColumn(bar_width=None, table_column=Column(ratio=2 if console.width < _WIDE else 3))
    percent = TextColumn("{task.percentage:>3.0f}%", table_column=Column(no_wrap=True))
    doing = TextColumn("{task.description}", markup=False, table_column=Column(ratio=4, no_wrap=True, overflow="ellipsis"))
    columns = (name, bar, percent) if console.width < _WIDE else (name, bar, percent, doing, TimeElapsedColumn())
    with Progress(*columns, console=console, expand=True) as progress:
        yield _Bars(progress, count)


def in_words(seconds: float) -> str:
    """A time as `about 40 s` or `about 3 min`."""
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def _doing(event: task_pb2.TaskEvent) -> str:
    if event.state == task_pb2.TASK_STATE_QUEUED and event.attempt > 0:
        return f"will be retried: {event.error.message}" if event.error.message else "will be retried"
    return event.message or _WAITING.get(event.state, "")


class _Bars:
    """One bar for each item in progress, and one for all if there are several."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count, self._ended = progress, count, 0
        self.shown_notices: set[str] = set()
        self._total = progress.add_task(f"0 of {count}", name="all", total=count) if count > 1 else None

    def start(self, name: str, size: int) -> Row:
        return _Bar(self._progress, name, size, self)

    def say(self, text: str) -> None:
        self._progress.console.print(Text(text))

    def on_end(self) -> None:
        self._ended += 1
        if self._total is not None:
            self._progress.update(self._total, completed=self._ended, description=f"{self._ended} of {self._count}")


class _Bar:
    def __init__(self, progress: Progress, name: str, size: int, bars: _Bars) -> None:
        self._progress, self._bars = progress, bars
        self._size = max(1, size)
        self._sent, self._takes = 0, ""
        self._bar: TaskID = progress.add_task("uploading", name=visible(name), total=1.0)

    def add_uploaded(self, moved: int) -> None:
        self._sent += moved
        self._progress.update(self._bar, completed=_UPLOAD * self._sent / self._size)

    def created(self, task: task_pb2.Task) -> None:
        if task.HasField("estimated_seconds"):
            self._takes = f", takes {in_words(task.estimated_seconds)}"

    def event(self, event: task_pb2.TaskEvent) -> None:
        takes = "" if event.message or event.progress else self._takes
        self._progress.update(self._bar, completed=_UPLOAD + _TASK * event.progress, description=_doing(event) + takes)

    def add_downloaded(self, moved: int) -> None:
        self._progress.update(self._bar, completed=_UPLOAD + _TASK, description="downloading")

    def end(self, outcome: Outcome) -> None:
        self._progress.remove_task(self._bar)
        _report(self._progress.console, outcome, self._bars.shown_notices)
        if outcome.status in (Status.DONE, Status.SKIPPED, Status.FAILED):
            self._bars.on_end()


class _Lines:
    """One line for each item when it has ended, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown_notices: set[str] = set()

    def start(self, name: str, size: int) -> Row:
        return _Line(self._console, self._shown_notices)

    def say(self, text: str) -> None:
        self._console.print(Text(text))


class _Line:
    def __init__(self, console: Console, shown_notices: set[str]) -> None:
        self._console, self._shown_notices = console, shown_notices

    def add_uploaded(self, moved: int) -> None:
        """Not shown."""

    def created(self, task: task_pb2.Task) -> None:
        if task.HasField("estimated_seconds"):
            self._console.print(Text(f"task {task.id} takes {in_words(task.estimated_seconds)} once it runs"))

    def event(self, event: task_pb2.TaskEvent) -> None:
        """Only a retry is shown."""
        if event.state == task_pb2.TASK_STATE_QUEUED and event.attempt > 0:
            self._console.print(Text(f"task {event.task_id} {_doing(event)}"))

    def add_downloaded(self, moved: int) -> None:
        """Not shown."""

    def end(self, outcome: Outcome) -> None:
        _report(self._console, outcome, self._shown_notices)


def _report(console: Console, outcome: Outcome, shown_notices: set[str]) -> None:
    """Print the lines for an item that has ended. A notice that was already shown is not repeated; the summary counts them."""
    if outcome.fatal:
        return
    match outcome.status:
        case Status.DONE if outcome.unchanged:
            console.print(Text.assemble(("unchanged ", "yellow"), outcome.shown_name, " → ", outcome.location, ("  (0 credits)", "dim")))
        case Status.DONE:
            console.print(
                Text.assemble(
                    ("done    ", "bold green"), outcome.shown_name, " → ", outcome.location, (f"  ({outcome.seconds:.1f} s)", "dim")
                )
            )
        case Status.SKIPPED:
            console.print(Text.assemble(("skipped ", "green"), outcome.shown_name, " → ", outcome.location))
        case Status.FAILED:
            console.print(Text.assemble(("failed  ", "bold red"), outcome.shown_name, ": ", outcome.error or ""))
        case Status.LEFT:
            console.print(
                Text.assemble(
                    ("left    ", "yellow"), outcome.shown_name, f": task {outcome.task_id}" if outcome.task_id else ": not sent yet"
                )
            )
        case _:
            console.print(
                Text.assemble(("stopped ", "yellow"), outcome.shown_name, f": task {outcome.task_id} cancelled" if outcome.task_id else "")
            )
    for notice in outcome.notices:
        if notice in shown_notices:
            continue
        shown_notices.add(notice)
        # Many notices already start with the name of the input.
        text = notice.removeprefix(f"{Path(outcome.name).name}: ")
        console.print(Text.assemble(("note    ", "yellow"), outcome.shown_name, ": ", text))
