"""How events reach EVENTS: at once, from the memory of the process that made them, or later, from the database."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from prometheus_client import Counter

from services.common.bus import Bus, event_subject
from services.common.clock import Clock
from services.common.publishing import Outgoing
from services.tasks.model import Task
from services.tasks.model.records import OutgoingEvent
from services.tasks.store.events import EventStore

_PUBLISHED = Counter("darkroom_events_published", "Events of tasks published to NATS.")
_BATCH = 500
_KEPT = 20_000

Packed = tuple[Sequence[OutgoingEvent], bytes]
Pack = Callable[[Sequence[OutgoingEvent]], Iterable[Packed]]
"""Packs the events of one account into message bodies, in order, each with the events that it holds."""


class EventPublisher:
    """Publishes events and marks them as published."""

    def __init__(self, store: EventStore, bus: Bus, pack: Pack) -> None:
        self._store, self._bus, self._pack = store, bus, pack

    @property
    def connected(self) -> bool:
        """Whether NATS can be reached."""
        return self._bus.client.is_connected

    async def publish(self, events: Sequence[OutgoingEvent]) -> int:
        """Publish events, those of each account together and in order, since each message costs the server a synchronous disk write and
        each reader a turn. Returns how many were confirmed."""
        accounts: dict[int, list[OutgoingEvent]] = {}
        for outgoing in events:
            accounts.setdefault(outgoing.account_id, []).append(outgoing)
        packed = [message for group in accounts.values() for message in self._pack(group)]
        confirmed = await self._bus.publisher.publish([_message(group, body) for group, body in packed])
        sent = [outgoing.event for (group, _), sure in zip(packed, confirmed, strict=True) if sure for outgoing in group]
        _PUBLISHED.inc(len(sent))
        if sent:
            await self._store.events_relayed(sent)
        return len(sent)


class Announcer:
    """The fast path: the relay takes an event from the database only if this has not published it soon."""

    def __init__(self, publisher: EventPublisher) -> None:
        self._publisher = publisher
        self._events: deque[OutgoingEvent] = deque(maxlen=_KEPT)

    def add(self, task: Task) -> None:
        """Publish the task's newest event with the next step."""
        self._events.append(OutgoingEvent.newest_of(task))

    async def step(self) -> bool:
        """Publish one batch; True if there is more. What cannot be published is dropped here and left to the relay."""
        events = [self._events.popleft() for _ in range(min(len(self._events), _BATCH))]
        if not events or not self._publisher.connected:
            return False
        await self._publisher.publish(events)
        return bool(self._events)


class Relay:
    """Publishes unpublished events that are at least `age` old. Younger ones are left to their announcer. Any number of relays may run.

    An event is published at least once: after a crash in between it is sent again, and JetStream drops the duplicate by its id, or readers
    drop it by its number. Readers do not rely on the order either, since events of one task may be published by several replicas.
    """

    def __init__(self, store: EventStore, publisher: EventPublisher, retry: timedelta, clock: Clock, age: timedelta = timedelta()) -> None:
        self._store, self._publisher, self._retry, self._clock, self._age = store, publisher, retry, clock, age

    async def step(self) -> bool:
        """Publish one batch; True if there may be more. While NATS is unavailable the events stay where they are."""
        if not self._publisher.connected:
            return False
        now = self._clock()
        events = await self._store.take_events(limit=_BATCH, retry_at=now + self._retry, now=now - self._age)
        if not events:
            return False
        return await self._publisher.publish(events) == _BATCH


def _message(group: Sequence[OutgoingEvent], body: bytes) -> Outgoing:
    subject = event_subject(group[0].account_id, end=any(outgoing.event.state.terminal for outgoing in group))
    names = " ".join(f"{outgoing.event.task_id}:{outgoing.event.sequence}" for outgoing in group)
    # Repeating the same events gives the same message.
    return Outgoing(subject, body, hashlib.sha256(names.encode()).hexdigest())
