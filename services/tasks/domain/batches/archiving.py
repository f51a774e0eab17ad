"""The results of a batch as one ZIP archive, made by a task."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.common.v1 import errors_pb2
from darkroom.operations.v1 import archive_pb2, operation_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.records import BatchNow
from services.tasks.model.state import TaskState
from services.tasks.store.batches import BatchStore

_MOST_FILES = 5_000
"""In one archive; the limit of PinFiles."""
_LONGEST_MESSAGE = 500


class BatchArchiving:
    """Creates the task. The archive lists what the batch did not produce."""

    def __init__(self, store: BatchStore, batches: AccountBatches, files: FilesClient, acceptance: Acceptance) -> None:
        self._store, self._batches, self._files, self._acceptance = store, batches, files, acceptance

    async def archive(self, account_id: int, batch_id: int, *, trace_id: str, idempotency: IdempotentCall | None) -> Task:
        """A task that packs what the batch has produced so far, in the order of its items; or the task that an earlier call with the same
        key created.

        Raises BATCH_NOT_FOUND, FIELD_INVALID if there is nothing to pack, TOO_MANY_FILES, and the errors of a creation.
        """
        batch = await self._batches.get(account_id, batch_id)
        tasks = await self._store.tasks(account_id, batch_id, limit=batch.batch.task_count)
        made = [file_id for task in tasks for file_id in task.output_file_ids]
        left = {download.file.id for download in await self._files.sign_downloads(account_id, made)}
        kept = [file_id for file_id in made if file_id in left]
        if not kept:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "batch_id: the batch has no results, or they were deleted.", field="batch_id")
        if len(kept) > _MOST_FILES:
            raise DarkroomError(
                ErrorReason.TOO_MANY_FILES,
                f"batch_id: the batch has {len(kept)} results; an archive may have {_MOST_FILES}.",
                field="batch_id",
            )
        archive = archive_pb2.Archive(name=f"batch-{batch_id}", missing=_missing(batch, tasks, left))
        return await self._acceptance.create(
            TaskRequest(
                account_id=account_id,
                operations=[operation_pb2.Operation(archive=archive)],
                input_file_ids=kept,
                input_fields=["batch_id"] * len(kept),
                trace_id=trace_id,
                idempotency=idempotency,
            )
        )


def _missing(batch: BatchNow, tasks: Sequence[Task], left: set[int]) -> list[archive_pb2.MissingResult]:
    """The results that the items did not produce, in their order, with the reason where there is one."""
    missing = [_result(refusal.index, None, refusal.error.reason.number, refusal.error.message) for refusal in batch.refusals]
    for task in tasks:
        index = task.batch_index or 0
        if task.state is TaskState.SUCCEEDED:
            if gone := sum(file_id not in left for file_id in task.output_file_ids):
                message = f"{gone} of its {len(task.output_file_ids)} results no longer exist."
                missing.append(_result(index, task, ErrorReason.FILE_NOT_FOUND.number, message))
        elif task.state.terminal:
            reason = task.error_reason or ErrorReason.INTERNAL
            missing.append(_result(index, task, reason.number, task.error_message or ""))
        else:
            missing.append(_result(index, task, errors_pb2.ERROR_REASON_UNSPECIFIED, "It had not ended when the archive was requested."))
    return sorted(missing, key=lambda result: result.index)


def _result(index: int, task: Task | None, reason: errors_pb2.ErrorReason.ValueType, message: str) -> archive_pb2.MissingResult:
    return archive_pb2.MissingResult(
        index=index, task_id=task.id if task is not None else 0, reason=reason, message=message[:_LONGEST_MESSAGE]
    )
