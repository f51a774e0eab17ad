"""Who serves a lane, as a replica knows it by the streams that it holds and by what workers tell elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from darkroom.internal.system.v1 import part_pb2
from services.inference.worker.membership import Membership
from services.platform.membership import NEED
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.lifecycle.exchange import LaneExchange
from services.tasks.domain.lifecycle.lane_workers import LaneWorkers
from services.tasks.domain.lifecycle.worker_stream import WorkerStream
from services.tasks.domain.order.long_waits import LongWaits
from services.tasks.domain.order.waiting import Waiting
from services.tasks.domain.order.workforce import Workforce
from services.tasks.model import AwayWorker, Task
from services.tasks.model.state import TaskState
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.queue import QueueStore

LANE = "neural"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Board:
    """What workers have told."""

    def __init__(self) -> None:
        self.workers: list[part_pb2.Worker] = []

    async def read(self) -> Sequence[part_pb2.Worker]:
        return self.workers

    def tell(self, name: str, heard: datetime, **said: Any) -> None:
        worker = part_pb2.Worker(**{"name": name, "slots": {LANE: 1}} | said)
        worker.heard_time.FromDatetime(heard)
        self.workers = [*(other for other in self.workers if other.name != name), worker]


class Remembered:
    """The machines that come back."""

    def __init__(self) -> None:
        self.machines: dict[str, AwayWorker] = {}

    async def remember(self, worker: AwayWorker, configured: object) -> None:
        self.machines[worker.name] = worker

    async def list_machines(self, *, now: datetime) -> Sequence[AwayWorker]:
        return list(self.machines.values())

    async def forget(self, *names: str) -> None:
        for name in names:
            del self.machines[name]


class Oldest:
    """The oldest task of each lane."""

    def __init__(self, **created: datetime) -> None:
        self.created = created
        self.asked = 0

    async def oldest_to_start(self, max_running: int) -> Mapping[str, datetime]:
        self.asked += 1
        return self.created


class Lane:
    """Stands for the exchange that streams belong to."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments: None


class World:
    """One replica's view of a lane, at a moment that a test moves."""

    def __init__(self, after: timedelta | None = None, oldest: Oldest | None = None) -> None:
        self.now, self.board, self.remembered = NOW, Board(), Remembered()
        board, store = cast(WorkerBoard, self.board), cast(AwayWorkerStore, self.remembered)
        self.workforce = Workforce(board, store, lambda: self.now)
        waits = LongWaits(cast(QueueStore, oldest or Oldest()), after, 10, lambda: self.now)
        self.workers = LaneWorkers(LANE, self.workforce, waits, lambda: self.now)

    def stream(self, name: str, *, standby: bool = False, silent: float = 0.0, slots: int = 0) -> WorkerStream:
        """A worker's stream, on which nothing has been said for some seconds."""
        stream = WorkerStream(cast(LaneExchange, Lane()), name, standby=standby)
        stream.heard_at = asyncio.get_running_loop().time() - silent
        stream.free.extend(cast(Any, range(slots)))
        self.workers.add(stream)
        return stream


async def test_before_anything_is_known_of_others_the_lane_counts_as_served() -> None:
    world = World()
    assert world.workers.is_served(standby=False)
    await world.workforce.step()
    assert not world.workers.is_served()


async def test_a_worker_on_standby_serves_the_lane_yet_is_not_one_that_others_stand_by_for() -> None:
    world = World()
    await world.workforce.step()
    world.stream("slow", standby=True)
    assert (world.workers.is_served(), world.workers.is_served(standby=False)) == (True, False)
    world.stream("steady")
    assert world.workers.is_served(standby=False)


@pytest.mark.parametrize(("silent", "served"), [(14.0, True), (16.0, False)])
@pytest.mark.parametrize("broken", [False, True])
async def test_a_silent_stream_counts_for_fifteen_seconds_even_if_it_is_broken(
    monkeypatch: pytest.MonkeyPatch, silent: float, served: bool, broken: bool
) -> None:
    world, loop = World(), asyncio.get_running_loop()
    await world.workforce.step()
    # Nothing is waited for from here on.
    moment = loop.time()
    monkeypatch.setattr(loop, "time", lambda: moment)
    stream = world.stream("steady", silent=silent)
    if broken:
        stream.ended = True
        world.workers.remove(stream)
    assert world.workers.is_served() == served


async def test_one_that_has_said_that_it_stops_does_not_count() -> None:
    world = World()
    await world.workforce.step()
    stream = world.stream("steady")
    stream.draining = True
    assert not world.workers.is_served()


@pytest.mark.parametrize(("told", "served"), [(-30.0, False), (-12.0, False), (-4.0, True)])
async def test_what_a_silent_worker_tells_counts_once_it_is_alive_elsewhere(told: float, served: bool) -> None:
    """It was silent here for 20 seconds: what it told within the first 15 of them says nothing about now."""
    world = World()
    world.board.tell("steady", NOW + timedelta(seconds=told))
    await world.workforce.step()
    world.stream("steady", silent=20.0)
    assert world.workers.is_served() == served


@pytest.mark.parametrize(("told", "served"), [(-14.0, False), (-11.0, False), (-6.0, True)])
async def test_one_whose_stream_has_ended_is_alive_elsewhere_if_it_tells_something_after_that(told: float, served: bool) -> None:
    """So it is with a worker of another machine when its delegation ends, every few minutes. It said its last word 16 seconds ago."""
    world = World()
    world.board.tell("steady", NOW + timedelta(seconds=told))
    await world.workforce.step()
    stream = world.stream("steady", silent=16.0)
    stream.end()
    stream.ended_at -= 12.0
    world.workers.remove(stream)
    assert world.workers.is_served() == served


@pytest.mark.parametrize(
    ("said", "served", "primary"),
    [
        ({}, True, True),
        ({"standby_lanes": [LANE]}, True, False),
        ({"process": {"stopping": True}}, False, False),
        # It has been revoked, and goes on telling.
        ({"process": {"needs": [{"name": NEED, "problem": "This worker has been revoked."}]}}, False, False),
        ({"process": {"needs": [{"name": NEED}, {"name": "triton", "problem": "no answer"}]}}, True, True),
        ({"slots": {"pages": 1}}, False, False),
    ],
)
async def test_workers_of_other_replicas_count_by_what_they_tell(said: dict[str, Any], served: bool, primary: bool) -> None:
    world = World()
    world.board.tell("steady", NOW, **said)
    await world.workforce.step()
    assert (world.workers.is_served(), world.workers.is_served(standby=False)) == (served, primary)


async def test_slots_of_others_go_first_and_those_on_standby_have_a_reason() -> None:
    world = World()
    await world.workforce.step()
    slow = world.stream("slow", standby=True, slots=2)
    steady = world.stream("steady", slots=1)
    assert await world.workers.slots(10) == ([(steady, 0)], "")
    assert await world.workers.slots(10) == ([], "")
    steady.draining = True
    assert await world.workers.slots(10) == ([(slow, 0), (slow, 1)], "no other worker was connected")


async def test_the_reason_names_the_machine_that_is_away() -> None:
    world = World()
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", away_days=7)
    await world.workforce.step()
    world.board.workers = []
    await world.workforce.step()
    slow = world.stream("slow", standby=True, slots=1)
    assert await world.workers.slots(10) == ([(slow, 0)], "gpu-box was away")
    assert world.workers.reason(slow) == "gpu-box was away"
    world.now += timedelta(days=7)
    assert world.workers.reason(slow) == "no other worker was connected"


async def test_after_a_long_wait_one_slot_at_a_time_helps() -> None:
    minute = timedelta(minutes=1)
    oldest = Oldest(**{LANE: NOW - minute})
    world = World(after=minute, oldest=oldest)
    await world.workforce.step()
    world.stream("steady")
    slow = world.stream("slow", standby=True, slots=3)
    assert await world.workers.slots(10) == ([(slow, 0)], "the queue was long")
    oldest.created[LANE] = NOW
    assert await world.workers.slots(10) == ([], "")
    # Nobody looks again within the second.
    assert await world.workers.slots(10) == ([], "")
    assert oldest.asked == 2
    world.now += minute
    assert await world.workers.slots(10) == ([(slow, 1)], "the queue was long")


async def test_a_machine_whose_workers_no_longer_say_that_it_comes_back_is_forgotten() -> None:
    world = World()
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", away_days=7)
    await world.workforce.step()
    assert world.workforce.away == []
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", process={"stopping": True}, away_days=7)
    await world.workforce.step()
    assert [machine.name for machine in world.workforce.away] == ["gpu-box"]
    world.board.tell("gpu-box-7", NOW, machine="gpu-box")
    await world.workforce.step()
    assert world.remembered.machines == {}


def test_joined_workers_tell_it_by_this_name() -> None:
    assert Membership.check(cast(Membership, None)).name == NEED


async def test_a_machine_that_has_been_revoked_and_forgotten_stays_forgotten() -> None:
    world = World()
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", away_days=7)
    await world.workforce.step()
    await world.remembered.forget("gpu-box")
    revoked = {"needs": [{"name": NEED, "problem": "This worker has been revoked."}]}
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", away_days=7, process=revoked)
    await world.workforce.step()
    assert world.remembered.machines == {}


async def test_while_the_board_cannot_be_read_no_task_is_said_to_wait_for_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of others is true for a minute; after that, they may be there or not."""
    world, task = World(), cast(Task, SimpleNamespace(state=TaskState.QUEUED, lane=LANE))
    waiting = Waiting(lambda _lane: world.workers.is_served(), world.workforce)
    assert waiting.of(task) is None
    world.board.tell("gpu-box-7", NOW, machine="gpu-box", away_days=7, process={"stopping": True})
    await world.workforce.step()
    found = waiting.of(task)
    assert found is not None and found.machine is not None and found.machine.name == "gpu-box"
    monkeypatch.setattr("services.tasks.domain.order.workforce._TOLD_SECONDS", 0.0)
    assert waiting.of(task) is None
    assert (world.workforce.away, world.workforce.expected_machine(LANE)) == ([], None)
    # Those on standby go on: if others are there, they only help.
    assert not world.workers.is_served(standby=False)
