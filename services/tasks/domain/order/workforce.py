"""The workers of all replicas, by their reports on the board, and the machines that are expected to come back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from darkroom.internal.system.v1 import part_pb2
from services.platform.clock import Clock
from services.platform.membership import NEED
from services.platform.worker_board import WorkerBoard
from services.tasks.model.away_worker import AwayWorker
from services.tasks.store.away_workers import AwayWorkerStore

INTERVAL_SECONDS = 5.0
_TOLD_SECONDS = 60.0
"""How long the last reading stays valid while the board cannot be read: as long as it keeps reports."""
_NONE: Mapping[str, datetime] = MappingProxyType({})


class Workforce:
    """Every replica reads the board for itself."""

    def __init__(self, board: WorkerBoard, store: AwayWorkerStore, clock: Clock) -> None:
        self._board, self._store, self._clock = board, store, clock
        self._told: Sequence[part_pb2.Worker] = ()
        self._expected: Sequence[AwayWorker] = ()
        self._read_at: float | None = None

    @property
    def unknown(self) -> bool:
        """Whether the board has not been read since the process began."""
        return self._read_at is None

    @property
    def is_known(self) -> bool:
        """Whether the board has been read lately. If not, workers of other replicas may be there unseen, and machines may be back."""
        return self._read_at is not None and time.monotonic() - self._read_at < _TOLD_SECONDS

    @property
    def away(self) -> Sequence[AwayWorker]:
        """The machines that are away and expected to come back; the one that was here last first. None while it is not known who is."""
        if not self.is_known:
            return []
        here, now = {worker.machine for worker in self._here()}, self._clock()
        return [machine for machine in self._expected if machine.name not in here and machine.until > now]

    def serves(self, lane: str, *, standby: bool = True, since: Mapping[str, datetime] = _NONE) -> bool:
        """Whether a worker reports that it serves a lane; without `standby`, one that is not on standby there.

        Reports of those named in `since` count if they are newer.
        """
        return any(
            lane in worker.slots
            and (standby or lane not in worker.standby_lanes)
            and (worker.name not in since or worker.heard_time.ToDatetime(UTC) > since[worker.name])
            for worker in self._here()
        )

    def rates(self, lane: str) -> Mapping[str, float]:
        """Seconds for a megapixel, by kind of work, of the fastest of the lane's workers. Empty while none has reported any."""
        fastest: dict[str, float] = {}
        for worker in self._here():
            if lane in worker.slots:
                for kind, seconds in worker.seconds_per_megapixel.items():
                    fastest[kind] = min(seconds, fastest.get(kind, seconds))
        return fastest

    def expected_machine(self, lane: str) -> AwayWorker | None:
        """The machine that was here last of those that are away and serve a lane."""
        return next((machine for machine in self.away if lane in machine.lanes), None)

    async def expects(self, operation: str) -> bool:
        """Whether a machine that offers an operation is expected to come back, or is here. Raises UNAVAILABLE."""
        return await self._store.offers(operation, now=self._clock())

    async def step(self) -> bool:
        """Read the board, and remember what those offer that will come back; there is never more to do right away."""
        told = [worker for worker in await self._board.read() if not _refused(worker)]
        self._told, self._read_at = [worker for worker in told if not worker.process.stopping], time.monotonic()
        await self._remember(told)
        self._expected = await self._store.list_machines(now=self._clock())
        return False

    def _here(self) -> Sequence[part_pb2.Worker]:
        return self._told if self.is_known else ()

    async def _remember(self, told: Sequence[part_pb2.Worker]) -> None:
        machines: dict[str, list[part_pb2.Worker]] = {}
        for worker in told:
            if worker.machine:
                machines.setdefault(worker.machine, []).append(worker)
        returning = {name: workers for name, workers in machines.items() if any(worker.away_days for worker in workers)}
        for name, workers in returning.items():
            configured = {operation for worker in workers for operation in worker.configured_operations}
            await self._store.remember(_machine(name, [worker for worker in workers if worker.away_days]), configured)
        known = {machine.name for machine in self._expected}
        if unexpected := [name for name in machines if name not in returning and name in known]:
            await self._store.forget(*unexpected)


def _refused(worker: part_pb2.Worker) -> bool:
    """Whether a worker from another machine may not work, such as a revoked one: it reports its state, but gets no tasks."""
    return any(need.name == NEED and need.problem for need in worker.process.needs)


def _machine(name: str, workers: Sequence[part_pb2.Worker]) -> AwayWorker:
    """The combined offers of the workers of a machine."""
    heard = max(worker.heard_time.ToDatetime(UTC) for worker in workers)
    return AwayWorker(
        name=name,
        lanes=sorted({lane for worker in workers for lane in worker.slots}),
        operations=sorted({operation for worker in workers for operation in worker.operations}),
        gpu=any(worker.gpu for worker in workers),
        seen_time=heard,
        until=heard + timedelta(days=max(worker.away_days for worker in workers)),
    )
