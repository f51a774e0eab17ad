"""Events as messages of EVENTS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from prometheus_client import Counter

from darkroom.internal.tasks.v1 import attempt_service_pb2
from services.common.bus import Bus, event_subject
from services.common.publishing import Outgoing
from services.tasks.domain.records import OutgoingEvent
from services.tasks.surfaces.native.messages import published_event

_PUBLISHED = Counter("darkroom_events_published", "Events of tasks published to NATS.")
# A quarter of what NATS takes by default. One event is far smaller.
_LARGEST_MESSAGE = 256 * 1024


async def publish_events(bus: Bus, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
    """Publish events, those of an account together and in order: each message costs the server a write that waits for the disk, and
    each reader a turn. Returns those that are confirmed."""
    messages = [(group, _message(group, bodies)) for group, bodies in _groups(events)]
    confirmed = await bus.publisher.publish([message for _, message in messages])
    stored = [outgoing for (group, _), sure in zip(messages, confirmed, strict=True) if sure for outgoing in group]
    _PUBLISHED.inc(len(stored))
    return stored


def _groups(events: Sequence[OutgoingEvent]) -> Iterator[tuple[list[OutgoingEvent], list[attempt_service_pb2.PublishedEvent]]]:
    """The events that go together, each beside what it is in the message."""
    accounts: dict[int, list[OutgoingEvent]] = {}
    for outgoing in events:
        accounts.setdefault(outgoing.account_id, []).append(outgoing)
    for group in accounts.values():
        begin, size = 0, 0
        bodies: list[attempt_service_pb2.PublishedEvent] = []
        for position, outgoing in enumerate(group):
            body = published_event(outgoing)
            size += body.ByteSize()
            if bodies and size > _LARGEST_MESSAGE:
                yield group[begin:position], bodies
                begin, size, bodies = position, body.ByteSize(), []
            bodies.append(body)
        yield group[begin:], bodies


def _message(group: Sequence[OutgoingEvent], bodies: Sequence[attempt_service_pb2.PublishedEvent]) -> Outgoing:
    subject = event_subject(group[0].account_id, end=any(outgoing.event.state.terminal for outgoing in group))
    names = " ".join(f"{outgoing.event.task_id}:{outgoing.event.sequence}" for outgoing in group)
    # The same events again are the same message.
    message_id = hashlib.sha256(names.encode()).hexdigest()
    return Outgoing(subject, attempt_service_pb2.PublishedEvents(events=bodies).SerializeToString(), message_id)
