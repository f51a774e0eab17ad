"""Notices of cancelled tasks, so that workers stop at once rather than at the next heartbeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from nats.aio.msg import Msg

from services.platform.bus import Bus, cancel_subject
from services.platform.log import get_logger

_logger = get_logger()


class Cancellations:
    """Whom to notify when a task is cancelled. A message is only a hint: its receiver checks with the tasks service."""

    def __init__(self) -> None:
        self._watchers: dict[int, Callable[[], None]] = {}

    @contextmanager
    def watching(self, task_id: int, notify: Callable[[], None]) -> Iterator[None]:
        """Call `notify` if the task is cancelled while the block runs."""
        self._watchers[task_id] = notify
        try:
            yield
        finally:
            # A task that was taken over may come back to this worker while its lost attempt is still ending.
            if self._watchers.get(task_id) is notify:
                del self._watchers[task_id]

    async def receive(self, message: Msg) -> None:
        """Handle a message on CANCEL.<task>."""
        task = message.subject.rpartition(".")[2]
        notify = self._watchers.get(int(task)) if task.isdecimal() else None
        if notify is not None:
            _logger.info("cancellation_heard", task_id=int(task))
            notify()


@asynccontextmanager
async def listening(bus: Bus) -> AsyncIterator[Cancellations]:
    """Receive notices until the block ends."""
    cancellations = Cancellations()
    subscription = await bus.client.subscribe(cancel_subject("*"), cb=cancellations.receive)
    try:
        yield cancellations
    finally:
        await subscription.unsubscribe()
