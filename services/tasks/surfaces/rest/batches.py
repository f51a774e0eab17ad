"""`/v1/batches`."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.files.v1 import files_service_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.rest.v1 import batches_pb2, batches_pb2_grpc, tasks_pb2
from services.pictures.operations import spec_of
from services.platform.errors import ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import BatchRequest, RequestedItem
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.batches.archiving import BatchArchiving
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.records import BatchNow, Refusal
from services.tasks.surfaces import ids
from services.tasks.surfaces.pipelines import current_viewer
from services.tasks.surfaces.rendering import deadline_of, destination, timestamp
from services.tasks.surfaces.rest import messages


def error_code(reason: ErrorReason) -> int:
    """The integer `code` of a reason."""
    code = catalogue.surface("rest").code(reason)
    assert isinstance(code, int), reason
    return code


_SUCCESS = "success"


class RestBatches(batches_pb2_grpc.BatchesServiceServicer):
    """Batches of the calling account."""

    def __init__(
        self, acceptance: Acceptance, batches: AccountBatches, archiving: BatchArchiving, files: FilesClient, pipelines: SavedPipelines
    ) -> None:
        self._acceptance, self._batches, self._archiving, self._files = acceptance, batches, archiving, files
        self._pipelines = pipelines

    async def CreateBatch(self, request: batches_pb2.CreateBatchRequest, context: Context) -> batches_pb2.CreateBatchEnvelope:
        """Accept many tasks."""
        created = await self._acceptance.create_batch(
            BatchRequest(
                account_id=current_identity().account_id,
                items=[_item(item, index) for index, item in enumerate(request.items)],
                operations=request.operations,
                saved=self._pipelines.to_run(current_viewer(), request.pipeline_id),
                per_item=request.mode == "per_item",
                files_field="file_ids",
                priority=request.priority,
                deadline=deadline_of(request),
                webhook_url=request.webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
            )
        )
        tasks = [batches_pb2.BatchTask(index=task.batch_index, task_id=str(task.id)) for task in created.tasks]
        data = batches_pb2.CreateBatchResult(batch=_batch(created.batch), tasks=tasks)
        return batches_pb2.CreateBatchEnvelope(code=200, message=_SUCCESS, data=data)

    async def GetBatch(self, request: batches_pb2.GetBatchRequest, context: Context) -> batches_pb2.BatchEnvelope:
        """The state of the batch."""
        batch = await self._batches.wait(current_identity(), ids.batch_id(request.id), request.wait)
        return batches_pb2.BatchEnvelope(code=200, message=_SUCCESS, data=_batch(batch))

    async def ListBatches(self, request: batches_pb2.ListBatchesRequest, context: Context) -> batches_pb2.BatchListEnvelope:
        """List batches, newest first."""
        page = await self._batches.page(current_identity().account_id, size=request.page_size, token=request.page_token)
        data = batches_pb2.BatchList(items=map(_batch, page.batches), next_page_token=page.next_page_token or None)
        return batches_pb2.BatchListEnvelope(code=200, message=_SUCCESS, data=data)

    async def ListBatchTasks(self, request: batches_pb2.ListBatchTasksRequest, context: Context) -> batches_pb2.BatchTasksEnvelope:
        """List the tasks of a batch with their outputs."""
        account_id = current_identity().account_id
        page = await self._batches.tasks(account_id, ids.batch_id(request.id), states=(), size=request.page_size, token=request.page_token)
        # Only SUCCEEDED tasks have outputs; expired outputs are left out.
        downloads = await self._files.sign_downloads(account_id, [file_id for task in page.tasks for file_id in task.output_file_ids])
        data = batches_pb2.BatchTaskList(items=_results(page.tasks, downloads), next_page_token=page.next_page_token or None)
        return batches_pb2.BatchTasksEnvelope(code=200, message=_SUCCESS, data=data)

    async def CancelBatch(self, request: batches_pb2.CancelBatchRequest, context: Context) -> batches_pb2.BatchEnvelope:
        """End all tasks."""
        batch = await self._batches.cancel(current_identity().account_id, ids.batch_id(request.id))
        return batches_pb2.BatchEnvelope(code=200, message=_SUCCESS, data=_batch(batch))

    async def ArchiveBatch(self, request: batches_pb2.ArchiveBatchRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Create a task that packs the results."""
        task = await self._archiving.archive(
            current_identity().account_id, ids.batch_id(request.id), trace_id=str(Origin.current()), idempotency=current_idempotency()
        )
        return tasks_pb2.TaskCreateEnvelope(code=200, message=_SUCCESS, data=messages.create_result(task))

    async def DeleteBatch(self, request: batches_pb2.DeleteBatchRequest, context: Context) -> batches_pb2.BatchDeletedEnvelope:
        """Delete a batch, its tasks and their outputs."""
        await self._batches.delete(current_identity().account_id, ids.batch_id(request.id))
        return batches_pb2.BatchDeletedEnvelope(code=200, message=_SUCCESS)


def _item(item: batches_pb2.BatchItem, index: int) -> RequestedItem:
    file_ids = [ids.file_id(text, f"items[{index}].file_ids[{position}]") for position, text in enumerate(item.file_ids)]
    return RequestedItem(item.operations, file_ids, destination=destination(item.destination))


def _batch(batch: BatchNow) -> batches_pb2.BatchResult:
    stored = batch.batch
    return batches_pb2.BatchResult(
        batch_id=str(stored.id),
        status="Completed" if stored.end_time is not None else "Processing",
        progress=messages.short(batch.progress),
        total=stored.task_count,
        pending=batch.queued,
        processing=batch.running,
        succeeded=stored.succeeded,
        failed=stored.failed + stored.cancelled,
        cancelled=stored.cancelled,
        errors=map(_error, batch.refusals),
        created_at=timestamp(stored.create_time),
        completed_at=timestamp(stored.end_time) if stored.end_time is not None else None,
        operations=[spec_of(operation_pb2.Operation.FromString(each)).name for each in batch.first_operations],
        first_input_name=batch.first_input_name or None,
    )


def _error(refusal: Refusal) -> batches_pb2.ItemError:
    error = refusal.error
    detail = batches_pb2.ItemErrorDetail(
        error_code=error.reason.value.lower(),
        field=error.field,
        allowed=error.allowed,
        rule=error.metadata.get("rule"),
        least=error.limit("least"),
        most=error.limit("most"),
    )
    return batches_pb2.ItemError(
        index=refusal.index,
        code=error_code(error.reason),
        message=error.message,
        data=detail,
    )


def _results(tasks: Sequence[Task], downloads: Sequence[files_service_pb2.Download]) -> list[batches_pb2.BatchTaskResult]:
    by_id = {download.file.id: download for download in downloads}
    return [
        batches_pb2.BatchTaskResult(
            index=task.batch_index,
            result=messages.result(task, [by_id[file_id] for file_id in task.output_file_ids if file_id in by_id]),
        )
        for task in tasks
    ]
