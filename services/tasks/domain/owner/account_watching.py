"""The stream of changes of an account's tasks: the current state of each task, at most a few times a second, its last state always.

The database is the truth; the feed says sooner which tasks have changed. A watcher opens its inbox first and then reads what the database
has, so that whatever happens in between is in one of the two. Every few seconds one statement, for all watched accounts of this process,
finds what the feed did not bring.

A watcher resumes from a moment: that of the last such look before the update that it has received. All changes up to then have been sent,
except those of statements that were still under way, which is why a look goes back `_LATE` before the one before it. A resuming watcher may
therefore receive a known state of a task again, and never misses a change.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.platform.clock import Clock
from services.platform.identity import Identity
from services.platform.revocations import Revocations
from services.tasks.domain.owner.account_inboxes import MOST, AccountInboxes, AccountNews
from services.tasks.domain.owner.interruptions import interruptible, shutdown_error
from services.tasks.model import Task
from services.tasks.model.deletion import Deletion
from services.tasks.store.changes import ChangeStore

_LATE = timedelta(seconds=20)
"""A statement waits up to ten seconds for a connection; the rest is for its work and for the clocks of replicas."""
_SPACING = 0.25
"""Seconds between two sendings to a watcher: what changes in between is sent once."""
_RESUMABLE = timedelta(days=1)
_RESUMED = 1_000
"""Changes that a watcher is sent when it resumes."""
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Resumable:
    """Something to send."""

    moment: datetime
    """From when on a watcher that has received it resumes."""


@dataclass(frozen=True, slots=True)
class Update(Resumable):
    """The current state of a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class DeletedTask(Resumable):
    """A deletion."""

    deletion: Deletion


@dataclass(frozen=True, slots=True)
class Reset(Resumable):
    """Some changes are lost: the watcher must read the list again."""


@dataclass(frozen=True, slots=True)
class Ready(Resumable):
    """All earlier changes have been sent."""


class SentState:
    """The items that a watcher has been sent, as far back as they may come again."""

    def __init__(self, most: int = 2 * MOST) -> None:
        self._most = most
        self._sequences: OrderedDict[int, int] = OrderedDict()
        self._deleted: OrderedDict[Deletion, None] = OrderedDict()

    def take(self, task_id: int, sequence: int) -> bool:
        """Whether an event of a task is news; it then is no more."""
        if self._sequences.get(task_id, 0) >= sequence:
            return False
        self._sequences[task_id] = sequence
        self._sequences.move_to_end(task_id)
        while len(self._sequences) > self._most:
            self._sequences.popitem(last=False)
        return True

    def has(self, task_id: int, sequence: int) -> bool:
        """Whether an event of a task is no news."""
        return self._sequences.get(task_id, 0) >= sequence

    def take_deletion(self, deletion: Deletion) -> bool:
        """Whether a deletion is news; it then is no more."""
        if deletion in self._deleted:
            return False
        self._deleted[deletion] = None
        while len(self._deleted) > self._most:
            self._deleted.popitem(last=False)
        return True


class AccountWatching:
    """Serves watchers until their key is revoked or refreshed, or `stopping` is set."""

    def __init__(
        self, store: ChangeStore, inboxes: AccountInboxes, revocations: Revocations, stopping: asyncio.Event, clock: Clock
    ) -> None:
        self._store, self._inboxes, self._revocations, self._stopping, self._clock = store, inboxes, revocations, stopping, clock
        self._looked_at = clock()

    async def look(self) -> bool:
        """Put into the inboxes what the feed may not have brought; False, since there is never more to do at once."""
        began = self._clock()
        if accounts := self._inboxes.account_ids():
            since = self._looked_at - _LATE
            recent = await self._store.recent(accounts, since, limit=MOST + 1)
            deleted = await self._store.deletions(accounts, since, limit=MOST + 1)
            for account_id in accounts:
                for task_id, sequence in recent[account_id].items():
                    self._inboxes.put(account_id, task_id, sequence)
                for deletion in deleted[account_id]:
                    self._inboxes.delete(account_id, deletion)
        self._looked_at = began
        return False

    async def watch(self, identity: Identity, *, after: datetime | None, batch_id: int | None = None) -> AsyncGenerator[Resumable, None]:
        """Updates since the moment `after`, or from now on; of one batch only, if it is given, except deletions.

        Raises what `Watcher.check` does when the key is revoked or refreshed meanwhile; UNAVAILABLE when this process stops, so that the
        client continues with another replica.
        """
        account_id = identity.account_id
        async with (
            self._inboxes.inbox(account_id) as inbox,
            interruptible(self._revocations, identity, self._stopping, inbox.wake) as watcher,
        ):
            known, position = SentState(), self._clock()
            if after is not None:
                async for update in self._resumed(account_id, known, after, position, batch_id):
                    yield update
            else:
                await self._learn(account_id, known, position)
            yield Ready(position)
            while True:
                await inbox.wait()
                watcher.check()
                if self._stopping.is_set():
                    raise shutdown_error()
                reached = max(position, self._looked_at)
                news = inbox.take()
                if news.has_gap:
                    position = self._clock()
                    await self._learn(account_id, known, position)
                    yield Reset(position)
                else:
                    async for update in _last_at(reached, self._news(account_id, known, position, news, batch_id)):
                        yield update
                    position = reached
                await asyncio.sleep(_SPACING)

    async def _learn(self, account_id: int, known: SentState, now: datetime) -> None:
        """Take what has happened so far for known, where it may come again."""
        since = now - 2 * _LATE
        for task_id, sequence in (await self._store.recent([account_id], since, limit=MOST + 1))[account_id].items():
            known.take(task_id, sequence)
        for deletion in (await self._store.deletions([account_id], since, limit=MOST + 1))[account_id]:
            known.take_deletion(deletion)

    async def _resumed(
        self, account_id: int, known: SentState, after: datetime, now: datetime, batch_id: int | None
    ) -> AsyncIterator[Resumable]:
        """The changes since a moment, in their order, deletions first."""
        tasks: Sequence[Task] = ()
        deleted: Sequence[Deletion] = ()
        if resumable := now - _RESUMABLE < after < now + _LATE:
            since = after - _LATE
            deleted = (await self._store.deletions([account_id], since, limit=_RESUMED + 1))[account_id]
            tasks = await self._store.changed_tasks(account_id, since, batch_id=batch_id, limit=_RESUMED + 1)
        if not resumable or len(tasks) + len(deleted) > _RESUMED:
            await self._learn(account_id, known, now)
            yield Reset(now)
            return
        for deletion in deleted:
            if known.take_deletion(deletion):
                yield DeletedTask(after, deletion)
        for task in tasks:
            known.take(task.id, task.last_sequence)
            # Those that follow have changed then or later.
            yield Update(max(after, min(now, task.update_time)), task)

    async def _news(
        self, account_id: int, known: SentState, position: datetime, news: AccountNews, batch_id: int | None
    ) -> AsyncIterator[Update | DeletedTask]:
        """The events that an inbox has received and the watcher has not."""
        changed = {task_id: one.task for task_id, one in news.changes.items() if not known.has(task_id, one.sequence)}
        tasks = [task for task in changed.values() if task is not None]
        unread = [task_id for task_id, task in changed.items() if task is None]
        deleted = list(news.deletions)
        for first in range(0, max(len(unread), 1), _PAGE):
            page = unread[first : first + _PAGE]
            read = await self._store.several(account_id, page) if page else {}
            deleted += (Deletion(task_id=task_id) for task_id in page if task_id not in read)
            for task in sorted((*tasks, *read.values()), key=lambda task: task.update_time):
                if known.take(task.id, task.last_sequence) and batch_id in (None, task.batch_id):
                    yield Update(position, task)
            tasks = []
        for deletion in deleted:
            if known.take_deletion(deletion):
                yield DeletedTask(position, deletion)


async def _last_at(moment: datetime, updates: AsyncIterator[Update | DeletedTask]) -> AsyncIterator[Update | DeletedTask]:
    """The updates; a watcher that has received the last of them resumes from a moment, any other from before."""
    held: Update | DeletedTask | None = None
    async for update in updates:
        if held is not None:
            yield held
        held = update
    if held is not None:
        yield replace(held, moment=moment)
