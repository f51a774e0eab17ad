"""Moves a lane's next tasks to DISPATCHED and tells the workers. One of these runs for each lane in each replica."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.common.bus import Bus
from services.common.clock import Clock
from services.tasks.domain.lifecycle.hints import publish_hints
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.model import Task
from services.tasks.store.order import OrderStore

# Bounds the work under the lane's lock.
_BATCH = 100


class Dispatcher:
    """Keeps up to `window` tasks of the lane offered, so that a task with a higher priority never waits behind a long queue of messages.

    A crash after the commit leaves tasks DISPATCHED without a message; the reaper publishes them again.
    """

    def __init__(
        self,
        lane: str,
        store: OrderStore,
        bus: Bus,
        notifications: Notifications,
        window: int,
        max_running: int,
        clock: Clock,
        interval: timedelta = timedelta(),
    ) -> None:
        self._lane, self._store, self._bus, self._notifications = lane, store, bus, notifications
        self._window, self._max_running, self._clock, self._interval = window, max_running, clock, interval
        self._unpublished: list[Task] = []
        self._looked_at: datetime | None = None

    async def step(self) -> bool:
        """Offer what the window has room for, up to a batch; True if there may be more. While NATS is unavailable tasks stay QUEUED. Raises
        ConnectionError when hints were not confirmed; the next step begins with those."""
        if not self._bus.client.is_connected:
            return False
        if not self._unpublished:
            if not await self._some_wait():
                return False
            self._unpublished = await self._store.dispatch(
                self._lane, window=self._window, batch=_BATCH, max_running=self._max_running, now=self._clock()
            )
            for task in self._unpublished:
                self._notifications.changed(task)
        offered = len(self._unpublished)
        self._unpublished = await publish_hints(self._bus, self._unpublished)
        if self._unpublished:
            raise ConnectionError(f"{len(self._unpublished)} hints on lane {self._lane} were not confirmed")
        return offered == _BATCH

    async def _some_wait(self) -> bool:
        """Let due retries take part, at most once per `interval`: a busy lane need not look for them at each step. Returns whether the lane
        may have something to offer."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < self._interval:
            return True
        self._looked_at = now
        return await self._store.make_due(self._lane, now=now)
