"""How events reach EVENTS: at once, from the memory of the process that made them, or later, from the database."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Counter

from services.platform.bus import Bus, event_subject
from services.platform.clock import Clock
from services.platform.publishing import Outgoing
from services.tasks.model.records import OutgoingEvent

_PUBLISHED = Counter("darkroom_events_published", "Events of tasks published to NATS.")
_BATCH = 500
_ROWS = 100
_KEPT = 20_000

Packed = tuple[Sequence[OutgoingEvent], bytes]
Pack = Callable[[Sequence[OutgoingEvent]], Iterable[Packed]]
"""Packs the events of one account into message bodies, in order, each with the events that it holds."""


class Outbox(Protocol):
    """The events that are committed and not yet published."""

    async def take_events(self, *, limit: int, retry_at: datetime, now: datetime) -> Sequence[OutgoingEvent]:
        """The events of up to `limit` rows, by task and number; other calls skip them until `retry_at`."""

    async def events_relayed(self, events: Iterable[OutgoingEvent]) -> None:
        """Forget rows all of whose events are published."""


class EventPublisher:
    """Publishes events."""

    def __init__(self, bus: Bus, pack: Pack) -> None:
        self._bus, self._pack = bus, pack

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached."""
        return self._bus.client.is_connected

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """Publish events, those of each account together and in order, since each message costs the server a synchronous disk write and
        each reader a turn. Returns those that the bus has confirmed."""
        accounts: dict[int, list[OutgoingEvent]] = {}
        for outgoing in events:
            accounts.setdefault(outgoing.account_id, []).append(outgoing)
        packed = [message for group in accounts.values() for message in self._pack(group)]
        confirmed = await self._bus.publisher.publish([_message(group, body) for group, body in packed])
        sent = [outgoing for (group, _), sure in zip(packed, confirmed, strict=True) if sure for outgoing in group]
        _PUBLISHED.inc(len(sent))
        return sent


class _Confirmed:
    """Which rows of the outbox are published as a whole: the events of one may go out at different times and in different messages."""

    def __init__(self) -> None:
        self._events: dict[int, set[tuple[int, int]]] = {}

    def rows(self, events: Iterable[OutgoingEvent]) -> list[OutgoingEvent]:
        """The last of each row's events, once all are confirmed; and those that no row names."""
        last = []
        for outgoing in events:
            if outgoing.outbox_id is not None and outgoing.outbox_events > 1:
                events_of_row = self._events.setdefault(outgoing.outbox_id, set())
                events_of_row.add((outgoing.event.task_id, outgoing.event.sequence))
                if len(events_of_row) < outgoing.outbox_events:
                    continue
                del self._events[outgoing.outbox_id]
            last.append(outgoing)
        while len(self._events) > _KEPT:  # The rest of these is left to the relay.
            del self._events[next(iter(self._events))]
        return last


class Announcer:
    """The fast path: the relay takes an event from the database only if this has not published it soon."""

    def __init__(self, outbox: Outbox, publisher: EventPublisher, on_done: Callable[[], None]) -> None:
        """`on_done` is called when there is something to `forget`."""
        self._outbox, self._publisher, self._on_done = outbox, publisher, on_done
        self._events: deque[OutgoingEvent] = deque(maxlen=_KEPT)
        self._confirmed = _Confirmed()
        self._done: list[OutgoingEvent] = []

    def add(self, event: OutgoingEvent) -> None:
        """Publish an event with the next step."""
        self._events.append(event)

    async def step(self) -> bool:
        """Publish one batch; True if there is more. Events that cannot be published are dropped here and left to the relay."""
        events = [self._events.popleft() for _ in range(min(len(self._events), _BATCH))]
        if not events or not self._publisher.is_connected:
            return False
        done = self._confirmed.rows(await self._publisher.publish(events))
        if done and not self._done:
            self._on_done()
        self._done += done
        return bool(self._events)

    async def forget(self) -> bool:
        """Empty the outbox of what is published, now and then: a statement for many. False, since there is never more to do at once."""
        done, self._done = self._done, []
        if done:
            await self._outbox.events_relayed(done)
        return False


class Relay:
    """Publishes unpublished events that are at least `age` old. Younger ones are left to their announcer. Any number of relays may run.

    An event is published at least once: after a crash in between it is sent again, and JetStream drops the duplicate by its id, or readers
    drop it by its number. Readers do not rely on the order either, since events of one task may be published by several replicas.
    """

    def __init__(self, outbox: Outbox, publisher: EventPublisher, retry: timedelta, clock: Clock, age: timedelta = timedelta()) -> None:
        self._outbox, self._publisher, self._retry, self._clock, self._age = outbox, publisher, retry, clock, age

    async def step(self) -> bool:
        """Publish the events of some rows; True if there may be more. While NATS is unavailable the events stay where they are."""
        if not self._publisher.is_connected:
            return False
        now = self._clock()
        events = await self._outbox.take_events(limit=_ROWS, retry_at=now + self._retry, now=now - self._age)
        sent = await self._publisher.publish(events) if events else ()
        if done := _Confirmed().rows(sent):
            await self._outbox.events_relayed(done)
        return len(sent) == len(events) >= _ROWS


def _message(group: Sequence[OutgoingEvent], body: bytes) -> Outgoing:
    subject = event_subject(group[0].account_id, end=any(outgoing.event.state.terminal and outgoing.concerns_files for outgoing in group))
    names = " ".join(f"{outgoing.event.task_id}:{outgoing.event.sequence}" for outgoing in group)
    # Repeating the same events gives the same message.
    return Outgoing(subject, body, hashlib.sha256(names.encode()).hexdigest())
