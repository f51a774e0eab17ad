"""The events of tasks for the watchers of this process: its own at once, those of other replicas as NATS delivers them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.platform.bus import Bus, events_subject
from services.platform.log import get_logger
from services.tasks.domain.owner.account_inboxes import AccountInboxes, Everything
from services.tasks.model import Task, TaskEvent

_logger = get_logger()
_INBOX = 256

Unpack = Callable[[bytes, Container[int]], Sequence[TaskEvent]]
"""The events of some tasks that a message holds; raises ValueError for anything else."""


@dataclass(frozen=True, slots=True)
class News:
    """The events that an inbox has received."""

    events: Sequence[TaskEvent]
    """In the order of arrival."""
    task: Task | None
    """The task as the last of these events left it, if that happened in this process."""
    last_stored: int
    """The last known number of a stored event."""


class Inbox:
    """The events of one task since it was opened. It drops the oldest when they are not taken; that is a gap like any other."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._events: deque[TaskEvent] = deque(maxlen=_INBOX)
        self._task: Task | None = None
        self._stored = 0
        self._filled = asyncio.Event()

    def put(self, event: TaskEvent, task: Task | None = None) -> None:
        """Add an event."""
        self._events.append(event)
        self._task = task
        self._filled.set()

    def note(self, stored: int) -> None:
        """Say what the number of the last stored event is. Wakes its owner only when that is news."""
        if stored > self._stored:
            self._stored = stored
            self._filled.set()

    def wake(self) -> None:
        """Wake its owner for another reason."""
        self._filled.set()

    async def wait(self) -> None:
        """Wait until there is something to take, or `wake` was called."""
        await self._filled.wait()

    def take(self) -> News:
        """Take out what has been received."""
        self._filled.clear()
        news = News(list(self._events), self._task, self._stored)
        self._events.clear()
        self._task = None
        if any(event.state.terminal for event in news.events):
            self._on_end()
        return news


@dataclass(slots=True)
class _Watched:
    """A task with inboxes."""

    inboxes: set[Inbox] = field(default_factory=set)
    last: int = 0
    """The highest number that the inboxes were given. Readers that miss an earlier event read it from the database, which contains it by
    then.
    """


class EventFeed:
    """Hands events to the inboxes of their tasks, each once. Used as `async with EventFeed(bus, unpack) as feed`.

    One subscription serves every watcher, so that watching costs no round trip and an event is read once. While NATS is unavailable only
    this process's own events arrive, and what others publish then is missed.
    """

    def __init__(self, bus: Bus, unpack: Unpack) -> None:
        self._bus, self._unpack = bus, unpack
        self._subscription: Subscription | None = None
        self._watched: dict[int, _Watched] = {}
        self._on_end: list[Callable[[], None]] = []
        self.accounts = AccountInboxes()
        """The inboxes of those who watch all tasks of an account."""

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
        opened = Inbox(self._end_read)
        watched = self._watched.setdefault(task_id, _Watched())
        watched.inboxes.add(opened)
        try:
            yield opened
        finally:
            watched.inboxes.discard(opened)
            if not watched.inboxes:
                self._watched.pop(task_id, None)

    def on_end(self, tell: Callable[[], None]) -> None:
        """Call `tell` when a watcher takes the last event of its task."""
        self._on_end.append(tell)

    def watches(self, task_id: int) -> bool:
        """Whether a task has an inbox."""
        return task_id in self._watched

    def task_ids(self) -> list[int]:
        """The tasks with an inbox."""
        return list(self._watched)

    def note_stored(self, last_sequences: Mapping[int, int]) -> None:
        """Note the numbers of tasks' last stored events in their inboxes."""
        for task_id, sequence in last_sequences.items():
            if (watched := self._watched.get(task_id)) is not None:
                for inbox in watched.inboxes:
                    inbox.note(sequence)

    def put(self, event: TaskEvent, task: Task | None = None) -> None:
        """Hand on an event that is committed, with the task as it left it if that is known."""
        if task is not None:
            self.accounts.put(task.account_id, task.id, event.sequence, task)
        watched = self._watched.get(event.task_id)
        if watched is None or event.sequence <= watched.last:
            return
        watched.last = event.sequence
        for inbox in watched.inboxes:
            inbox.put(event, task)

    def _end_read(self) -> None:
        for tell in self._on_end:
            tell()

    async def _receive(self, message: Msg) -> None:
        if not (self._watched or self.accounts):
            return
        try:
            account_id = int(message.subject.split(".")[1])
            whole = account_id in self.accounts
            events = self._unpack(message.data, Everything() if whole else self._watched)
        except ValueError:
            _logger.warning("event_unreadable", subject=message.subject, size=len(message.data))
            return
        for event in events:
            self.put(event)
            if whole:
                self.accounts.put(account_id, event.task_id, event.sequence)
