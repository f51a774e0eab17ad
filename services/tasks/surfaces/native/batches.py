"""`darkroom.tasks.v1.BatchesService`: batches in the native public API."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from darkroom.tasks.v1 import batch_pb2, batches_service_pb2, batches_service_pb2_grpc
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import BatchRequest, RequestedItem
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.batches.archiving import BatchArchiving
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.surfaces.native.batch_messages import batch_message
from services.tasks.surfaces.native.messages import task_message
from services.tasks.surfaces.pipelines import current_viewer
from services.tasks.surfaces.rendering import deadline_of, destination, state_of


class NativeBatches(batches_service_pb2_grpc.BatchesServiceServicer):
    """Batches of the calling account."""

    def __init__(
        self, acceptance: Acceptance, batches: AccountBatches, archiving: BatchArchiving, pipelines: SavedPipelines, kept: timedelta
    ) -> None:
        self._acceptance, self._batches, self._archiving, self._pipelines = acceptance, batches, archiving, pipelines
        self._task = partial(task_message, kept=kept)

    async def CreateBatch(
        self, request: batches_service_pb2.CreateBatchRequest, context: Context
    ) -> batches_service_pb2.CreateBatchResponse:
        """Accept many tasks."""
        created = await self._acceptance.create_batch(
            BatchRequest(
                account_id=current_identity().account_id,
                items=[
                    RequestedItem(item.operations, item.input_file_ids, destination=destination(item.destination)) for item in request.items
                ],
                operations=request.operations,
                saved=self._pipelines.to_run(current_viewer(), request.pipeline_id),
                per_item=request.mode == batch_pb2.BATCH_MODE_PER_ITEM,
                priority=request.priority,
                deadline=deadline_of(request),
                webhook_url=request.webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
            )
        )
        return batches_service_pb2.CreateBatchResponse(batch=batch_message(created.batch), tasks=map(self._task, created.tasks))

    async def GetBatch(self, request: batches_service_pb2.GetBatchRequest, context: Context) -> batches_service_pb2.GetBatchResponse:
        """Look up one batch, now or once it has ended."""
        batch = await self._batches.wait(current_identity(), request.batch_id, request.wait_seconds)
        return batches_service_pb2.GetBatchResponse(batch=batch_message(batch))

    async def ListBatches(
        self, request: batches_service_pb2.ListBatchesRequest, context: Context
    ) -> batches_service_pb2.ListBatchesResponse:
        """List batches, newest first."""
        page = await self._batches.page(current_identity().account_id, size=request.page_size, token=request.page_token)
        return batches_service_pb2.ListBatchesResponse(batches=map(batch_message, page.batches), next_page_token=page.next_page_token)

    async def ListBatchTasks(
        self, request: batches_service_pb2.ListBatchTasksRequest, context: Context
    ) -> batches_service_pb2.ListBatchTasksResponse:
        page = await self._batches.tasks(
            current_identity().account_id,
            request.batch_id,
            states=[state_of(number) for number in request.states],
            size=request.page_size,
            token=request.page_token,
        )
        return batches_service_pb2.ListBatchTasksResponse(tasks=map(self._task, page.tasks), next_page_token=page.next_page_token)

    async def CancelBatch(
        self, request: batches_service_pb2.CancelBatchRequest, context: Context
    ) -> batches_service_pb2.CancelBatchResponse:
        """End all tasks."""
        batch = await self._batches.cancel(current_identity().account_id, request.batch_id)
        return batches_service_pb2.CancelBatchResponse(batch=batch_message(batch))

    async def ArchiveBatch(
        self, request: batches_service_pb2.ArchiveBatchRequest, context: Context
    ) -> batches_service_pb2.ArchiveBatchResponse:
        """Create a task that packs the outputs."""
        task = await self._archiving.archive(
            current_identity().account_id, request.batch_id, trace_id=str(Origin.current()), idempotency=current_idempotency()
        )
        return batches_service_pb2.ArchiveBatchResponse(task=self._task(task))

    async def DeleteBatch(
        self, request: batches_service_pb2.DeleteBatchRequest, context: Context
    ) -> batches_service_pb2.DeleteBatchResponse:
        """Delete a batch, its tasks and their outputs."""
        await self._batches.delete(current_identity().account_id, request.batch_id)
        return batches_service_pb2.DeleteBatchResponse()
