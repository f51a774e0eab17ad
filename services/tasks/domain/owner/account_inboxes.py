"""The changes in the accounts that somebody watches here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.tasks.model import Task
from services.tasks.model.deletion import Deletion

MOST = 20_000
"""How many changed tasks an inbox holds."""


@dataclass(frozen=True, slots=True)
class TaskChange:
    """The last change of a task that an inbox has heard of."""

    sequence: int
    """Number of the event."""
    task: Task | None
    """The task as that left it, if it happened in this process."""


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The events that an inbox has received."""

    changes: Mapping[int, TaskChange]
    """By task."""
    deletions: Sequence[Deletion]
    has_gap: bool
    """There was more than an inbox holds."""


class AccountInbox:
    """The changes of an account's tasks since it was opened: of each task only the last one, however often it changes."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._changed: dict[int, TaskChange] = {}
        self._deleted: dict[Deletion, None] = {}
        self._lost = False
        self._filled = asyncio.Event()

    def put(self, task_id: int, sequence: int, task: Task | None = None) -> None:
        """Add a change, unless a newer one of the task is there."""
        known = self._changed.get(task_id)
        if known is not None and (known.sequence > sequence or (known.sequence == sequence and known.task is not None)):
            return
        self._changed[task_id] = TaskChange(sequence, task)
        self._bound()

    def delete(self, deletion: Deletion) -> None:
        """Add a deletion."""
        self._deleted[deletion] = None
        self._bound()

    def wake(self) -> None:
        """Wake its owner for another reason."""
        self._filled.set()

    async def wait(self) -> None:
        """Wait until there is something to take, or `wake` was called."""
        await self._filled.wait()

    def take(self) -> AccountNews:
        """Take out what has been received."""
        self._filled.clear()
        news = AccountNews(self._changed, list(self._deleted), self._lost)
        self._changed, self._deleted, self._lost = {}, {}, False
        return news

    def _bound(self) -> None:
        if len(self._changed) + len(self._deleted) > self._most:
            self._changed.clear()
            self._deleted.clear()
            self._lost = True
        self._filled.set()


class AccountInboxes:
    """The inboxes of this process."""

    def __init__(self) -> None:
        self._inboxes: dict[int, set[AccountInbox]] = {}

    def __contains__(self, account_id: int) -> bool:
        return account_id in self._inboxes

    def __bool__(self) -> bool:
        return bool(self._inboxes)

    def account_ids(self) -> list[int]:
        return list(self._inboxes)

    @asynccontextmanager
    async def inbox(self, account_id: int) -> AsyncIterator[AccountInbox]:
        """An inbox for what changes in an account inside the block."""
        opened = AccountInbox()
        inboxes = self._inboxes.setdefault(account_id, set())
        inboxes.add(opened)
        try:
            yield opened
        finally:
            inboxes.discard(opened)
            if not inboxes:
                self._inboxes.pop(account_id, None)

    def put(self, account_id: int, task_id: int, sequence: int, task: Task | None = None) -> None:
        """Hand on a change that is committed, with the task as it left it if that is known."""
        for inbox in self._of(account_id):
            inbox.put(task_id, sequence, task)

    def delete(self, account_id: int, deletion: Deletion) -> None:
        """Hand on a deletion that is committed."""
        for inbox in self._of(account_id):
            inbox.delete(deletion)

    def _of(self, account_id: int) -> Iterable[AccountInbox]:
        return self._inboxes.get(account_id, ())


class Everything:
    """Contains every task."""

    def __contains__(self, task_id: object) -> bool:
        return True
