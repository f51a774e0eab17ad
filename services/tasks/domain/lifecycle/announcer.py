"""Publishes the events of the transitions that this process makes, from memory and as soon as they have committed."""

from __future__ import annotations

from collections import deque

from services.common.bus import Bus
from services.tasks.domain.lifecycle.events import publish_events
from services.tasks.domain.records import OutgoingEvent
from services.tasks.store.models import Task
from services.tasks.store.tasks import TaskStore

_BATCH = 500
_KEPT = 20_000


class Announcer:
    """The short way of an event to EVENTS: the relay takes it from the database only if it has not been published this way soon."""

    def __init__(self, store: TaskStore, bus: Bus) -> None:
        self._store, self._bus = store, bus
        self._events: deque[OutgoingEvent] = deque(maxlen=_KEPT)

    def add(self, task: Task) -> None:
        """Publish the task's newest event with the next step."""
        self._events.append(OutgoingEvent.newest_of(task))

    async def step(self) -> bool:
        """Publish one batch; True if there is more. What cannot be published is forgotten here."""
        events = [self._events.popleft() for _ in range(min(len(self._events), _BATCH))]
        if not events or not self._bus.client.is_connected:
            return False
        sent = await publish_events(self._bus, events)
        if sent:
            await self._store.events_relayed(outgoing.event for outgoing in sent)
        return bool(self._events)
