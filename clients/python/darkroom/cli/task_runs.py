"""The task of a journal's entry: created, or found again after an interruption, awaited, and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.cli.journal import Entry, Journal
from darkroom.cli.outcome import Outcome, Status
from darkroom.cli.progress import Row
from darkroom.failures import ApiError, DarkroomFailure, NotFound
from darkroom.tasks.v1 import task_pb2
from darkroom.transfer import Progress

if TYPE_CHECKING:
    from darkroom.client import AsyncClient

Upload = Callable[[Path | str, Progress], Awaitable[int]]
"""Uploads an input, and returns the id of the file on the server."""

_PATIENCE_SECONDS = 5.0
_OVER = (task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED)


class TaskRuns:
    """The tasks of entries, over one client. With `keep`, an interruption leaves them running."""

    def __init__(self, client: AsyncClient, journal: Journal, *, keep: bool, upload: Upload | None = None) -> None:
        self.keep = keep
        self._client, self._journal = client, journal
        self._upload = upload or self._uploaded
        self._shared_ids: dict[Path, int] = {}
        self._sharing = asyncio.Lock()

    async def start(self, entry: Entry, outcome: Outcome, row: Row) -> task_pb2.Task:
        """The task that an earlier run created for the entry, if it may still succeed; otherwise a new one."""
        task = await self._task(entry, row)
        outcome.task_id = task.id
        return task

    async def finish(self, task: task_pb2.Task, outcome: Outcome, row: Row) -> task_pb2.Task:
        """The task when it has succeeded. If interrupted, it is cancelled or left running, as the outcome then says. Raises TaskFailed."""
        try:
            ended = await self._client.wait(task.id, row.event)
        except asyncio.CancelledError:
            if not await self._cancelled(task.id):
                outcome.status = Status.LEFT
            raise
        # It is paid for: if the download is interrupted, the results wait on the server.
        outcome.status = Status.LEFT
        outcome.notices, outcome.unchanged = [_said(notice) for notice in ended.notices], ended.unchanged
        return ended

    async def _task(self, entry: Entry, row: Row) -> task_pb2.Task:
        if entry.task_id is not None:
            with suppress(NotFound):
                # TASK_NOT_FOUND: expired, or created by another account.
                task = await self._client.get_task(entry.task_id)
                if task.state not in _OVER:
                    return task
            entry.renew()
        elif entry.key_expired:
            entry.renew()
        try:
            return await self._create(entry, row)
        except ApiError as failure:
            if not entry.file_ids or failure.reason not in ("FILE_NOT_FOUND", "IDEMPOTENCY_KEY_MISMATCH"):
                raise
        # The files that the earlier run uploaded are gone.
        entry.renew()
        entry.forget_files()
        return await self._create(entry, row)

    async def _create(self, entry: Entry, row: Row) -> task_pb2.Task:
        if not entry.file_ids:
            # One after the other, so that references keep their order.
            entry.file_ids = [await self._upload(path, row.add_uploaded) for path in entry.inputs]
        for name, path in entry.auxiliary.items():
            if not getattr(entry.parameters, name):
                setattr(entry.parameters, name, await self._shared(path))
        self._journal.write(entry)
        creating = self._client.create_task(entry.file_ids, entry.operations, idempotency_key=entry.idempotency_key)
        task = await self._created(creating)
        row.created(task)
        entry.task_id = task.id
        self._journal.write(entry)
        return task

    async def _uploaded(self, given: Path | str, on_progress: Progress) -> int:
        return (await self._client.upload(given, on_progress)).id

    async def _shared(self, path: Path) -> int:
        """The id of a file that several items need. It is uploaded once."""
        async with self._sharing:
            if path not in self._shared_ids:
                self._shared_ids[path] = (await self._client.upload(path)).id
            return self._shared_ids[path]

    async def _created(self, creating: Awaitable[task_pb2.Task]) -> task_pb2.Task:
        """The task being created. If interrupted meanwhile, wait for its id and cancel it, unless tasks are to continue."""
        work = asyncio.ensure_future(creating)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            with suppress(DarkroomFailure, TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._cancelled((await work).id)
            raise

    async def _cancelled(self, task_id: int) -> bool:
        """Cancel a task, unless `keep` is set. False if it continues, has already ended, or the server cannot be reached."""
        if self.keep:
            return False
        with suppress(DarkroomFailure, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.shield(asyncio.ensure_future(self._client.cancel_task(task_id)))
                return True
        return False


def _said(notice: task_pb2.Notice) -> str:
    """A notice in the words of the command."""
    return notice.message.replace(", with boxes", ", with --box") if notice.code == "no_watermark_found" else notice.message
