"""Runs operations on many files at once, and reports the outcome of each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.exits import FAILED, INTERRUPTED, NO_CREDITS, REFUSED, errors, is_fatal, message_of, reason_of, status_of
from darkroom.cli.journal import Entry, Journal
from darkroom.cli.option_errors import check, in_file
from darkroom.cli.options import connect
from darkroom.cli.outcome import Outcome, Status, summary
from darkroom.cli.progress import Board, Row, board
from darkroom.cli.task_runs import TaskRuns
from darkroom.failures import ApiError, DarkroomFailure, NotFound, TaskFailed
from darkroom.naming import name_for

if TYPE_CHECKING:
    from darkroom.client import AsyncClient


@dataclass
class Item:
    """One task, with its name on the screen and in JSON."""

    name: str
    entry: Entry
    input: str | None = None


@dataclass
class Session:
    """How a command works through its items.

    parallel: number of items in progress at the same time. keep: leave tasks running when interrupted. detach: create the tasks without
    waiting for them. again: redo what an earlier run has done.
    """

    journal: Journal
    parallel: int = 4
    keep: bool = False
    detach: bool = False
    again: bool = False
    as_json: bool = False
    is_mixed: bool = False
    """The items come from several commands: if an operation is unavailable, the other items continue."""
    to_stdout: bool = False
    """The command copies the result to standard output, so paths of results are not printed there."""
    _fatal: DarkroomFailure | None = None

    async def process(self, items: Sequence[Item]) -> int:
        """Process the items. Returns the exit status."""
        found = self.journal.take_over(item.entry for item in items)
        outcomes = [Outcome(item.name, item.input, to_stdout=self.to_stdout) for item in items]
        for item, entry, outcome in zip(items, found, outcomes, strict=True):
            entry.refusal = None
            if entry.outputs is not None and (self.again or item.entry.overwrite or not entry.is_done):
                entry.renew()
            entry.overwrite, item.entry, outcome.task_id = item.entry.overwrite, entry, entry.task_id
        self.journal.write(*(entry for entry in found if not entry.is_done))
        interrupted = False
        async with connect() as client:
            new = [entry for entry in found if not entry.is_done and entry.task_id is None]
            if new and not self.is_mixed and (status := await check(client, new[0].operations, len(new[0].inputs))):
                self.journal.forget(*(entry for entry in found if entry.task_id is None))
                return status
            with board(sys.stderr, len(items), quiet=self.as_json) as progress:
                try:
                    await self._work(client, items, outcomes, progress)
                except asyncio.CancelledError:
                    interrupted = True
        if interrupted and not self.keep:
            self.journal.forget(*(item.entry for item, outcome in zip(items, outcomes, strict=True) if outcome.status is Status.WAITING))
        self._note_refusal([item.entry for item in items])
        if self.as_json:
            for outcome in outcomes:
                if outcome.status is Status.WAITING:
                    print(outcome.as_json(), flush=True)
        else:
            errors.print(summary(outcomes, self._fatal, interrupted=interrupted, keep=self.keep), end="")
        if interrupted:
            return INTERRUPTED
        if self._fatal is not None:
            return status_of(reason_of(self._fatal))
        return FAILED if any(outcome.status is Status.FAILED for outcome in outcomes) else 0

    def _note_refusal(self, entries: Sequence[Entry]) -> None:
        """Note why the run was refused with every task that was not created, so that nothing runs it later without asking."""
        if self._fatal is None or status_of(reason_of(self._fatal)) not in (REFUSED, NO_CREDITS):
            return
        refused = [entry for entry in entries if entry.task_id is None and not entry.is_done]
        for entry in refused:
            entry.refusal = message_of(self._fatal)
        self.journal.write(*refused)

    async def _work(self, client: AsyncClient, items: Sequence[Item], outcomes: Sequence[Outcome], progress: Board) -> None:
        slots = asyncio.Semaphore(self.parallel)
        runs = TaskRuns(client, self.journal, keep=self.keep)

        async def one(item: Item, outcome: Outcome) -> None:
            async with slots:
                if self._fatal is None:
                    await self._item(client, runs, item, outcome, progress)
            if outcome.status is not Status.WAITING:
                outcome.print(as_json=self.as_json)

        work = [asyncio.ensure_future(one(item, outcome)) for item, outcome in zip(items, outcomes, strict=True)]
        try:
            await asyncio.gather(*work)
        except asyncio.CancelledError:
            # Each item cancels its task, or leaves it running, before it ends.
            await asyncio.gather(*work, return_exceptions=True)
            raise

    @staticmethod
    def _said(failure: DarkroomFailure | OSError, entry: Entry) -> str:
        return in_file(failure, entry.operations[0], entry.inputs) if isinstance(failure, ApiError) else message_of(failure)

    async def _item(self, client: AsyncClient, runs: TaskRuns, item: Item, outcome: Outcome, progress: Board) -> None:
        entry = item.entry
        started = time.monotonic()
        row = progress.start(item.name, sum(path.stat().st_size for path in entry.inputs if isinstance(path, Path) and path.exists()))
        try:
            if entry.is_done:
                outcome.skip([relative_to_here(path) for path in entry.outputs or ()])
            else:
                await self._run(client, runs, entry, outcome, row)
        except asyncio.CancelledError:
            if self.keep:
                outcome.status = Status.LEFT
            if outcome.status is not Status.LEFT:
                outcome.status = Status.CANCELLED
                self.journal.forget(entry)
            raise
        except (DarkroomFailure, OSError) as failure:
            outcome.fail(reason_of(failure), self._said(failure, entry))
            not_offered = outcome.reason == "OPERATION_UNAVAILABLE"
            if isinstance(failure, DarkroomFailure) and is_fatal(failure) and not (not_offered and self.is_mixed):
                outcome.fatal = True
                self._fatal = self._fatal or failure
            # The results of a task that succeeded are paid for, even if they cannot be had or saved at the moment.
            has_results = entry.task_id is not None and not isinstance(failure, TaskFailed | NotFound)
            if not has_results and (not outcome.fatal or not_offered):
                self.journal.forget(entry)
        finally:
            outcome.seconds = time.monotonic() - started
            row.end(outcome)

    async def _run(self, client: AsyncClient, runs: TaskRuns, entry: Entry, outcome: Outcome, row: Row) -> None:
        task = await runs.start(entry, outcome, row)
        if self.detach:
            outcome.status = Status.LEFT
            return
        task = await runs.finish(task, outcome, row)
        outcome.outputs = await client.download(
            task, entry.folder, overwrite=entry.overwrite, on_progress=row.add_downloaded, name=entry.name
        )
        outcome.notices += _renamed(entry.name, outcome.outputs)
        outcome.outputs = [relative_to_here(path) for path in outcome.outputs]
        entry.outputs = [path.resolve() for path in outcome.outputs]
        self.journal.write(entry)
        outcome.status = Status.DONE


def _renamed(wanted: str | None, outputs: Sequence[Path]) -> list[str]:
    """The message if the format of a result does not match its wanted name."""
    return [
        f"The result is a {path.suffix[1:].upper()}, so it was saved as {path.name} and not as {wanted}."
        for path in outputs[:1]
        if wanted and name_for(path.name, wanted) != wanted
    ]


def relative_to_here(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
