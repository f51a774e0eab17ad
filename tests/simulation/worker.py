"""A worker: its real lanes, exchange and leases, with work that takes its time and ends as the task says."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

from services.inference.worker.cancellations import Cancellations, listening
from services.inference.worker.client import Admission, AttemptClient
from services.inference.worker.exchange import Exchange
from services.inference.worker.lane import Lane, OnDemand, Runners, work
from services.inference.worker.lease import Lease, Outcome
from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.telemetry.health import Health
from tests.simulation.network import Bus as SimulatedBus
from tests.simulation.network import Stream, call
from tests.simulation.processes import Process, current_process
from tests.simulation.replica import Replica
from tests.simulation.world import World

DRAIN_SECONDS = 0.3
"""How long a worker that is stopping lets its attempts go on."""
_HAND_BACK_SECONDS = 3.0
_BAD = (ErrorReason.UNAVAILABLE, ErrorReason.INTERNAL, ErrorReason.FILE_CORRUPT)


class Worker:
    """Runs in a process of its own until that is killed."""

    def __init__(
        self,
        world: World,
        replicas: Callable[[], Replica | None],
        bus: SimulatedBus,
        log: AttemptLog,
        name: str,
        slots: dict[str, int],
        *,
        standby: bool,
    ) -> None:
        self._world, self.process, self.log = world, Process(name), log
        self.process.part = self
        self._replicas, self._bus, self.slots, self.standby = replicas, bus, slots, standby
        self.streams: list[Stream] = []
        self._stop = asyncio.Event()
        self.stopped_at = math.inf
        self.is_over = False
        self.exchanges: list[Exchange] = []
        world.loop.start(self.process, self._work())

    def stop(self) -> None:
        """End in good order."""
        self.stopped_at = min(self.stopped_at, self._world.now)
        self._stop.set()

    @property
    def takes_tasks(self) -> bool:
        """Whether it is here to stay."""
        return self.process.is_alive and not self._stop.is_set()

    def free_slots(self, lane: str) -> list[bytes]:
        """Its slots without a task."""
        return [run_id for exchange in self.exchanges if exchange._lane == lane for run_id in exchange._asked]

    async def _work(self) -> None:
        client = _Client(self._world, self)
        async with listening(cast(Bus, self._bus.of(self.process))) as cancellations:
            runners = cast(OnDemand, _Loaded(Runners(_Runner(self._world, self, client, cancellations), cast(Any, None))))
            lanes = [Lane(lane, count, client, runners, standby=self.standby) for lane, count in self.slots.items()]
            await work(lanes, self._stop, cast(Health, _Health()), DRAIN_SECONDS)
        self.is_over = True

    def connect(self) -> Stream:
        """A stream to one of the replicas."""
        replica = self._replicas()
        self.streams = [stream for stream in self.streams if not stream.is_over]
        process, serve = (replica.process, replica.exchange) if replica is not None and replica.is_open else (None, None)
        self.streams.append(Stream(self._world, self.process, process, serve))
        return self.streams[-1]

    async def heartbeat(self, task_id: int, attempt: int, done: float, seconds: float) -> bool:
        """Renew a lease at one of the replicas."""
        self._world.step(self.process, "before a heartbeat")
        replica = self._replicas()
        process = replica.process if replica is not None and replica.is_open else None

        async def beat() -> bool:
            assert replica is not None
            return await replica.attempts.heartbeat(task_id, attempt, done, "")

        return await call(self._world, self.process, process, beat, seconds)


class AttemptLog:
    """Which attempts workers have run, and what became of them by the service's word."""

    def __init__(self, world: World, failures: float) -> None:
        self._world, self.failures = world, failures
        self.begun: dict[tuple[int, int], str] = {}
        self.accepted: dict[int, int] = {}
        self.problems: list[str] = []
        self.leased: dict[int, tuple[Worker, int, Lease]] = {}
        self.handed_back: dict[int, int] = {}
        """The last attempt at each task that was handed back."""

    def begin(self, worker: Worker, admission: Admission, lease: Lease) -> None:
        """An attempt begins; no other at the task may be alive."""
        key, task_id = (admission.task_id, admission.attempt), admission.task_id
        self._world.note(f"{worker.process}: runs {task_id}/{admission.attempt}")
        if key in self.begun:
            self.problems.append(f"attempt {key} is run by {self.begun[key]} and by {worker.process}")
        self.begun[key] = str(worker.process)
        other = self.leased.get(task_id)
        if other is not None and other[0].process.is_alive and other[1] < admission.attempt and other[2]._remaining() > 0.6:
            self.problems.append(f"{other[0].process} still holds task {task_id} when attempt {admission.attempt} begins")
        self.leased[task_id] = worker, admission.attempt, lease

    def end(self, admission: Admission) -> None:
        """It has ended for its worker."""
        if self.leased.get(admission.task_id, (None, 0))[1] == admission.attempt:
            del self.leased[admission.task_id]

    def attends(self, task_id: int, attempt: int) -> bool:
        """Whether a living worker is at work on an attempt."""
        worker, own, _ = self.leased.get(task_id, (None, 0, None))
        return worker is not None and worker.process.is_alive and own == attempt

    def succeed(self, admission: Admission) -> None:
        """The service has accepted its result."""
        if self.accepted.setdefault(admission.task_id, admission.attempt) != admission.attempt:
            self.problems.append(f"two results of task {admission.task_id} were accepted")


class _Client(AttemptClient):
    def __init__(self, world: World, worker: Worker) -> None:
        self._world, self._worker = world, worker
        self.worker, self.on_this_machine = worker.process.name, False

    def exchange(self) -> Any:
        return self._worker.connect()

    async def heartbeat(self, admission: Admission, done: float, message: str, timeout: float) -> bool:
        return await self._worker.heartbeat(admission.task_id, admission.attempt, done, min(timeout, 5.0))


class _Runner:
    def __init__(self, world: World, worker: Worker, client: _Client, cancellations: Cancellations) -> None:
        self._world, self._worker, self._client, self._cancellations = world, worker, client, cancellations

    async def run(self, admission: Admission, admitted_at: float, closing: asyncio.Event) -> None:
        lease = Lease(self._client, admission, admitted_at)
        self._worker.log.begin(self._worker, admission, lease)
        try:
            with self._cancellations.watching(admission.task_id, lease.verify):
                outcome = await lease.protect(self._work(admission, lease), closing)
            self._worker.log.end(admission)
            if outcome is Outcome.INTERRUPTED:
                await self._hand_back(admission)
        finally:
            self._worker.log.end(admission)

    async def _work(self, admission: Admission, lease: Lease) -> None:
        chance = self._world.random
        for step in range(steps := chance.choice((1, 1, 1, 2, 5))):
            await asyncio.sleep(chance.expovariate(1 / chance.choice((0.02, 0.5))))
            lease.progress.report((step + 1) / steps, "")
        self._world.step(self._worker.process, "with a result")
        self._worker.log.end(admission)
        if chance.random() < self._worker.log.failures:
            await self._client.fail(admission, DarkroomError(chance.choice(_BAD), "It did not work."))
        elif await self._client.complete(admission, [admission.task_id], 0, []):
            self._worker.log.succeed(admission)

    async def _hand_back(self, admission: Admission) -> None:
        try:
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                if await self._client.fail(admission, DarkroomError(ErrorReason.UNAVAILABLE, "It stops."), handed_back=True):
                    self._worker.log.handed_back[admission.task_id] = admission.attempt
        except TimeoutError:
            pass


class _Loaded:
    def __init__(self, runners: Runners) -> None:
        self._runners = runners

    async def get(self) -> Runners:
        return self._runners

    async def failure(self) -> None:
        await asyncio.Event().wait()


class _Health:
    async def drain(self) -> None:
        await asyncio.sleep(0)


class SeenExchange(Exchange):
    """A worker's exchange, whose slots can be looked at."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        process = current_process()
        assert process is not None
        process.part.exchanges.append(self)
