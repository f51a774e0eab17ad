"""The events of tasks as NATS delivers them, for the watchers of this process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.common.bus import Bus, events_subject
from services.common.log import get_logger
from services.tasks.model import TaskEvent

_logger = get_logger()
_INBOX = 256

Unpack = Callable[[bytes, Container[int]], Sequence[TaskEvent]]
"""The events of some tasks that a message holds; raises ValueError for anything else."""


class Inbox:
    """The events of one task since it was opened. It drops the oldest when they are not taken; that is a gap like any other."""

    def __init__(self) -> None:
        self._events: deque[TaskEvent] = deque(maxlen=_INBOX)
        self._stored = 0
        self._filled = asyncio.Event()

    def put(self, event: TaskEvent) -> None:
        """Add an event."""
        self._events.append(event)
        self._filled.set()

    def note(self, stored: int) -> None:
        """Say what the number of the last stored event is. Wakes its owner only when that is news."""
        if stored > self._stored:
            self._stored = stored
            self._filled.set()

    async def filled(self, *others: asyncio.Event) -> None:
        """Wait until there is something to take or one of `others` is set."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._filled, *others)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def take(self) -> tuple[list[TaskEvent], int]:
        """Take out the received events, in the order of arrival; and the number of the last stored one, as far as it was noted."""
        self._filled.clear()
        events = list(self._events)
        self._events.clear()
        return events, self._stored


class EventFeed:
    """Hands events to the inboxes of their tasks. Used as `async with EventFeed(bus, unpack) as feed`.

    One subscription serves every watcher, so that watching costs no round trip and an event is read once. While NATS is unavailable nothing
    arrives, and what is published then is missed.
    """

    def __init__(self, bus: Bus, unpack: Unpack) -> None:
        self._bus, self._unpack = bus, unpack
        self._subscription: Subscription | None = None
        self._inboxes: dict[int, set[Inbox]] = {}

    async def __aenter__(self) -> EventFeed:
        self._subscription = await self._bus.client.subscribe(events_subject("*"), cb=self._receive)
        # The subscription is active once the server has answered.
        await self._bus.client.flush()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._subscription is not None and not self._bus.client.is_closed:
            await self._subscription.unsubscribe()

    @asynccontextmanager
    async def inbox(self, task_id: int) -> AsyncIterator[Inbox]:
        """An inbox for a task's events that arrive inside the block."""
        opened = Inbox()
        inboxes = self._inboxes.setdefault(task_id, set())
        inboxes.add(opened)
        try:
            yield opened
        finally:
            inboxes.discard(opened)
            if not inboxes:
                self._inboxes.pop(task_id, None)

    def watched(self) -> list[int]:
        """The tasks with an inbox."""
        return list(self._inboxes)

    def stored(self, last_sequences: Mapping[int, int]) -> None:
        """Note the numbers of tasks' last stored events in their inboxes."""
        for task_id, sequence in last_sequences.items():
            for inbox in self._inboxes.get(task_id, ()):
                inbox.note(sequence)

    async def _receive(self, message: Msg) -> None:
        if not self._inboxes:
            return
        try:
            events = self._unpack(message.data, self._inboxes)
        except ValueError:
            _logger.warning("event_unreadable", subject=message.subject, size=len(message.data))
            return
        for event in events:
            for inbox in self._inboxes[event.task_id]:
                inbox.put(event)
