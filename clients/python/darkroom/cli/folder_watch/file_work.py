"""The work of a watch on one file: see whether its content is new, have it processed, and place the results or set it aside."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from darkroom.cli.exits import is_fatal, message_of, reason_of
from darkroom.cli.folder_watch.places import Destination, Source, Stamp
from darkroom.cli.folder_watch.shared_backoff import SharedBackoff
from darkroom.cli.folder_watch.state import Failure, State
from darkroom.cli.journal import Entry, copies
from darkroom.cli.option_errors import in_file
from darkroom.cli.outcome import Outcome, Status
from darkroom.cli.pipeline_steps import in_words
from darkroom.cli.progress import Board, Row
from darkroom.cli.session import relative_to_here
from darkroom.cli.task_runs import TaskRuns
from darkroom.failures import (
    ApiError,
    Conflict,
    ConnectionFailed,
    DarkroomFailure,
    InsufficientCredits,
    InternalError,
    RateLimited,
    StorageError,
    TaskFailed,
)
from darkroom.operations.v1 import operation_pb2
from darkroom.transfer import Progress

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

_ATTEMPTS = 3
"""How often a file is tried whose failure may be its own or the server's."""
_PASSING_REASONS = ("UNAVAILABLE", "PROVIDER_UNAVAILABLE", "DISK_FULL")
"""Why a task may fail that would succeed later."""


class _Changed(Exception):
    """The file is not what it was when it was read."""


class FileWork:
    """Works on files, several at the same time.

    is_patient: wait when the server is away, credits are missing or a disk is full, rather than raise that. on_change: called with the name
    of a file that changes while it is read.
    """

    def __init__(
        self,
        client: AsyncClient,
        source: Source,
        destination: Destination,
        state: State,
        operations: Sequence[operation_pb2.Operation],
        board: Board,
        say: Callable[[str], None],
        *,
        url: str,
        keep: bool,
        overwrite: bool,
        as_json: bool,
        is_patient: bool,
    ) -> None:
        self._client, self._source, self._destination, self._state = client, source, destination, state
        self._operations, self._board, self._say, self._url = operations, board, say, url
        self._overwrite, self._as_json, self._is_patient = overwrite, as_json, is_patient
        self.runs = TaskRuns(client, state.journal, keep=keep, upload=self._upload)
        self.server, self.disk = SharedBackoff(say), SharedBackoff(say)
        self.counts: Counter[Status] = Counter()
        self.on_change: Callable[[str], None] = lambda _name: None
        self._unreadable: dict[str, Stamp] = {}
        self._taken: dict[Path, tuple[str, Stamp]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._attempts: Counter[str] = Counter()

    async def take(self, name: str) -> None:
        """Do what is to be done with a file of the source. Raises DarkroomFailure or OSError if the watch cannot go on."""
        await self._patiently(lambda: self._take(name), self._source.path(name))

    async def resume(self, entry: Entry) -> None:
        """Get the results of a task of an earlier run, whose file may be gone. Raises as `take`."""
        path = Path(entry.inputs[0])
        await self._patiently(lambda: self._resume(entry, path.name), path)

    async def _patiently(self, attempt: Callable[[], Awaitable[None]], path: Path) -> None:
        """Attempt it until nothing fails that may pass."""
        while True:
            await self.server.pause()
            await self.disk.pause()
            try:
                return await attempt()
            except DarkroomFailure as failure:
                if not (_may_pass(failure) or _is_doubtful(failure)) or not (self._is_patient or _is_short(failure)):
                    raise
                self.server.fail(message_of(failure), failure.retry_after)
            except BrokenPipeError:
                # Nobody reads the output any more.
                raise
            except (OSError, sqlite3.OperationalError) as failure:
                if isinstance(failure, FileNotFoundError) and not path.exists():
                    return None
                self._disk_failed(failure)

    async def _resume(self, entry: Entry, name: str) -> None:
        lock = self._locks.setdefault(entry.key, asyncio.Lock())
        async with lock:
            if self._state.outputs(entry.key) is None and self._state.failure(entry.key) is None:
                try:
                    await self._run(entry, name)
                except _Changed:
                    # The server has lost its files.
                    self._state.journal.forget(entry)

    async def _take(self, name: str) -> None:
        stamp = self._source.stamp(name)
        if stamp is None or self._unreadable.get(name) == stamp:
            return
        path = self._source.path(name)
        try:
            content = await asyncio.to_thread(_digest, path)
        except OSError as failure:
            if self._source.stamp(name) is not None:
                self._unreadable[name] = stamp
                outcome = Outcome(name, self._shown(name))
                outcome.fail(reason_of(failure), message_of(failure))
                self._report(outcome, self._board.start(name, 0))
            return
        if self._source.stamp(name) != stamp:
            self.on_change(name)
            return
        key = self._state.key(content)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            outcome = Outcome(name, self._shown(name))
            if (outputs := self._state.outputs(key)) is not None:
                outcome.skip([relative_to_here(path) for path in outputs])
                self._report(outcome, self._board.start(name, 0))
            elif (failed := self._state.failure(key)) is not None:
                outcome.fail(failed.reason, f"the same content has failed before: {failed.error}")
                self._report(outcome, self._board.start(name, 0))
            else:
                self._taken[path] = name, stamp
                new = Entry(key, self._url, [], self._destination.folder(name), self._overwrite, copies(self._operations))
                entry = self._state.journal.find(key) or new
                # It may have been moved since an earlier run.
                entry.inputs, entry.folder, entry.overwrite = [path], self._destination.folder(name), self._overwrite
                try:
                    await self._run(entry, name)
                except _Changed:
                    self._state.journal.forget(entry)
                    self.on_change(name)
                    return
                finally:
                    del self._taken[path]
            self._state.remember(path, stamp, content)

    async def _run(self, entry: Entry, name: str) -> None:
        """Have an entry processed. Ends normally when it is done or set aside; raises what may pass, and what ends the watch."""
        outcome, started = Outcome(name, self._shown(name)), time.monotonic()
        path = Path(entry.inputs[0])
        row = self._board.start(name, path.stat().st_size if path.exists() else 0)
        # Reported by whoever catches it, unless it ends otherwise.
        outcome.fatal = True
        try:
            outcome.outputs = [relative_to_here(each) for each in await self._outputs(entry, outcome, row)]
            outcome.status, outcome.fatal = Status.DONE, False
        except asyncio.CancelledError:
            if self.runs.keep:
                outcome.status = Status.LEFT
            if outcome.status is not Status.LEFT:
                outcome.status = Status.CANCELLED
                self._state.journal.forget(entry)
            outcome.fatal = False
            raise
        except DarkroomFailure as failure:
            self._attempts[entry.key] += 1
            if _may_pass(failure) or is_fatal(failure) or (_is_doubtful(failure) and self._attempts[entry.key] < _ATTEMPTS):
                raise
            said = in_file(failure, self._operations[0], entry.inputs) if isinstance(failure, ApiError) else message_of(failure)
            outcome.fail(reason_of(failure), said)
            await self._set_aside(entry, name, outcome)
            outcome.fatal = False
        finally:
            outcome.seconds = time.monotonic() - started
            self._report(outcome, row)
        del self._attempts[entry.key]

    async def _outputs(self, entry: Entry, outcome: Outcome, row: Row) -> list[Path]:
        if (outputs := self._destination.resume_placement(entry)) is not None:
            outcome.task_id = entry.task_id
            return outputs
        task = await self.runs.start(entry, outcome, row)
        self.server.work()
        task = await self.runs.finish(task, outcome, row)
        parts = await self._client.download(task, self._destination.parts(entry), on_progress=row.add_downloaded)
        outputs = self._destination.place(entry, parts)
        self.disk.work()
        return outputs

    async def _upload(self, path: Path | str, progress: Progress) -> int:
        """Upload a file, and make sure that it is still what was read before."""
        file = await self._client.upload(path, progress)
        name, stamp = self._taken.get(Path(path), ("", None))
        if stamp is None or self._source.stamp(name) != stamp:
            raise _Changed
        return file.id

    async def _set_aside(self, entry: Entry, name: str, outcome: Outcome) -> None:
        assert outcome.reason is not None
        assert outcome.error is not None
        report = {
            "input": self._shown(name),
            "reason": outcome.reason,
            "error": outcome.error,
            "task_id": str(outcome.task_id) if outcome.task_id is not None else None,
            "operations": [in_words(each) for each in self._operations],
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        while True:
            try:
                aside = self._destination.set_aside(name, Path(entry.inputs[0]), report)
                self._state.fail(entry, Failure(outcome.reason, outcome.error), aside)
            except (OSError, sqlite3.OperationalError) as failure:
                # Without a second task for it.
                self._disk_failed(failure)
                await self.disk.pause()
            else:
                return

    def _disk_failed(self, failure: OSError | sqlite3.OperationalError) -> None:
        if not self._state.file.exists():
            raise OSError(errno.ENOENT, "the record of what was done is gone; is its disk mounted?", str(self._state.file))
        named = failure if isinstance(failure, OSError) else OSError(None, str(failure), str(self._state.file))
        # Python does not name the file that it could not write all of.
        problem = named if named.filename else OSError(named.errno, named.strerror, str(self._destination))
        if not self._is_patient:
            raise problem
        self.disk.fail(f"{message_of(problem)}.")

    def _report(self, outcome: Outcome, row: Row) -> None:
        row.end(outcome)
        if not outcome.fatal:
            self.counts[outcome.status] += 1
            outcome.print(as_json=self._as_json)

    def _shown(self, name: str) -> str:
        return f"{self._source}/{name}"


def _may_pass(failure: DarkroomFailure) -> bool:
    """Whether waiting helps, and the file is not to blame."""
    if isinstance(failure, TaskFailed):
        return failure.reason in _PASSING_REASONS
    return isinstance(failure, ConnectionFailed | RateLimited | InsufficientCredits)


def _is_short(failure: DarkroomFailure) -> bool:
    """Whether waiting helps soon: the limit is on what goes on at the same time."""
    return (isinstance(failure, RateLimited) and failure.reason != "QUOTA_EXCEEDED") or _is_doubtful(failure)


def _is_doubtful(failure: DarkroomFailure) -> bool:
    """Whether the file or the server may be to blame."""
    return isinstance(failure, InternalError | StorageError | Conflict)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
