"""Events of tasks as the messages of EVENTS, which other services and the watchers of every replica read."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import UTC

from google.protobuf.message import DecodeError

from darkroom.internal.tasks.v1 import events_pb2
from services.platform.errors import ErrorReason
from services.tasks.model import TaskEvent
from services.tasks.model.records import OutgoingEvent
from services.tasks.surfaces.rendering import event_message, state_of

# A quarter of what NATS takes by default. One event is far smaller.
_LARGEST_MESSAGE = 256 * 1024


def pack_events(events: Sequence[OutgoingEvent]) -> Iterator[tuple[Sequence[OutgoingEvent], bytes]]:
    """Events of one account in as few messages as possible, each with its events."""
    begin, size = 0, 0
    bodies: list[events_pb2.PublishedEvent] = []
    for position, outgoing in enumerate(events):
        body = published_event(outgoing)
        size += body.ByteSize()
        if bodies and size > _LARGEST_MESSAGE:
            yield events[begin:position], events_pb2.PublishedEvents(events=bodies).SerializeToString()
            begin, size, bodies = position, body.ByteSize(), []
        bodies.append(body)
    yield events[begin:], events_pb2.PublishedEvents(events=bodies).SerializeToString()


def unpack_events(message: bytes, task_ids: Container[int]) -> list[TaskEvent]:
    """The events of some tasks that a message holds. Raises ValueError for anything else."""
    try:
        published = events_pb2.PublishedEvents.FromString(message)
    except DecodeError as error:
        raise ValueError("not a message of EVENTS") from error
    return [_event(one) for one in published.events if one.event.task_id in task_ids]


def published_event(outgoing: OutgoingEvent) -> events_pb2.PublishedEvent:
    """The event as it goes to EVENTS."""
    return events_pb2.PublishedEvent(
        account_id=outgoing.account_id,
        event=event_message(outgoing.event),
        output_file_ids=outgoing.output_file_ids,
        trace_parent=outgoing.trace_parent,
    )


def _event(published: events_pb2.PublishedEvent) -> TaskEvent:
    event = published.event
    failed = event.HasField("error")
    return TaskEvent(
        task_id=event.task_id,
        sequence=event.sequence,
        state=state_of(event.state),
        attempt=event.attempt,
        progress=event.progress,
        message=event.message,
        error_reason=ErrorReason.from_number(event.error.reason) if failed else None,
        error_message=event.error.message if failed else None,
        time=event.time.ToDatetime(tzinfo=UTC),
        unchanged=event.unchanged,
    )
