"""Outputs become visible once their task has succeeded with them: by its event, or sooner when somebody asks for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from services.files.config import FilesSettings
from services.files.domain.clock import Clock
from services.files.store import Ended, FileStore, TaskFileStore
from services.files.store.models import FileRow, FileState


class TaskDirectory(Protocol):
    """What files asks tasks."""

    async def ended(self, task_ids: Collection[int]) -> list[Ended]:
        """Those of the tasks that have ended or do not exist. Raises UNAVAILABLE."""


class Visibility:
    """What an account can see of the files it names."""

    def __init__(self, store: FileStore, task_files: TaskFileStore, tasks: TaskDirectory, settings: FilesSettings, clock: Clock) -> None:
        self._store, self._task_files, self._tasks = store, task_files, tasks
        self._settings, self._clock = settings, clock

    async def visible(self, account_id: int, file_ids: Collection[int]) -> Mapping[int, FileRow]:
        """Those of the files that the account may use, by id.

        A client may name an output in the moment between its task's success and the arrival of the event here; then tasks is asked.
        """
        now = self._clock()
        found = await self._store.find(account_id, file_ids, now)
        hidden = [row for row in found.values() if not row.visible and row.state is FileState.READY]
        if hidden:
            ended = await self._tasks.ended({row.task_id for row in hidden if row.task_id is not None})
            won = {file_id for task in ended for file_id in task.output_file_ids}
            claimed = [row.id for row in hidden if row.id in won]
            if claimed:
                await self._task_files.claim(account_id, claimed, now, self._settings.output_life)
                found |= await self._store.find(account_id, claimed, now)
        return {file_id: row for file_id, row in found.items() if row.visible}
