"""Serves workers of the previous version, which pull messages about offered tasks from WORK. The next version deletes it.

The order of an upgrade (docs/how-to/upgrade.md) has them beside this version for as long as the workers are being replaced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import nats.errors
from nats.js.errors import NotFoundError

from darkroom.internal.tasks.v1 import former_workers_pb2
from services.platform.bus import WORK_STREAM, Bus, work_consumer, work_subject
from services.platform.clock import Clock
from services.platform.errors import ErrorReason
from services.platform.log import get_logger
from services.platform.publishing import Outgoing
from services.platform.rpc.trace import Origin
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.model import Task
from services.tasks.store.former_workers import FormerWorkerStore

LOOK_SECONDS = 5.0
"""How often to look for such workers on lanes where there were none."""
_SERVING_SECONDS = 0.05
_FORGOTTEN_AFTER = timedelta(seconds=30)
_MOST_OFFERS = 100

_logger = get_logger()


class FormerWorkers:
    """Offers as many tasks of a lane as such workers wait for, and takes back offers that nobody took up."""

    def __init__(
        self,
        lanes: Collection[str],
        store: FormerWorkerStore,
        attempts: Attempts,
        bus: Bus,
        notifications: Notifications,
        max_running: int,
        clock: Clock,
    ) -> None:
        self._store, self._attempts, self._bus, self._notifications = store, attempts, bus, notifications
        self._max_running, self._clock = max_running, clock
        self._lanes, self._served, self._looked_at = lanes, set[str](), 0.0

    async def step(self) -> bool:
        """Serve every lane once; True if such workers wait on one of them."""
        if not self._bus.client.is_connected:
            return False
        lanes = self._served
        if time.monotonic() - self._looked_at >= LOOK_SECONDS * 0.9:
            lanes, self._looked_at = set(self._lanes), time.monotonic()
            for lane in lanes:
                await self._recall(lane)
        self._served = {lane for lane in sorted(lanes) if await self._serve(lane)}
        if self._served:
            await asyncio.sleep(_SERVING_SECONDS)
        return bool(self._served)

    def serve(self, lane: str) -> bool:
        """Whether such workers serve a lane."""
        return lane in self._served

    async def start(self, task_id: int, run_id: UUID, worker: str, *, fetches_inputs: bool) -> Task | None:
        """Begin the next attempt; a repeated call by the same run gets the same answer. None: the task must not be run."""
        now = self._clock()
        task = await self._store.start(task_id, run_id=run_id, worker=worker, lease_until=now + self._attempts.first_lease, now=now)
        if task is None:
            return await self._store.started(task_id, run_id)
        self._notifications.changed(task)
        if task.later_inputs and not fetches_inputs:
            # It would take the inputs that there are for all of them.
            message = "The worker is of a version that cannot have inputs fetched."
            await self._attempts.hand_back(task.id, task.attempt, ErrorReason.UNAVAILABLE, message)
            return None
        return task

    async def _recall(self, lane: str) -> None:
        now = self._clock()
        for task in await self._store.recall(lane, offered_before=now - _FORGOTTEN_AFTER, now=now):
            _logger.info("offer_taken_back", task_id=task.id, lane=lane)
            self._notifications.changed(task)

    async def _serve(self, lane: str) -> bool:
        """Offer tasks for the places of such workers; False if there are none."""
        try:
            consumer = await self._bus.jetstream.consumer_info(WORK_STREAM, work_consumer(lane))
        except (NotFoundError, nats.errors.TimeoutError):
            return False
        if not consumer.num_waiting:
            return bool(consumer.num_ack_pending)
        places = min(_MOST_OFFERS, consumer.num_waiting - (consumer.num_pending or 0))
        if places > 0:
            tasks = await self._store.dispatch(lane, places=places, max_running=self._max_running, now=self._clock())
            for task in tasks:
                self._notifications.changed(task)
            await self._publish(tasks)
        return True

    async def _publish(self, tasks: Sequence[Task]) -> None:
        # A message that is lost is made up for by `_recall`.
        await self._bus.publisher.publish([_message(task) for task in tasks])


def _message(task: Task) -> Outgoing:
    assert task.dispatch_time is not None
    hint = former_workers_pb2.WorkHint(task_id=task.id, trace_id=Origin.parse(task.trace_id).request_id)
    # One offer is one message, however often it is sent; a repeated offer is a new message.
    return Outgoing(work_subject(task.lane), hint.SerializeToString(), f"{task.id}:{task.dispatch_time.timestamp():.6f}")
