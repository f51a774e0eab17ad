"""A simulated system under load, and what befalls it: everything from one seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import grpc

from services.platform.errors import DarkroomError, ErrorReason
from tests.simulation.checks import Broken, Waiting, check_end, check_limits, check_slots
from tests.simulation.database import Server
from tests.simulation.isolation import isolated
from tests.simulation.network import Bus, answer, call
from tests.simulation.processes import Process
from tests.simulation.replica import LANES, PRICE, Replica
from tests.simulation.worker import AttemptLog, Worker
from tests.simulation.world import World

_LOOK_SECONDS = 0.25
_LONGEST_SECONDS = 120.0
"""After everything is in order again."""
_CALL_SECONDS = 4.0
_LOOP_SECONDS = 3.0
"""Longest pause of a loop that has failed."""
_FAILURES = (DarkroomError, grpc.aio.AioRpcError, asyncpg.UniqueViolationError, Broken)


class Simulation:
    """One schedule."""

    def __init__(self, seed: int, *, traces: bool = False) -> None:
        self.world = world = World(seed, traces=traces)
        chance = world.random
        self._held: set[int] = set()
        self.server, self.bus = Server(world, lambda tables: check_limits(tables, self._held)), Bus(world)
        self.log = AttemptLog(world, chance.choice((0.0, 0.2, 0.5)))
        self._replicas: list[Replica | None] = [None] * chance.choice((1, 2, 2, 3))
        world.is_alone = len(self._replicas) == 1
        self._workers: list[Worker | None] = [None] * chance.choice((1, 2, 2, 3))
        self._slots = [{each: chance.choice((1, 1, 2)) for each in LANES} for _ in self._workers]
        self._standby = [chance.random() < 0.15 for _ in self._workers]
        self._names = 0
        self._healthy_since = 0.0
        self._accepted: dict[int, str] = {}
        self._cancelled: set[int] = set()
        self._open_calls = 0
        self._accounts = range(1, 1 + chance.choice((1, 2, 3)))
        for account_id in self._accounts:
            self.server.tables.policy(account_id)["available_millicredits"] = 1000 * PRICE
        self._client = Process("client")
        self.bus.is_reliable = world.is_calm

    async def run(self) -> None:
        """Load and faults for a while, then order. Raises Broken."""
        world, chance = self.world, self.world.random
        for number in range(len(self._replicas)):
            self._start_replica(number)
        for number in range(len(self._workers)):
            self._start_worker(number)
        seconds = chance.choice((1.0, 4.0, 10.0))
        look_seconds = 0.05 if world.is_calm else _LOOK_SECONDS
        for number in range(chance.choice((1, 3, 8, 16))):
            self._open_calls += 1
            world.loop.later(chance.uniform(0, seconds), self._ask, f"key-{number}")
        for _ in range(0 if world.is_calm else chance.choice((0, 1, 1, 2, 3, 5, 12))):
            world.loop.later(chance.uniform(0, seconds), chance.choice(self._faults()))
        # Nothing goes wrong when a worker stops in good order.
        for _ in range(chance.choice((0, 1, 2)) if world.is_calm else 0):
            world.loop.later(chance.uniform(0, seconds), self._stop_some_worker)
        waiting = Waiting(world, self.server.tables, self.log, self._held)
        ends_at = seconds
        while True:
            await _sleep(world, look_seconds)
            if world.now >= ends_at and self._heal():
                break
            if world.now - ends_at > _LONGEST_SECONDS:
                raise Broken(f"the processes do not come back: {world.loop.ended_with()}")
            waiting.look(self._alive(), self._working(), healthy_since=max(self._healthy_since, world.now if self._is_troubled() else 0))
        since = world.now
        self._healthy_since = max(self._healthy_since, since)
        while self._open_calls or any(task["end_time"] is None for task in self.server.tables.tasks.values()):
            await _sleep(world, look_seconds)
            waiting.look(self._alive(), self._working(), healthy_since=self._healthy_since)
            if world.now - since > _LONGEST_SECONDS:
                left = {task["id"]: task["state"] for task in self.server.tables.tasks.values() if task["end_time"] is None}
                raise Broken(f"{left} have not ended, {self._open_calls} calls are open")
        await self._quiet(check_slots_of=self)
        check_end(self.server.tables, self.bus, self.log, self._accepted, self._cancelled)

    async def _quiet(self, *, check_slots_of: Simulation) -> None:
        """Wait until nothing moves, and the slots are all free."""
        for left in range(100, -1, -1):
            await _sleep(self.world, _LOOK_SECONDS)
            try:
                check_slots(check_slots_of._alive(), check_slots_of._working())
                if not self.server.tables.outbox:
                    return
            except Broken:
                if not left:
                    raise

    # The parts.
    def _alive(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica is not None and replica.is_open]

    def _working(self) -> list[Worker]:
        return [worker for worker in self._workers if worker is not None and worker.process.is_alive]

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def _any_replica(self) -> Replica | None:
        """One as a client's channel chooses: it may not know yet which are gone."""
        alive = self._alive()
        return self.world.random.choice(alive) if alive and not self.world.chance(0.1) else self.world.random.choice(self._replicas)

    def _start_replica(self, number: int) -> None:
        replica = Replica(self.world, self.server, self.bus, self._name("tasks"))
        self._replicas[number] = replica
        if self.world.chance(0.25) and self.world.now < 8 and not self.world.is_calm:
            self._doom(replica.process, lambda: self._kill_replica(replica), 120)

    def _start_worker(self, number: int) -> None:
        worker = Worker(
            self.world, self._any_replica, self.bus, self.log, self._name("worker"), self._slots[number], standby=self._standby[number]
        )
        self._workers[number] = worker
        if self.world.chance(0.2) and self.world.now < 8 and not self.world.is_calm:
            self._doom(worker.process, lambda: self._kill_worker(worker), 40)

    def _doom(self, process: Process, kill: Callable[[], None], most: int) -> None:
        self.world.doomed[process] = int(self.world.random.expovariate(3 / most)), kill

    # The clients.
    def _ask(self, key: str) -> None:
        self.world.loop.start(self._client, self._create(key))

    async def _create(self, key: str) -> None:
        chance = self.world.random
        account_id, lane_, priority = chance.choice(self._accounts), chance.choice(LANES), chance.choice((0, 0, 5))
        deadline = chance.choice((None, None, None, 2.0, 30.0))
        while True:
            replica = self._any_replica()
            try:
                task = await self._call(replica, lambda of: of.create(account_id, lane_, key, priority, deadline))
                break
            except DarkroomError as error:
                if error.reason not in (ErrorReason.UNAVAILABLE, ErrorReason.IDEMPOTENCY_IN_PROGRESS):
                    raise
                await _sleep(self.world, chance.uniform(0.05, 0.5))
        self.world.note(f"client: {key} is task {task.id} for account {account_id} in {lane_}")
        if task.id in self._accepted and self._accepted[task.id] != key:
            self.log.problems.append(f"{key} and {self._accepted[task.id]} are both task {task.id}")
        self._accepted[task.id] = key
        if chance.random() < 0.15:
            await _sleep(self.world, chance.expovariate(2.0))
            await self._cancel(account_id, task.id)
        self._open_calls -= 1

    async def _cancel(self, account_id: int, task_id: int) -> None:
        while True:
            try:
                if await self._call(self._any_replica(), lambda of: of.cancel(account_id, task_id)):
                    self._cancelled.add(task_id)
                return
            except DarkroomError:
                await _sleep(self.world, 0.2)

    async def _call(self, replica: Replica | None, work: Callable[[Replica], Any]) -> Any:
        process = replica.process if replica is not None and replica.is_open else None
        return await call(self.world, self._client, process, lambda: work(replica), _CALL_SECONDS)

    # The faults.
    def _faults(self) -> list[Callable[[], None]]:
        return [
            self._kill_some_replica, self._kill_some_replica, self._stop_some_replica, self._kill_some_worker, self._stop_some_worker,
            self._break_a_stream, self._break_a_stream, self._bus_away, self._database_away, self._break_database_connections,
        ]  # fmt: skip

    def _trouble(self, seconds: float = 0.0) -> None:
        self._healthy_since = max(self._healthy_since, self.world.now + seconds)

    def _is_troubled(self) -> bool:
        return not (self.server.is_up and self.bus.is_up and self._alive()) or self.world.now < self._healthy_since

    def _kill(self, process: Process, *, what: str) -> None:
        after = self.world.random.choice((0.01, 0.01, 0.01, 5.0))
        self.world.note(f"{process} is {what}, noticed after {after} s")
        process.is_alive = False
        for tell in process.ends:
            tell(after * self.world.random.uniform(0.5, 1))
        self.server.disconnect(process, after)
        self._trouble(after)

    def _kill_some_replica(self) -> None:
        if alive := self._alive():
            self._kill_replica(self.world.random.choice(alive))

    def _kill_replica(self, replica: Replica) -> None:
        if replica.process.is_alive:
            self._kill(replica.process, what="killed")
            self.world.loop.later(self.world.random.expovariate(0.5), self._replace_replica, replica)

    def _replace_replica(self, replica: Replica) -> None:
        if replica in self._replicas:
            self._start_replica(self._replicas.index(replica))
            self._trouble()

    def _stop_some_replica(self) -> None:
        if alive := self._alive():
            replica = self.world.random.choice(alive)
            self.world.note(f"{replica.process} is stopped")
            self.world.loop.start(replica.process, replica.stop())
            self._trouble(1.0)
            self.world.loop.later(self.world.random.uniform(1.0, 5.0), self._kill_replica, replica)

    def _kill_some_worker(self) -> None:
        if alive := self._working():
            self._kill_worker(self.world.random.choice(alive))

    def _kill_worker(self, worker: Worker) -> None:
        if worker.process.is_alive:
            self._kill(worker.process, what="killed")
            self.world.loop.later(self.world.random.expovariate(0.5), self._replace_worker, worker)

    def _replace_worker(self, worker: Worker) -> None:
        if worker in self._workers:
            self._start_worker(self._workers.index(worker))
            self._trouble()

    def _stop_some_worker(self) -> None:
        if alive := self._working():
            worker = self.world.random.choice(alive)
            self.world.note(f"{worker.process} is stopped")
            worker.process.context.copy().run(worker.stop)
            self.world.loop.later(8.0, self._kill_worker, worker)

    def _break_a_stream(self) -> None:
        streams = [stream for worker in self._working() for stream in worker.streams if not stream.is_over]
        if streams:
            after = self.world.random.choice((0.01, 0.5, 6.0))
            self.world.note(f"a stream breaks, noticed within {after} s")
            self.world.random.choice(streams).break_(after)
            self._trouble(after)

    def _bus_away(self) -> None:
        self.world.note("NATS is away")
        self.bus.is_up = False
        self.world.loop.later(self.world.random.expovariate(0.5), self._bus_back)

    def _bus_back(self) -> None:
        self.world.note("NATS is back")
        self.bus.is_up = True
        self._trouble()

    def _database_away(self) -> None:
        self.world.note("PostgreSQL is away")
        self.server.set_up(False)
        self.world.loop.later(self.world.random.expovariate(0.5), self._database_back)

    def _database_back(self) -> None:
        self.world.note("PostgreSQL is back")
        self.server.set_up(True)
        self._trouble(_LOOP_SECONDS)

    def _break_database_connections(self) -> None:
        if alive := self._alive():
            replica = self.world.random.choice(alive)
            self.world.note(f"{replica.process} loses its connections to PostgreSQL")
            self.server.break_connections(replica.process)
            self._trouble()

    def _heal(self) -> bool:
        """Let nothing more go wrong; whether everything is there."""
        self.world.doomed.clear()
        self.bus.is_reliable = True
        return (
            not self._is_troubled()
            and len(self._alive()) == len(self._replicas)
            and all(worker is not None and worker.takes_tasks for worker in self._workers)
        )


async def _sleep(world: World, seconds: float) -> None:
    done = world.loop.create_future()
    world.loop.later(seconds, answer, done, None)
    await done


def simulate(seed: int, *, traces: bool = False) -> tuple[str, list[str]]:
    """Run the schedule of a seed: what was wrong, if anything, and the record, if it is wanted."""
    one = Simulation(seed, traces=traces)
    problem = ""
    with isolated(one.world, seed, one.log.problems):
        try:
            one.world.loop.run(one.run())
        except Broken as error:
            problem = str(error)
    problem = problem or "; ".join(repr(error) for error in one.world.loop.failures if not isinstance(error, _FAILURES))
    return problem, one.world.record
