"""Tasks that start as they are stored, since a slot is free and nobody waits for it: their calls, and their starts, take one statement.

Once such a task is stored it is like any other that has been started: if its worker does not hear of it, it is found by its slot, or its
lease ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.lifecycle.exchange import Exchange
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.worker_stream import ReservedSlot
from services.tasks.model import Task
from services.tasks.model.records import CreditTerms, FirstSlot, NewTasks
from services.tasks.model.state import TaskState
from services.tasks.store.creation_values import Admit
from services.tasks.store.tasks import TaskStore


class Starting:
    """Stores new tasks, and wakes who waits for them."""

    def __init__(
        self, store: TaskStore, exchange: Exchange, notifications: Notifications, first_lease: timedelta, max_running: int
    ) -> None:
        self._store, self._exchange, self._notifications = store, exchange, notifications
        self._first_lease, self._max_running = first_lease, max_running

    async def create(
        self, new: NewTasks, admit: Admit, *, terms: CreditTerms, now: datetime, call: IdempotentCall | None
    ) -> Sequence[Task]:
        """As `CreationStore.create`: the tasks as they were created, QUEUED. One task has then started if it need not wait."""
        slot = self._exchange.reserve(new.tasks[0].lane) if new.batch_id is None else None
        if slot is not None:
            # The worker gets its task even if the caller has gone.
            return [await asyncio.shield(self._start(slot, new, admit, terms, now, call))]
        tasks = await self._store.create(new, admit, terms=terms, now=now, call=call)
        self._notifications.notify_transitions(tasks)
        return tasks

    async def _start(
        self, slot: ReservedSlot, new: NewTasks, admit: Admit, terms: CreditTerms, now: datetime, call: IdempotentCall | None
    ) -> Task:
        first = FirstSlot(slot.run_id, slot.worker, now + self._first_lease, self._max_running)
        try:
            [task] = await self._store.create(replace(new, slot=first), admit, terms=terms, now=now, call=call)
        except BaseException:
            slot.ask_again()
            raise
        if task.state is not TaskState.RUNNING:
            slot.give_back()
            self._notifications.notify_transition(task)
            return task
        slot.admit(task)
        asyncio.get_running_loop().call_soon(self._notifications.notify_started, task)
        return replace(task, state=TaskState.QUEUED, attempt=0, run_id=None, lease_until=None, start_time=None, last_sequence=1)
