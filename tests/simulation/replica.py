"""A replica of the tasks service: its real parts for the life of tasks, on a simulated database and bus."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast

from services.platform.bus import Bus
from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.platform.idempotency import AlreadyMade
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity, set_identity
from services.platform.loop import Loop
from services.tasks.domain.acceptance.admission import admit_task
from services.tasks.domain.acceptance.later_fetching import LaterFetching
from services.tasks.domain.acceptance.starting import Starting
from services.tasks.domain.lifecycle.attempts import AttemptRules, Attempts, Deadlines, Reaper
from services.tasks.domain.lifecycle.delivering import Delivering
from services.tasks.domain.lifecycle.due_work import IDLE_SECONDS, DueWorkFinder
from services.tasks.domain.lifecycle.exchange import Exchange, LaneExchange
from services.tasks.domain.lifecycle.lane_workers import LaneWorkers
from services.tasks.domain.lifecycle.notifications import Notifications, tell_worker
from services.tasks.domain.lifecycle.publishing import Announcer, EventPublisher, Relay
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.domain.order.joined_workers import JoinedWorkers
from services.tasks.domain.order.long_waits import LongWaits
from services.tasks.domain.order.workforce import Workforce
from services.tasks.model import Task
from services.tasks.model.records import CreditTerms, NewTask, NewTasks, OutgoingEvent
from services.tasks.store.due import DueStore
from services.tasks.store.queue import QueueStore
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.internal.attempts import InternalAttempts
from tests.simulation.database import Connections, Server
from tests.simulation.network import Bus as SimulatedBus
from tests.simulation.network import BusClient, Stream
from tests.simulation.processes import Process
from tests.simulation.world import World

LANES = ("picture", "neural")
LEASE, HEARTBEAT, TIMEOUT = 6.0, 1.0, 25.0
MAX_RUNNING, PRICE = 3, 6000
_METHOD = "/darkroom.tasks.v1.TasksService/CreateTask"
_RULES = AttemptRules(
    lease=timedelta(seconds=LEASE),
    heartbeat_interval=timedelta(seconds=HEARTBEAT),
    timeout=timedelta(seconds=TIMEOUT),
    progress_step=0.01,
    retry=RetryPolicy(5, 2, 3, timedelta(seconds=0.5), timedelta(seconds=8)),
)
_TERMS = CreditTerms(unlimited=False, multiplier_permille=1000)


class _Nobody:
    """No worker reports on the board."""

    unknown = False

    def serves(self, lane: str, **_: object) -> bool:
        return False

    def expected_machine(self, lane: str) -> None:
        return None


class Replica:
    """Runs in a process of its own until that is killed."""

    def __init__(self, world: World, server: Server, bus: SimulatedBus, name: str) -> None:
        self._world, self.process = world, Process(name)
        self._skew = world.random.uniform(-0.5, 0.5)
        self._bus = bus.of(self.process)
        self._database = cast(Database, Connections(server, self.process))
        self._stopping = asyncio.Event()
        self.lanes: dict[str, LaneExchange] = {}
        self._loops: list[asyncio.Task[None]] = []
        world.loop.start(self.process, self._serve())

    @property
    def is_open(self) -> bool:
        """Whether it takes calls."""
        return self.process.is_alive and not self._stopping.is_set() and bool(self._loops)

    async def _serve(self) -> None:
        clock, bus, database = self._world.clock(self._skew), cast(Bus, self._bus), self._database
        store, notifications = TaskStore(database), Notifications()
        attempts = Attempts(store, notifications, _RULES, clock)
        due = DueWorkFinder(DueStore(database), LANES, timedelta(seconds=2), clock)
        waits = LongWaits(QueueStore(database), None, MAX_RUNNING, clock)
        idle = timedelta(seconds=IDLE_SECONDS)
        for lane in LANES:
            workers = LaneWorkers(lane, cast(Workforce, _Nobody()), waits, clock)
            self.lanes[lane] = LaneExchange(lane, store, attempts, bus, notifications, workers, MAX_RUNNING, idle, clock)
            notifications.on_transition(self.lanes[lane].on_change)
        exchange = Exchange(self.lanes, bus, self._stopping)
        due.on_look(0.5, lambda found: exchange.on_look(found.lanes))
        notifications.on_event(lambda _event, _task: due.note_event())
        self._store, self._notifications, self.attempts = store, notifications, attempts
        self._starting = Starting(store, exchange, notifications, attempts.first_lease, MAX_RUNNING)
        unused = cast(LaterFetching, None), cast(Delivering, None)
        self._internal = InternalAttempts(attempts, exchange, *unused, RecentOutputs(), cast(JoinedWorkers, None))
        loops: list[Any] = [
            *(one.loop for one in self.lanes.values()),
            exchange,
            due.loop(),
            *self._events(due, clock),
            *self._ends(due, clock),
        ]
        self._loops = [asyncio.create_task(one.run()) for one in loops]

    def _ends(self, due: DueWorkFinder, clock: Any) -> Sequence[Loop]:
        reaper = Loop("reaper", IDLE_SECONDS, Reaper(self.attempts).step)
        deadlines = Loop("deadlines", IDLE_SECONDS, Deadlines(self._store, cast(Bus, self._bus), self._notifications, clock).step)
        due.on_look(1.0, lambda found: reaper.wake() if found.has_leases else None)
        due.on_look(1.0, lambda found: deadlines.wake() if found.has_deadlines else None)
        return reaper, deadlines

    def _events(self, due: DueWorkFinder, clock: Any) -> Sequence[Loop]:
        publisher = cast(EventPublisher, _Publisher(self._bus))
        relaying = Relay(self._store, publisher, timedelta(seconds=10), clock, timedelta(seconds=2))
        relay = Loop("relay", IDLE_SECONDS, relaying.step)
        due.on_look(0.5, lambda found: relay.wake() if found.has_events else None)
        announcer = Announcer(self._store, publisher, lambda: self._world.loop.call_later(0.5, forgetting.wake) and None)
        announcing, forgetting = Loop("announcer", IDLE_SECONDS, announcer.step, 0.015), Loop("outbox", IDLE_SECONDS, announcer.forget)

        def announce(event: OutgoingEvent, _task: Task) -> None:
            announcer.add(event)
            announcing.wake()

        self._notifications.on_event(announce)
        return announcing, forgetting, relay

    async def exchange(self, stream: Stream) -> None:
        """Serve a worker."""
        set_identity(Identity(0, service="inference"))
        await self._internal.Exchange(stream.requests(), cast(Any, _Context(stream)))

    async def create(self, account_id: int, lane: str, key: str, priority: int, deadline: float | None) -> Task:
        """As `CreateTask`, from where files are pinned."""
        clock = self._world.clock(self._skew)
        due = clock() + timedelta(seconds=deadline) if deadline is not None else None
        task = NewTask(id=None, lane=lane, operations=[], input_file_ids=[1], list_price_millicredits=PRICE, expected_outputs=1)
        new = NewTasks(account_id=account_id, tasks=[task], max_open=1000, priority=priority, max_attempts=5, deadline=due)
        call = IdempotentCall(account_id, _METHOD, key, b"digest")
        try:
            [made] = await self._starting.create(new, partial(admit_task, new.tasks), terms=_TERMS, now=clock(), call=call)
        except AlreadyMade as known:
            found = await self._store.get(account_id, known.ids[0])
            assert found is not None
            return found
        return made

    async def cancel(self, account_id: int, task_id: int) -> bool:
        """As `CancelTask`; whether it was in time."""
        now = self._world.clock(self._skew)()
        task = await self._store.cancel(account_id, task_id, reason=ErrorReason.CANCELLED, message="", now=now)
        if task is None:
            return False
        self._notifications.notify_transition(task)
        await tell_worker(cast(Bus, self._bus), task.id)
        return True

    async def stop(self) -> None:
        """End in good order: streams are ended, and loops have a moment."""
        self._stopping.set()
        await asyncio.sleep(1.0)
        for loop in self._loops:
            loop.cancel()
        await asyncio.wait(self._loops, timeout=3.0)

    def free_slots(self) -> set[bytes]:
        """The slots that it could give tasks to."""
        streams = (stream for lane in self.lanes.values() for stream in lane.workers._streams if stream.takes_tasks)
        return {run_id.bytes for stream in streams for run_id in stream.free}


class _Publisher:
    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self.publish = bus.publish_events

    @property
    def is_connected(self) -> bool:
        return self._bus.is_connected


class _Context:
    def __init__(self, stream: Stream) -> None:
        self.write = stream.respond
