"""Batches: many tasks created, followed, cancelled and collected together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import grpc

from darkroom.calls import CALL_SECONDS, Call, new_key, pages
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import batch_pb2, batches_service_pb2, batches_service_pb2_grpc, task_pb2

OnProgress = Callable[[batch_pb2.Batch], None]

_CREATE_SECONDS = 120.0
"""Longer than other calls: the server examines every file that is used for the first time."""
_LONGEST_WAIT = 60
_PROGRESS_WAIT = 1


class Batches:
    """`batches` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = batches_service_pb2_grpc.BatchesServiceStub(channel), call

    async def create(
        self,
        items: Sequence[Sequence[int] | batches_service_pb2.BatchItem],
        operations: Sequence[operation_pb2.Operation] = (),
        *,
        pipeline_id: str = "",
        per_item: bool = False,
        priority: int = 0,
        deadline: datetime | None = None,
        webhook_url: str = "",
        idempotency_key: str | None = None,
    ) -> batches_service_pb2.CreateBatchResponse:
        """Create up to 500 tasks, one per item. An item is a list of input file ids, or a `BatchItem` with its own operations.

        By default either all tasks are created or none is, and ApiError names the item at fault. With `per_item`, `batch.refused` in the
        reply lists the items that were refused, and ApiError is raised only if all were. `webhook_url` is notified when the whole batch
        has ended. `pipeline_id` names a saved pipeline whose operations are run, in place of `operations`. Idempotency keys work as in
        `AsyncClient.create_task`.
        """
        request = batches_service_pb2.CreateBatchRequest(
            items=[_item(item) for item in items],
            operations=operations,
            pipeline_id=pipeline_id,
            mode=batch_pb2.BATCH_MODE_PER_ITEM if per_item else batch_pb2.BATCH_MODE_ATOMIC,
            priority=priority,
            webhook_url=webhook_url,
        )
        if deadline is not None:
            request.deadline.FromDatetime(deadline)
        key = idempotency_key or new_key()
        created: batches_service_pb2.CreateBatchResponse = await self._call(
            self._stub.CreateBatch, request, idempotency_key=key, timeout=_CREATE_SECONDS
        )
        return created

    async def get(self, batch_id: int, wait_seconds: int = 0) -> batch_pb2.Batch:
        """One batch. With `wait_seconds` (up to 60), the call returns once all its tasks have ended, or when that time has passed."""
        request = batches_service_pb2.GetBatchRequest(batch_id=batch_id, wait_seconds=wait_seconds)
        reply: batches_service_pb2.GetBatchResponse = await self._call(self._stub.GetBatch, request, timeout=CALL_SECONDS + wait_seconds)
        return reply.batch

    async def wait(self, batch_id: int, on_progress: OnProgress | None = None) -> batch_pb2.Batch:
        """Wait until all tasks have ended, in any state, and return the batch. `on_progress` is called about once a second."""
        while True:
            batch = await self.get(batch_id, _LONGEST_WAIT if on_progress is None else _PROGRESS_WAIT)
            if on_progress is not None:
                on_progress(batch)
            if batch.HasField("end_time"):
                return batch

    async def list(self, limit: int = 20) -> Sequence[batch_pb2.Batch]:
        """The newest batches, up to `limit`."""
        return [batch async for batch in self.iterate(limit)]

    async def iterate(self, limit: int | None = None) -> AsyncIterator[batch_pb2.Batch]:
        """The account's batches, newest first, fetched page by page as they are read."""
        async for batch in pages(
            self._call, self._stub.ListBatches, batches_service_pb2.ListBatchesRequest(page_size=100), "batches", limit
        ):
            yield batch

    async def tasks(self, batch_id: int, states: Sequence[task_pb2.TaskState.ValueType] = ()) -> Sequence[task_pb2.Task]:
        """The batch's tasks in the order of its items; only those in one of `states`, if given."""
        return [task async for task in self.iterate_tasks(batch_id, states)]

    async def iterate_tasks(self, batch_id: int, states: Sequence[task_pb2.TaskState.ValueType] = ()) -> AsyncIterator[task_pb2.Task]:
        """The same, fetched page by page as they are read."""
        request = batches_service_pb2.ListBatchTasksRequest(batch_id=batch_id, page_size=500, states=states)
        async for task in pages(self._call, self._stub.ListBatchTasks, request, "tasks"):
            yield task

    async def cancel(self, batch_id: int) -> batch_pb2.Batch:
        """Cancel every task that has not ended."""
        reply: batches_service_pb2.CancelBatchResponse = await self._call(
            self._stub.CancelBatch, batches_service_pb2.CancelBatchRequest(batch_id=batch_id)
        )
        return reply.batch

    async def archive(self, batch_id: int) -> task_pb2.Task:
        """Create a task that packs the batch's outputs so far into one ZIP archive. `errors.json` in the archive lists what is missing."""
        reply: batches_service_pb2.ArchiveBatchResponse = await self._call(
            self._stub.ArchiveBatch, batches_service_pb2.ArchiveBatchRequest(batch_id=batch_id), idempotency_key=new_key()
        )
        return reply.task

    async def delete(self, batch_id: int) -> None:
        """Delete a batch that has ended, with its tasks and their outputs."""
        await self._call(self._stub.DeleteBatch, batches_service_pb2.DeleteBatchRequest(batch_id=batch_id))


def _item(item: Sequence[int] | batches_service_pb2.BatchItem) -> batches_service_pb2.BatchItem:
    return item if isinstance(item, batches_service_pb2.BatchItem) else batches_service_pb2.BatchItem(input_file_ids=item)
