"""Running operations, from inputs to results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from darkroom.content import Source
from darkroom.file_calls import FilesPart
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.task_calls import OnEvent, TasksPart
from darkroom.tasks.v1 import task_pb2
from darkroom.transfer import Progress

Input = Source | int | file_pb2.File
"""An input of an operation: anything that can be uploaded, URLs among it, or the id or record of a file on the server."""


class RunningPart(FilesPart, TasksPart):
    """The methods of `AsyncClient` that upload, create a task and wait for it in one call."""

    async def run(
        self,
        inputs: Sequence[Input],
        operations: Sequence[operation_pb2.Operation] = (),
        *,
        pipeline_id: str = "",
        priority: int = 0,
        deadline: datetime | None = None,
        webhook_url: str = "",
        idempotency_key: str | None = None,
        on_upload: Progress | None = None,
        on_event: OnEvent | None = None,
    ) -> task_pb2.Task:
        """Upload the inputs that are not on the server yet, run operations on them, and return the task when it has succeeded.

        `darkroom.operations` builds the operations; `pipeline_id` names a saved pipeline to take them from instead. `on_upload` is called
        with the number of bytes sent since the last call, `on_event` with each event of the task. With your own `idempotency_key`, calling
        again with the same inputs within 24 hours, even from another process, continues the same uploads and the same task. Raises
        TaskFailed. If this call is interrupted, the task continues.
        """
        file_ids = [await self._file_id(given, f"input-{number}", idempotency_key, on_upload) for number, given in enumerate(inputs)]
        task = await self.create_task(file_ids, operations, priority, deadline, idempotency_key, webhook_url, pipeline_id)
        return await self.wait(task.id, on_event)

    async def auxiliary_id(
        self, given: Input | None, name: str, idempotency_key: str | None = None, on_upload: Progress | None = None
    ) -> int:
        """The file id for a parameter of an operation that names a file, which is uploaded if it is not on the server yet. 0 for None.

        With an `idempotency_key`, calling again with the same `name` continues the same upload. Use the same key for everything that
        belongs to one task.
        """
        return 0 if given is None else await self._file_id(given, name, idempotency_key, on_upload)

    async def _file_id(self, given: Input, name: str, idempotency_key: str | None, on_upload: Progress | None) -> int:
        if isinstance(given, int):
            return given
        if isinstance(given, file_pb2.File):
            return given.id
        key = f"{idempotency_key}/{name}" if idempotency_key else None
        return (await self.upload(given, on_upload, idempotency_key=key)).id

    async def process(
        self, path: Input, operations: Sequence[operation_pb2.Operation], folder: str | os.PathLike[str], *, overwrite: bool = False
    ) -> list[Path]:
        """Upload a file, run operations on it, and download the results into a folder. Raises TaskFailed."""
        task = await self.run([path], operations)
        return await self.download(task, folder, overwrite=overwrite)
