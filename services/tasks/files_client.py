"""What tasks asks of the files service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from darkroom.files.v1 import file_pb2, files_service_pb2
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from services.common.errors import DarkroomError, ErrorReason, translated
from services.common.rpc.channel import Caller

# The first use of a file heads and probes it, which may read several ranges of each of 100 files.
_PIN_SECONDS = 60.0
# The same for up to 5,000 files; less than the edge waits for the whole call.
_PIN_MANY_SECONDS = 110.0
_SECONDS = 10.0
_MOST_DOWNLOADS = 500  # the limit of SignDownloads


@dataclass(frozen=True, slots=True)
class Pinned:
    """What became of the inputs of many tasks."""

    task_ids: Sequence[int]
    """Tasks whose files are pinned."""
    files: Mapping[int, file_pb2.File]
    """Those that can be used, by id."""
    refusals: Mapping[int, DarkroomError]
    """The others, by id."""


class FilesClient:
    """Calls StorageService on behalf of an account. Every method raises `DarkroomError`."""

    def __init__(self, stub: storage_service_pb2_grpc.StorageServiceAsyncStub, caller: Caller) -> None:
        self._stub, self._caller = stub, caller

    async def pin(self, account_id: int, task_id: int, file_ids: Sequence[int]) -> list[file_pb2.File]:
        """Make sure that the files are READY, and keep them for the task. One file an id, in order."""
        with translated():
            reply = await self._stub.PinFiles(
                storage_service_pb2.PinFilesRequest(task_id=task_id, file_ids=file_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_PIN_SECONDS,
            )
        return list(reply.files)

    async def pin_tasks(self, account_id: int, wanted: Mapping[int, Sequence[int]], *, all_or_none: bool) -> Pinned:
        """`pin` for many tasks, each with its files. A task with a refused file gets no pins; with `all_or_none`, then none does.

        Raises UNAVAILABLE, and nothing for the sake of one file.
        """
        if not wanted:
            return Pinned([], {}, {})
        request = storage_service_pb2.PinTasksRequest(
            tasks=[storage_service_pb2.TaskInputs(task_id=task_id, file_ids=file_ids) for task_id, file_ids in wanted.items()],
            all_or_none=all_or_none,
        )
        with translated():
            reply = await self._stub.PinTasks(request, metadata=self._caller.on_behalf_of(account_id), timeout=_PIN_MANY_SECONDS)
        refusals = {
            refusal.file_id: DarkroomError(
                ErrorReason.from_number(refusal.reason), refusal.message, metadata={"file_id": str(refusal.file_id)}
            )
            for refusal in reply.refusals
        }
        pinned = [task_id for task_id, file_ids in wanted.items() if refusals.keys().isdisjoint(file_ids)]
        return Pinned([] if all_or_none and refusals else pinned, {file.id: file for file in reply.files}, refusals)

    async def unpin_tasks(self, account_id: int, task_ids: Sequence[int]) -> None:
        """Let go of what was pinned for tasks that were not created."""
        with translated():
            await self._stub.UnpinTasks(
                storage_service_pb2.UnpinTasksRequest(task_ids=task_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def unpin(self, account_id: int, task_id: int) -> None:
        """Let go of what was pinned for a task that was not created."""
        with translated():
            await self._stub.UnpinFiles(
                storage_service_pb2.UnpinFilesRequest(task_id=task_id),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def delete_outputs(self, account_id: int, task_id: int, file_ids: Sequence[int]) -> None:
        """Delete what a task has succeeded with."""
        if not file_ids:
            return
        with translated():
            await self._stub.DeleteOutputs(
                storage_service_pb2.DeleteOutputsRequest(task_id=task_id, file_ids=file_ids),
                metadata=self._caller.on_behalf_of(account_id),
                timeout=_SECONDS,
            )

    async def sign_downloads(self, account_id: int, file_ids: Sequence[int]) -> list[files_service_pb2.Download]:
        """Download URLs of the files that still exist, in order."""
        downloads: list[files_service_pb2.Download] = []
        for start in range(0, len(file_ids), _MOST_DOWNLOADS):
            with translated():
                reply = await self._stub.SignDownloads(
                    storage_service_pb2.SignDownloadsRequest(file_ids=file_ids[start : start + _MOST_DOWNLOADS]),
                    metadata=self._caller.on_behalf_of(account_id),
                    timeout=_SECONDS,
                )
            downloads += reply.downloads
        return downloads
