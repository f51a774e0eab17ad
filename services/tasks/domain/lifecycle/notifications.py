"""The consequences of a committed transition: its metrics, its event, waking the loops that now have work, and a log line if it ended an
attempt or the task.

No task depends on this to proceed: the loops also find their work in the database, only later, and so do the loops of other replicas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import nats

from services.platform.bus import Bus, cancel_subject
from services.platform.log import get_logger
from services.platform.rpc.trace import Origin
from services.tasks.domain.lifecycle.metrics import count_transition
from services.tasks.model import Task
from services.tasks.model.deletion import Deletion
from services.tasks.model.records import OutgoingEvent
from services.tasks.model.state import TaskState

_logger = get_logger()

Wake = Callable[[], None]
Announce = Callable[[OutgoingEvent, Task], None]
TellDeletion = Callable[[int, Deletion], None]


class Notifications:
    """Wakes the loops of this process that have registered."""

    def __init__(self) -> None:
        self._lanes: list[Callable[[Task], None]] = []
        self._events: list[Announce] = []
        self._deletions: list[TellDeletion] = []

    def on_transition(self, tell: Callable[[Task], None]) -> None:
        """Call `tell` with each task that has made a transition."""
        self._lanes.append(tell)

    def on_event(self, announce: Announce) -> None:
        """Call `announce` with each new event, and its task."""
        self._events.append(announce)

    def on_deletion(self, tell: TellDeletion) -> None:
        """Call `tell` with an account and its deletions."""
        self._deletions.append(tell)

    def notify_deletion(self, account_id: int, deletion: Deletion) -> None:
        """The account has deleted a task or a batch."""
        for tell in self._deletions:
            tell(account_id, deletion)

    def notify_transition(self, task: Task) -> None:
        """The task has made the transition to its current state."""
        self.notify_transitions([task])

    def notify_transitions(self, tasks: Iterable[Task]) -> None:
        """Tasks have made transitions to their current states. Waiting callers are woken first, and then the transitions are counted."""
        moved = list(tasks)
        for task in moved:
            for tell in self._lanes:
                tell(task)
            self.notify_event(task)
        asyncio.get_running_loop().call_soon(_record, moved)

    def notify_finished(self, task: Task) -> None:
        """A task has been stored as SUCCEEDED, with the events of its transitions until then."""
        self._notify_all(task, ((TaskState.QUEUED, 0, 1), (TaskState.RUNNING, 1, 2)))

    def notify_started(self, task: Task) -> None:
        """A task has been stored as RUNNING, with the events of its creation and its start."""
        self._notify_all(task, ((TaskState.QUEUED, 0, 1),))

    def _notify_all(self, task: Task, before: Iterable[tuple[TaskState, int, int]]) -> None:
        """A task has been stored with several events: `before` has the state, attempt and number of each but the last."""
        for state, attempt, sequence in before:
            earlier = replace(
                task, state=state, attempt=attempt, last_sequence=sequence, progress=0, update_time=task.create_time, unchanged=False
            )
            self.notify_event(earlier)
            asyncio.get_running_loop().call_soon(count_transition, earlier)
        self.notify_transition(task)

    def notify_event(self, task: Task) -> None:
        """The task has a new event, with or without a transition."""
        event = OutgoingEvent.newest_of(task)
        for announce in self._events:
            announce(event, task)


def _record(tasks: Sequence[Task]) -> None:
    for task in tasks:
        count_transition(task)
        if task.state.terminal or (task.state is TaskState.QUEUED and task.attempt):
            _log(task)


def _log(task: Task) -> None:
    """One line for a task that has ended, or that waits for another attempt. `waited` and `ran` are the seconds before and since the start
    of its last attempt."""
    began = task.start_time or task.update_time
    ran = {"ran": _seconds(began, task.update_time)} if task.start_time is not None else {}
    failure = {"reason": task.error_reason.value, "error": task.error_message} if task.error_reason is not None else {}
    _logger.info(
        "task_ended" if task.state.terminal else "attempt_ended",
        task_id=task.id,
        account_id=task.account_id,
        trace_id=Origin.parse(task.trace_id).request_id,
        state=task.state.value,
        attempt=task.attempt,
        lane=task.lane,
        waited=_seconds(task.create_time, began),
        **ran,
        **failure,
    )


def _seconds(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds(), 3)


async def tell_worker(bus: Bus, task_id: int) -> None:
    """Ask the worker of an ended task to stop. If the message is lost, the reply to the next heartbeat says so."""
    try:
        await bus.client.publish(cancel_subject(task_id))
    except nats.errors.Error as error:
        _logger.warning("cancel_not_announced", task_id=task_id, error=repr(error))
