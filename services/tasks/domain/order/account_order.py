"""Where a task stands in its account's own queue, and in its lane.

Near the head the tasks before it are simply counted: an index holds them in order, so up to a thousand take well under a millisecond.
Counting a million would take a tenth of a second or more, at every look of everybody who waits. So for a long queue the account's order is
read as a whole once in a while, and every thousandth task is remembered as a mark. The place of a task is then

    tasks before the next mark that the head has not passed  +  1,000 for each further mark up to the task  +  tasks behind the last of them

where the first and the last part are counted each time. So a place moves with the head and is exact, except for what has been
cancelled or inserted between two marks since they were read: at most some seconds ago, see `_OLDEST_SECONDS`.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.store.account_order import NEAR, START, Mark
from services.tasks.store.tasks import TaskStore

_NEAR = NEAR
"""Tasks that are counted."""
_SPACING = 1_000
"""Tasks from one mark to the next."""
_DEEP = 20_000
"""Most tasks that are counted between marks: many more than usual, since tasks are added behind the last one."""
_OLDEST_SECONDS = 10.0
"""Age at which marks are read again, if anybody asks. For a million tasks that takes a quarter of a second to one second."""
_SHARE = 20
"""They are also left for so many times as long as reading them took, so that it takes a twentieth of the time at most."""
_MOST_QUEUES = 200
"""Queues whose marks are remembered: 24 bytes for each thousand tasks."""

_logger = get_logger()


@dataclass(frozen=True, slots=True)
class _Marks:
    """Every thousandth task of a queue, in its state at the reading."""

    keys: list[tuple[int, int]] = field(default_factory=list)
    """Priority, negated, and id: in order."""

    def segment(self, mark: Mark) -> int:
        """The last mark at or before a place; -1 for a place before all."""
        return bisect_right(self.keys, _key(mark)) - 1

    def mark(self, number: int) -> Mark:
        priority, task_id = self.keys[number]
        return Mark(-priority, task_id)


@dataclass(slots=True)
class _Queue:
    """The cached state of one account's queue in a lane."""

    marks: _Marks = field(default_factory=_Marks)
    reading: asyncio.Task[None] | None = None
    good_until: float = 0.0


class AccountOrder:
    """Answers from any replica; each remembers its own marks."""

    def __init__(self, store: TaskStore, seconds: Callable[[], float] = time.monotonic) -> None:
        self._store, self._seconds = store, seconds
        self._queues: OrderedDict[tuple[str, int], _Queue] = OrderedDict()

    async def position(self, task: Task) -> int:
        """How many of the account's own tasks go before a task in its lane; 0 unless it waits. A task that waits for its retry has the
        place that it will have when that is due."""
        if task.state is not TaskState.QUEUED:
            return 0
        waiting = await self._store.ahead(task)
        return waiting if waiting < _NEAR else await self._far(task, waiting)

    async def place(self, task: Task) -> int | None:
        """Roughly how many tasks of the lane, of all accounts, go before a task; None unless it is QUEUED and due."""
        found = await self._store.place(task.id)
        if found is None:
            return None
        place, own = found
        if own >= _NEAR:
            again = await self._store.place(task.id, own_tasks=await self._far(task, own))
            return None if again is None else again[0]
        return place

    async def _far(self, task: Task, counted: int) -> int:
        """How many tasks wait before one that has at least `counted` before it."""
        lane, account_id, here = task.lane, task.account_id, Mark(task.priority, task.id)
        marks = await self._marks(lane, account_id)
        own = marks.segment(here)
        head = await self._store.first(lane, account_id, marks.mark(0)) if marks.keys else None
        passed = marks.segment(head) if head is not None else own
        if passed >= own:
            # All marks before the task are behind the head.
            [before] = await self._store.between(lane, account_id, [(START, here)], depth=_DEEP)
            return max(counted, before)
        # A higher priority than everything when the marks were read; up to the first mark ahead; behind the last.
        parts = [(START, marks.mark(0)), (marks.mark(0), marks.mark(passed + 1)), (marks.mark(own), here)]
        newer, left, behind = await self._store.between(lane, account_id, parts, depth=_DEEP)
        return newer + left + (own - passed - 1) * _SPACING + behind

    async def _marks(self, lane: str, account_id: int) -> _Marks:
        """The marks of a queue. A caller that finds them old starts a new reading; only one that finds none waits."""
        queue = self._queues.setdefault((lane, account_id), _Queue())
        self._queues.move_to_end((lane, account_id))
        while len(self._queues) > _MOST_QUEUES:
            self._queues.popitem(last=False)
        if queue.reading is None and self._seconds() >= queue.good_until:
            queue.reading = asyncio.create_task(self._read(lane, account_id, queue))
        if not queue.marks.keys and queue.reading is not None:
            await asyncio.shield(queue.reading)
        return queue.marks

    async def _read(self, lane: str, account_id: int, queue: _Queue) -> None:
        begun = self._seconds()
        try:
            queue.marks = _Marks(list(map(_key, await self._store.marks(lane, account_id, spacing=_SPACING))))
        except DarkroomError as error:
            _logger.warning("queue_not_marked", error=str(error))
        finally:
            took = self._seconds() - begun
            queue.good_until = begun + took + max(_OLDEST_SECONDS, _SHARE * took)
            queue.reading = None
        _logger.info("queue_marked", lane=lane, account_id=account_id, marks=len(queue.marks.keys), milliseconds=round(took * 1000))


def _key(mark: Mark) -> tuple[int, int]:
    return -mark.priority, mark.id
