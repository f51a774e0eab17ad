"""The lanes, the workers and the machines that are away, for views of the whole installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from darkroom.internal.system.v1 import part_pb2
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.order.workforce import Workforce
from services.tasks.store.queue import QueueStore

Rate = Callable[[str], float | None]
"""How many tasks of a lane are taken per second; None while unknown."""


class QueuePart:
    """Adds the lanes to what the process knows about the installation."""

    def __init__(self, store: QueueStore, lanes: Sequence[str], rate: Rate, clock: Clock) -> None:
        self._store, self._lanes, self._rate, self._clock = store, lanes, rate, clock

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them. An empty lane is there, too."""
        reading, now = await self._store.read(), self._clock()
        for name in self._lanes:
            waiting, delayed, running = (reading.open_tasks.get((name, state), 0) for state in ("queued", "delayed", "running"))
            oldest = reading.oldest.get(name)
            age = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
            part.lanes.add(
                name=name,
                waiting=waiting,
                delayed=delayed,
                running=running,
                oldest_waiting_seconds=age,
                tasks_per_second=self._rate(name) or 0.0,
            )


class AwayPart:
    """Adds the machines that are away and expected to come back."""

    def __init__(self, workforce: Workforce) -> None:
        self._workforce = workforce

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them; the one that was here last first."""
        for machine in self._workforce.away:
            added = part.away_workers.add(name=machine.name, lanes=machine.lanes, operations=machine.operations, gpu=machine.gpu)
            added.heard_time.FromDatetime(machine.seen_time)
            added.until_time.FromDatetime(machine.until)


class WorkersPart:
    """Adds the workers: their reports about themselves, whichever replica holds their streams, and their tasks."""

    def __init__(self, board: WorkerBoard, store: QueueStore) -> None:
        self._board, self._store = board, store

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them by their names. While NATS is away these are the ones that run tasks."""
        try:
            workers = {worker.name: worker for worker in await self._board.read()}
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            workers = {}
        # Their reports are useful without the database, too.
        part.workers.extend(workers.values())
        for (name, lane), running in (await self._store.busy()).items():
            workers.setdefault(name, part_pb2.Worker(name=name)).running[lane] = running
        del part.workers[:]
        part.workers.extend(workers[name] for name in sorted(workers))
