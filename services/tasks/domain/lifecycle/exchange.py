"""Gives the tasks of lanes to the free slots of workers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import nats
from nats.aio.msg import Msg
from prometheus_client import Gauge

from services.platform.bus import Bus, queued_subject
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.loop import Loop
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.ends import Ends, or_end
from services.tasks.domain.lifecycle.lane_workers import LaneWorkers
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.worker_stream import ReservedSlot, WorkerStream
from services.tasks.model import Task
from services.tasks.model.records import Slot
from services.tasks.model.state import TaskState
from services.tasks.store.order import OrderStore

_BATCH = 100
"""Tasks that one statement takes: bounds the work under the lane's lock."""
_TELL_SECONDS = 0.02
"""Least time between two messages to other replicas."""
_SPACING = 0.001
"""Least time between two steps of a lane: short compared with a task, yet long enough that events at the same time share one step."""
_AGAIN_SECONDS = 1.0
"""Pause after which tasks that could not be taken back are tried again."""
_GATHERING = 0.01
"""Least time between two statements for ends while tasks are being started: short compared with a task, yet ends of several groups of tasks
then share one. The slots are free before."""

_logger = get_logger()
_FREE = Gauge("darkroom_worker_slots_free", "Free slots of the workers whose streams this process holds.", ["lane"])


class LaneExchange:
    """The streams of one lane. `step` fills free slots and carries out the ends that have come; a loop repeats it.

    Slots wait here for tasks, never tasks for slots: a task becomes RUNNING only for a slot that is free, so the order holds until the last
    moment. A task is committed before it is sent. If the stream is gone before that, it is handed back; if the stream breaks while it is
    sent, nobody knows whether it has arrived, so the worker asks again for the same slot on its next stream, or the lease ends.
    """

    def __init__(
        self,
        lane: str,
        store: OrderStore,
        attempts: Attempts,
        bus: Bus,
        notifications: Notifications,
        workers: LaneWorkers,
        max_running: int,
        interval: timedelta,
        clock: Clock,
    ) -> None:
        self._lane, self._store, self._attempts, self._bus = lane, store, attempts, bus
        self.workers, self._ends = workers, Ends(attempts)
        self._notifications, self._max_running, self._clock = notifications, max_running, clock
        # The step that the loop makes by itself always looks for due retries.
        self._interval = interval * 0.9
        self.loop = Loop(f"exchange_{lane}", interval.total_seconds(), self.step, _SPACING)
        self._speaking: dict[WorkerStream, None] = {}
        self._unsent: list[Task] = []
        self._looked_at: datetime | None = None
        self._some_wait = True
        self._some_are_held = False
        self._some_started = False
        self._carried_out_at = -math.inf
        self._ended = 0
        self._news = False
        self._told_at = 0.0
        self._free = _FREE.labels(lane)

    def open(self, worker: str, *, standby: bool = False, takes_short_runs: bool = False) -> WorkerStream:
        """A new stream; the caller ends it."""
        stream = WorkerStream(self, worker, standby=standby, takes_short_runs=takes_short_runs)
        self.workers.add(stream)
        return stream

    @property
    def has_short_run_slot(self) -> bool:
        """Whether there is a free slot for a short run, and no task may be waiting for it."""
        return not self._some_wait and self.workers.has_short_run_slot

    def short_run_slot(self) -> tuple[WorkerStream, UUID] | None:
        """Such a slot; it is the caller's."""
        return self.workers.short_run_slot() if self.has_short_run_slot else None

    def reserve(self) -> ReservedSlot | None:
        """A free slot for a new task, if no task may be waiting for it."""
        slot = None if self._some_wait or self._some_are_held else self.workers.slot()
        return ReservedSlot(*slot) if slot is not None else None

    def forget(self, stream: WorkerStream) -> None:
        """Forget a stream that has ended."""
        self.workers.remove(stream)
        self.loop.wake()

    def hear(self, stream: WorkerStream) -> None:
        """A worker has free slots or ends."""
        self._speaking[stream] = None
        self.loop.wake()

    def end_earlier(self, stream: WorkerStream, slots: Collection[UUID]) -> None:
        """End the other streams that have these slots: each slot counts once, and nothing more is sent where nobody listens."""
        for earlier in self.workers.others_with(stream, slots):
            earlier.end()

    def leave_to_others(self, unsent: Sequence[Task]) -> None:
        """Take back tasks that have not been sent to their workers."""
        if unsent:
            self._unsent += unsent
            self.loop.wake()

    def on_change(self, task: Task) -> None:
        """A task has changed in this process: one of the lane may start."""
        if task.state is TaskState.QUEUED and task.lane == self._lane:
            self._some_wait = self._news = True
            if task.run_at is not None and task.run_at <= task.update_time:
                self._looked_at = None
        elif task.state.terminal or (task.state is TaskState.QUEUED and task.attempt):
            # Its account may run one more, in any lane.
            self._ended += 1
            if not self._some_are_held:
                return
            self._some_wait = True
        else:
            return
        self.loop.wake()

    def on_waiting(self) -> None:
        """Tasks wait that another replica could not start."""
        self._some_wait = True
        self.loop.wake()

    def on_look(self) -> None:
        """Tasks wait, or retries are due, that nothing may have woken this lane for."""
        self._looked_at = None
        self.loop.wake()

    async def step(self) -> bool:
        """Carry out what workers have said, and start what can be started; True if there may be more to do at once."""
        await self._take_back()
        speaking, self._speaking = self._speaking, {}
        # Not both at once, since both change the account's row. The free slots come first: their workers work while the ends are stored.
        # But ends may make room for tasks that their accounts' limits hold.
        if self._some_are_held:
            await self._ends.carry_out(speaking)
        self._some_started = False
        try:
            await or_end(speaking, self._find_again(speaking))
            return await self._fill()
        finally:
            await self._carry_out_or_gather(speaking)

    async def _carry_out_or_gather(self, speaking: dict[WorkerStream, None]) -> None:
        """Carry out ends, unless a step that is certain to follow soon can do so together with further ones."""
        if not any(stream.ends for stream in speaking):
            return
        loop = asyncio.get_running_loop()
        if self._some_started and not self._some_are_held and loop.time() - self._carried_out_at < _GATHERING:
            self._speaking = speaking | self._speaking
            loop.call_later(_GATHERING, self.loop.wake)
            return
        self._carried_out_at = loop.time()
        await self._ends.carry_out(speaking)

    async def _take_back(self) -> None:
        unsent, self._unsent = self._unsent, []
        message = "The worker disconnected before it received the task; the task runs again."
        for task in unsent:
            try:
                await self._attempts.hand_back(task.id, task.attempt, ErrorReason.UNAVAILABLE, message, leased_until=task.lease_until)
            except DarkroomError as error:
                _logger.warning("task_not_taken_back", task_id=task.id, error=str(error))
                self._unsent.append(task)
        if self._unsent:
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self.loop.wake)

    async def _find_again(self, speaking: Collection[WorkerStream]) -> None:
        """Send the tasks again that slots were given on an earlier stream; the other slots are free."""
        for stream in speaking:
            # The worker of one that has ended asks on its next one, perhaps elsewhere: its lease is not for this one to renew.
            if not stream.again or stream.ended:
                continue
            asked, stream.again = stream.again, []
            moment, held = stream.moment, await self._attempts.renew_leases(asked)
            for task in held:
                stream.admit(task, moment, self.workers.reason(stream))
            stream.flush()
            found = {task.run_id for task in held}
            stream.free += (run_id for run_id in asked if run_id not in found)

    async def _fill(self) -> bool:
        await self._look()
        self._free.set(self.workers.free)
        if not self._some_wait:
            return False
        slots, standby = await self.workers.slots(_BATCH)
        if not slots:
            await self._tell_others()
            return False
        self._some_wait = False
        moments = {stream: stream.moment for stream, _ in slots}
        by_run = {run_id: stream for stream, run_id in slots}
        now, ended = self._clock(), self._ended
        try:
            taken = await self._store.take(
                self._lane,
                [Slot(run_id, stream.worker) for run_id, stream in by_run.items()],
                max_running=self._max_running,
                lease_until=now + self._attempts.first_lease,
                now=now,
            )
        except BaseException:
            # It may have been committed.
            self._some_wait = True
            for stream, run_id in slots:
                stream.ask_again(run_id)
            raise
        for task in taken.tasks:
            assert task.run_id is not None
            stream = by_run.pop(task.run_id)
            stream.admit(task, moments[stream], standby)
            stream.flush()
        for run_id, stream in reversed(by_run.items()):
            stream.free.appendleft(run_id)
        # Tasks that ended meanwhile may have made room for those that are held.
        self._some_wait |= taken.more_wait and (not by_run or self._ended != ended)
        self._some_are_held = taken.more_wait and bool(by_run)
        self._some_started = bool(taken.tasks)
        # The loop calls in order: the streams that were flushed send to their workers first.
        asyncio.get_running_loop().call_soon(self._notifications.notify_transitions, taken.tasks)
        return self._some_wait

    async def _look(self) -> None:
        """Let due retries take part, and find what nothing has woken this lane for, once an interval."""
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= self._interval:
            self._looked_at = now
            self._some_wait |= await self._store.make_due(self._lane, now=now)

    async def _tell_others(self) -> None:
        """Wake the other replicas, which may have free slots: soon, and not for each task."""
        loop = asyncio.get_running_loop()
        if not self._news or not self._bus.client.is_connected:
            return
        wait = self._told_at + _TELL_SECONDS - loop.time()
        if wait > 0:
            loop.call_later(wait, self.loop.wake)
            return
        self._news, self._told_at = False, loop.time()
        try:
            await self._bus.client.publish(queued_subject(self._lane))
        except nats.errors.Error as error:
            _logger.warning("queue_not_announced", lane=self._lane, error=repr(error))


class Exchange:
    """All lanes."""

    def __init__(self, lanes: Mapping[str, LaneExchange], bus: Bus, stopping: asyncio.Event) -> None:
        self._lanes, self._bus, self._stopping = lanes, bus, stopping

    def open(self, lane: str, worker: str, *, standby: bool = False, takes_short_runs: bool = False) -> WorkerStream:
        """A worker's stream on a lane; the caller ends it. Raises FIELD_INVALID for an unknown lane."""
        if lane not in self._lanes:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "lane: there is no such lane", field="lane", allowed=sorted(self._lanes))
        return self._lanes[lane].open(worker, standby=standby, takes_short_runs=takes_short_runs)

    def has_short_run_slot(self, lane: str) -> bool:
        """Whether `short_run_slot` would find one now."""
        return self._lanes[lane].has_short_run_slot

    def short_run_slot(self, lane: str) -> tuple[WorkerStream, UUID] | None:
        """A free slot for work that nobody in the lane waits for, as far as this replica knows. It is the caller's."""
        return self._lanes[lane].short_run_slot()

    def reserve(self, lane: str) -> ReservedSlot | None:
        """A free slot for a new task that nobody in the lane waits for, as far as this replica knows."""
        return self._lanes[lane].reserve() if lane in self._lanes else None

    def is_served(self, lane: str) -> bool:
        """Whether a worker serves a lane, be it on standby. Until that is known, it is assumed."""
        return lane not in self._lanes or self._lanes[lane].workers.is_served()

    def on_look(self, lanes: Collection[str]) -> None:
        """Lanes have tasks to start, or due retries, that nothing may have woken them for."""
        for lane in lanes:
            self._lanes[lane].on_look()

    async def until_stopped(self, stream: WorkerStream) -> None:
        """End the stream when the service stops."""
        await self._stopping.wait()
        stream.end()

    async def run(self) -> None:
        """Hear what other replicas could not start, until cancelled."""

        async def on_message(message: Msg) -> None:
            lane = message.subject.rpartition(".")[2]
            if lane in self._lanes:
                self._lanes[lane].on_waiting()

        subscription = await self._bus.client.subscribe(queued_subject("*"), cb=on_message)
        try:
            await asyncio.Event().wait()
        finally:
            if self._bus.client.is_connected:
                await subscription.unsubscribe()
