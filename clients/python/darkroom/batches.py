"""Batches of the account: many tasks created, followed, cancelled and collected together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import grpc

from darkroom.calls import CALL_SECONDS, Call, new_key, pages
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import batch_pb2, batches_service_pb2, batches_service_pb2_grpc, task_pb2

OnProgress = Callable[[batch_pb2.Batch], None]

_CREATE_SECONDS = 120.0
"""The server looks at every file that is used for the first time."""
_LONGEST_WAIT = 60
_SHORTEST_LOOK = 1


class Batches:
    """The batches part of `AsyncClient`; its methods raise what those of the client do."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = batches_service_pb2_grpc.BatchesServiceStub(channel), call

    async def create(
        self,
        items: Sequence[Sequence[int] | batches_service_pb2.BatchItem],
        operations: Sequence[operation_pb2.Operation] = (),
        *,
        per_item: bool = False,
        priority: int = 0,
        deadline: datetime | None = None,
        webhook_url: str = "",
        idempotency_key: str | None = None,
    ) -> batches_service_pb2.CreateBatchResponse:
        """Create up to 500 tasks, one an item: its input files, or a `BatchItem` with operations of its own.

        Without `per_item` all are created, or none and ApiError says which item is to blame. With it, `batch.refused` of the reply tells
        the items that were not created, and ApiError is raised only if none was. `webhook_url` hears of the end of the whole batch. Keys
        are as in `AsyncClient.create_task`.
        """
        request = batches_service_pb2.CreateBatchRequest(
            items=[_item(item) for item in items],
            operations=operations,
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
        """One batch: as it is, or as soon as all its tasks have ended, but after `wait_seconds`, up to 60, at the latest."""
        request = batches_service_pb2.GetBatchRequest(batch_id=batch_id, wait_seconds=wait_seconds)
        reply: batches_service_pb2.GetBatchResponse = await self._call(self._stub.GetBatch, request, timeout=CALL_SECONDS + wait_seconds)
        return reply.batch

    async def wait(self, batch_id: int, on_progress: OnProgress | None = None) -> batch_pb2.Batch:
        """Wait until all tasks have ended, however, and return the batch. `on_progress` is called about once a second."""
        while True:
            batch = await self.get(batch_id, _LONGEST_WAIT if on_progress is None else _SHORTEST_LOOK)
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
        """The batch's tasks in the order of its items, in one of the given states if any are given."""
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
        """Create a task that puts the outputs which a batch has so far into one ZIP archive, its only output; `errors.json` inside lists
        what is missing."""
        reply: batches_service_pb2.ArchiveBatchResponse = await self._call(
            self._stub.ArchiveBatch, batches_service_pb2.ArchiveBatchRequest(batch_id=batch_id), idempotency_key=new_key()
        )
        return reply.task

    async def delete(self, batch_id: int) -> None:
        """Delete a batch that has ended, with its tasks and the files that they made."""
        await self._call(self._stub.DeleteBatch, batches_service_pb2.DeleteBatchRequest(batch_id=batch_id))


def _item(item: Sequence[int] | batches_service_pb2.BatchItem) -> batches_service_pb2.BatchItem:
    return item if isinstance(item, batches_service_pb2.BatchItem) else batches_service_pb2.BatchItem(input_file_ids=item)
