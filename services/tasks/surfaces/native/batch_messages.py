"""Batches as the messages of the protos."""

from __future__ import annotations

from darkroom.tasks.v1 import batch_pb2
from services.tasks.model.records import BatchNow, Refusal
from services.tasks.surfaces.rendering import timestamp


def batch_message(batch: BatchNow) -> batch_pb2.Batch:
    """The batch as its owner sees it."""
    stored = batch.batch
    return batch_pb2.Batch(
        id=stored.id,
        task_count=stored.task_count,
        counts=batch_pb2.BatchCounts(
            queued=batch.queued,
            running=batch.running,
            succeeded=stored.succeeded,
            failed=stored.failed,
            cancelled=stored.cancelled,
        ),
        progress=batch.progress,
        refused=map(_refused_item, batch.refusals),
        create_time=timestamp(stored.create_time),
        end_time=timestamp(stored.end_time) if stored.end_time is not None else None,
        webhook_url=stored.webhook_url or "",
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
