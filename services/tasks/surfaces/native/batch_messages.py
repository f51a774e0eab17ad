"""Batches as the messages of the protos."""

from __future__ import annotations

from darkroom.tasks.v1 import batch_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.tasks.domain.batches.records import BatchNow, Refusal
from services.tasks.surfaces.native.messages import timestamp


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
        refused=[batch_pb2.RefusedItem.FromString(item) for item in row.refused],
        create_time=timestamp(row.create_time),
        end_time=timestamp(row.end_time) if row.end_time is not None else None,
        webhook_url=row.webhook_url or "",
    )


def refused_item(refusal: Refusal) -> batch_pb2.RefusedItem:
    """An item that was not accepted, as it is stored and told."""
    error = refusal.error
    return batch_pb2.RefusedItem(
        index=refusal.index,
        reason=error.reason.number,
        message=error.message,
        field=error.field or "",
        allowed=error.allowed,
        metadata=error.metadata,
    )


def error_of(item: batch_pb2.RefusedItem) -> DarkroomError:
    """The error that `refused_item` was made of, for surfaces that word errors in their own way."""
    return DarkroomError(
        ErrorReason.from_number(item.reason), item.message, field=item.field or None, allowed=item.allowed, metadata=dict(item.metadata)
    )
