"""Runs operations on many files at once, and reports the outcome of each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.exits import FAILED, INTERRUPTED, NO_CREDITS, REFUSED, errors, is_fatal, message_of, reason_of, status_of
from darkroom.cli.journal import Entry, Journal
from darkroom.cli.option_errors import check, in_file
from darkroom.cli.options import connect
from darkroom.cli.outcome import Outcome, Status, summary
from darkroom.cli.progress import Board, Row, board
from darkroom.failures import ApiError, DarkroomFailure
from darkroom.naming import name_for
from darkroom.tasks.v1 import task_pb2

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

_PATIENCE_SECONDS = 5.0
_OVER = (task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED)


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
    _uploaded: dict[Path, int] = field(default_factory=dict)
    _sharing: asyncio.Lock = field(default_factory=asyncio.Lock)

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

        async def one(item: Item, outcome: Outcome) -> None:
            async with slots:
                if self._fatal is None:
                    await self._item(client, item, outcome, progress)
            if outcome.status is not Status.WAITING:
                self._print(outcome)

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

    def _print(self, outcome: Outcome) -> None:
        if self.as_json:
            print(outcome.as_json(), flush=True)
        elif not self.to_stdout and not sys.stdout.isatty():
            for path in outcome.outputs:
                print(path, flush=True)

    async def _item(self, client: AsyncClient, item: Item, outcome: Outcome, progress: Board) -> None:
        entry = item.entry
        started = time.monotonic()
        row = progress.start(item.name, sum(path.stat().st_size for path in entry.inputs if isinstance(path, Path) and path.exists()))
        try:
            if entry.is_done:
                outcome.skip([_shown(path) for path in entry.outputs or ()])
            else:
                await self._run(client, entry, outcome, row)
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
            if not outcome.fatal or not_offered:
                self.journal.forget(entry)
        finally:
            outcome.seconds = time.monotonic() - started
            row.end(outcome)

    async def _run(self, client: AsyncClient, entry: Entry, outcome: Outcome, row: Row) -> None:
        task = await self._task(client, entry, row)
        outcome.task_id = task.id
        if self.detach:
            outcome.status = Status.LEFT
            return
        try:
            task = await client.wait(task.id, row.event)
        except asyncio.CancelledError:
            if not await self._cancelled(client, task.id):
                outcome.status = Status.LEFT
            raise
        outcome.notices, outcome.unchanged = [_said(notice) for notice in task.notices], task.unchanged
        outcome.outputs = await client.download(
            task, entry.folder, overwrite=entry.overwrite, on_progress=row.add_downloaded, name=entry.name
        )
        outcome.notices += _renamed(entry.name, outcome.outputs)
        outcome.outputs = [_shown(path) for path in outcome.outputs]
        entry.outputs = [path.resolve() for path in outcome.outputs]
        self.journal.write(entry)
        outcome.status = Status.DONE

    async def _task(self, client: AsyncClient, entry: Entry, row: Row) -> task_pb2.Task:
        """The task that an earlier run created for the entry, if it may still succeed; otherwise a new one."""
        if entry.task_id is not None:
            with suppress(ApiError):
                # TASK_NOT_FOUND: expired, or created by another account.
                task = await client.get_task(entry.task_id)
                if task.state not in _OVER:
                    return task
            entry.renew()
        elif entry.key_expired:
            entry.renew()
        try:
            return await self._create(client, entry, row)
        except ApiError as failure:
            if not entry.file_ids or failure.reason not in ("FILE_NOT_FOUND", "IDEMPOTENCY_KEY_MISMATCH"):
                raise
        # The files that the earlier run uploaded are gone.
        entry.renew()
        entry.forget_files()
        return await self._create(client, entry, row)

    async def _create(self, client: AsyncClient, entry: Entry, row: Row) -> task_pb2.Task:
        if not entry.file_ids:
            # One after the other, so that references keep their order.
            entry.file_ids = [(await client.upload(path, row.add_uploaded)).id for path in entry.inputs]
        for name, path in entry.auxiliary.items():
            if not getattr(entry.parameters, name):
                setattr(entry.parameters, name, await self._shared(client, path))
        self.journal.write(entry)
        creating = client.create_task(entry.file_ids, entry.operations, idempotency_key=entry.idempotency_key)
        task = await self._created(client, creating)
        row.created(task)
        entry.task_id = task.id
        self.journal.write(entry)
        return task

    async def _shared(self, client: AsyncClient, path: Path) -> int:
        """The id of a file that several items need. It is uploaded once."""
        async with self._sharing:
            if path not in self._uploaded:
                self._uploaded[path] = (await client.upload(path)).id
            return self._uploaded[path]

    async def _created(self, client: AsyncClient, creating: Awaitable[task_pb2.Task]) -> task_pb2.Task:
        """The task being created. If interrupted meanwhile, wait for its id and cancel it, unless tasks are to continue."""
        work = asyncio.ensure_future(creating)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            with suppress(DarkroomFailure, TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._cancelled(client, (await work).id)
            raise

    async def _cancelled(self, client: AsyncClient, task_id: int) -> bool:
        """Cancel a task, unless `keep` is set. False if it continues, has already ended, or the server cannot be reached."""
        if self.keep:
            return False
        with suppress(DarkroomFailure, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.shield(asyncio.ensure_future(client.cancel_task(task_id)))
                return True
        return False


def _said(notice: task_pb2.Notice) -> str:
    """A notice in the words of the command."""
    return notice.message.replace(", with boxes", ", with --box") if notice.code == "no_watermark_found" else notice.message


def _renamed(wanted: str | None, outputs: Sequence[Path]) -> list[str]:
    """The message if the format of a result does not match its wanted name."""
    return [
        f"The result is a {path.suffix[1:].upper()}, so it was saved as {path.name} and not as {wanted}."
        for path in outputs[:1]
        if wanted and name_for(path.name, wanted) != wanted
    ]


def _shown(path: Path) -> Path:
    """The path relative to the current folder, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
