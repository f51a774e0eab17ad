"""Batches as the messages of the protos."""

from __future__ import annotations

from darkroom.tasks.v1 import batch_pb2
from services.tasks.model.records import BatchNow, Refusal
from services.tasks.surfaces.rendering import timestamp


def batch_message(batch: BatchNow) -> batch_pb2.Batch:
    """The batch as its owner sees it."""
    row = batch.row
    return batch_pb2.Batch(
        id=row.id,
        task_count=row.task_count,
        counts=batch_pb2.BatchCounts(
            queued=batch.queued,
            dispatched=batch.dispatched,
            running=batch.running,
            succeeded=row.succeeded,
            failed=row.failed,
            cancelled=row.cancelled,
        ),
        progress=batch.progress,
        refused=map(_refused_item, batch.refusals),
        create_time=timestamp(row.create_time),
        end_time=timestamp(row.end_time) if row.end_time is not None else None,
        webhook_url=row.webhook_url or "",
    )


def _refused_item(refusal: Refusal) -> batch_pb2.RefusedItem:
    error = refusal.error
    return batch_pb2.RefusedItem(
        index=refusal.index,
        reason=error.reason.number,
        message=error.message,
        field=error.field or "",
        allowed=error.allowed,
        metadata=error.metadata,
    )
