"""Publishes events that nobody has published. Any number of relays may run."""

from __future__ import annotations

from datetime import timedelta

from services.common.bus import Bus
from services.tasks.domain.clock import Clock
from services.tasks.domain.lifecycle.events import publish_events
from services.tasks.store.tasks import TaskStore

_BATCH = 500


class Relay:
    """Takes unpublished events that are at least `age` old, publishes them, and marks them. Younger ones are their announcer's.

    An event is published at least once: after a crash in between it is sent again, and JetStream drops the repetition by its id, or its
    readers do by its number. They do not rely on the order either, since events of one task may be published by several replicas.
    """

    def __init__(self, store: TaskStore, bus: Bus, retry: timedelta, clock: Clock, age: timedelta = timedelta()) -> None:
        self._store, self._bus, self._retry, self._clock, self._age = store, bus, retry, clock, age

    async def step(self) -> bool:
        """Publish one batch; True if there may be more. While NATS is away the events stay where they are."""
        if not self._bus.client.is_connected:
            return False
        now = self._clock()
        events = await self._store.take_events(limit=_BATCH, retry_at=now + self._retry, now=now - self._age)
        if not events:
            return False
        sent = await publish_events(self._bus, events)
        if sent:
            await self._store.events_relayed(outgoing.event for outgoing in sent)
        return len(sent) == _BATCH
