"""Hints on the lanes of WORK: a task is waiting for a worker to start it. Losing or repeating one does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind

from darkroom.internal.tasks.v1 import attempt_service_pb2
from services.common.bus import WORK_STREAM, Bus, messaging, work_consumer, work_subject
from services.common.publishing import Outgoing
from services.common.rpc.trace import Origin
from services.common.telemetry import tracing
from services.tasks.model import Task


async def publish_hints(bus: Bus, tasks: Sequence[Task]) -> list[Task]:
    """Publish a hint for each DISPATCHED task, in order and without waiting in between. Returns those whose hint was not confirmed."""
    confirmed = await bus.publisher.publish([_message(task) for task in tasks])
    return [task for task, stored in zip(tasks, confirmed, strict=True) if not stored]


async def hints_waiting(bus: Bus, lane: str) -> int:
    """How many of the lane's hints workers have yet to take and acknowledge. Raises nats.errors.Error.

    Counted by the workers' consumer: after a server was killed, its stream may also hold acknowledged hints, which are no longer delivered.
    """
    try:
        consumer = await bus.jetstream.consumer_info(WORK_STREAM, work_consumer(lane))
    except NotFoundError:  # no worker of this lane has ever come
        stream = await bus.jetstream.stream_info(WORK_STREAM, subjects_filter=work_subject(lane))
        return sum((stream.state.subjects or {}).values())
    return (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)


async def drop_lost_hints(bus: Bus, lane: str) -> None:
    """Remove hints that the lane's workers have acknowledged but a killed server kept in the stream. Raises nats.errors.Error."""
    with suppress(NotFoundError):
        consumer = await bus.jetstream.consumer_info(WORK_STREAM, work_consumer(lane))
        if consumer.ack_floor and consumer.ack_floor.stream_seq:
            await bus.jetstream.purge_stream(WORK_STREAM, seq=consumer.ack_floor.stream_seq + 1, subject=work_subject(lane))


def _message(task: Task) -> Outgoing:
    assert task.dispatch_time is not None
    origin, subject = Origin.parse(task.trace_id), work_subject(task.lane)
    hint = attempt_service_pb2.WorkHint(task_id=task.id, trace_id=origin.request_id)
    # One offer is one message, however often it is sent; a repeated offer is a new message.
    offer = f"{task.id}:{task.dispatch_time.timestamp():.6f}"
    with tracing.below(origin.trace_parent, f"send {subject}", SpanKind.PRODUCER, messaging(subject, "send", task.id)):
        return Outgoing(subject, hint.SerializeToString(), offer, tracing.headers())
