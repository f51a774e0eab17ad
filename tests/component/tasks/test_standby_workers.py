"""Workers on standby: they take tasks of a lane only while no other worker serves it, whatever replica holds whose stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from darkroom.internal.system.v1 import part_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.platform.bus import OFFERS_STREAM, Bus
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.lifecycle import lane_workers, worker_stream
from tests.component.tasks.service import Replica, Service
from tests.component.tasks.workers import WorkerDouble, worker_on

ACCOUNT = 7_001
LANE = "system"
STEADY = part_pb2.Worker(name="steady-1", slots={LANE: 2}, machine="steady")


@pytest.fixture(autouse=True)
async def board(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> WorkerBoard:
    """An empty board, which replicas read often; on a busy machine, too, workers that say nothing count."""
    monkeypatch.setattr("services.tasks.domain.lifecycle.assembly.INTERVAL_SECONDS", 0.1)
    be_silent_for(monkeypatch, 300)
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    return WorkerBoard(bus)


def be_silent_for(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """How long a worker may be silent and still counts."""
    for module in (worker_stream, lane_workers):
        monkeypatch.setattr(module, "SILENT_SECONDS", seconds)


@asynccontextmanager
async def standing_by(service: Service, replica: Replica) -> AsyncIterator[WorkerDouble]:
    """It `offers` slots once the other workers are connected: a lane that is just taking tasks for them does not look again."""
    async with worker_on(replica.attempts, service.worker(), name="slow-1", standby=True) as worker:
        await worker.heard(await worker.say())
        yield worker


@asynccontextmanager
async def primary(service: Service, replica: Replica, slots: int = 1) -> AsyncIterator[WorkerDouble]:
    async with worker_on(replica.attempts, service.worker(), name=STEADY.name) as worker:
        await offers(worker, slots)
        yield worker


async def offers(worker: WorkerDouble, slots: int = 1) -> None:
    """Say that slots are free, and wait until that has been heard."""
    await worker.ask(slots)
    await worker.heard(await worker.say())


async def looked_many_times() -> None:
    """Let lanes look for what they can start."""
    await asyncio.sleep(0.6)


def told(admissions: Sequence[pb.Admission]) -> list[str]:
    return [notice.message for admission in admissions for notice in admission.notices]


async def test_while_another_serves_the_lane_standby_gets_nothing_and_once_that_stops_all(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, standing_by(service, replica) as slow:
        async with primary(service, replica) as steady:
            await offers(slow, 3)
            tasks = [await replica.create(me) for _ in range(3)]
            [first] = await steady.given()
            await looked_many_times()
            # The other is busy, and still the one who serves the lane.
            assert not slow.admissions
            await steady.say(draining=True)
            given = await slow.given(2)
        assert [admission.task_id for admission in (first, *given)] == [task.id for task in tasks]
        assert [notice.code for admission in given for notice in admission.notices] == ["ran_on_standby_worker"] * 2
        assert set(told(given)) == {"A slower worker ran this because no other worker was connected."}
        assert not first.notices


async def test_a_worker_that_says_nothing_of_standby_is_a_usual_one(service: Service) -> None:
    async with service.replica() as replica, worker_on(replica.attempts, service.worker()) as worker:
        await worker.ask()
        await replica.create(service.caller(ACCOUNT))
        [admission] = await worker.given()
        assert not admission.notices


async def test_one_that_falls_asleep_without_a_word_counts_until_it_has_been_silent_for_long(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica() as replica,
        standing_by(service, replica) as slow,
        primary(service, replica, slots=0),
    ):
        await offers(slow)
        task = await replica.create(me)
        await looked_many_times()
        assert not slow.admissions
        be_silent_for(monkeypatch, 1)
        # The one on standby goes on speaking.
        while not slow.admissions:
            await slow.say()
            await asyncio.sleep(0.1)
        assert slow.admissions[0].task_id == task.id


async def test_one_whose_stream_breaks_may_come_again_before_standby_takes_over(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica, standing_by(service, replica) as slow:
        async with primary(service, replica, slots=0):
            pass
        await offers(slow)
        task = await replica.create(me)
        await looked_many_times()
        assert not slow.admissions
        async with primary(service, replica) as again:
            assert [admission.task_id for admission in await again.given()] == [task.id]
            assert not slow.admissions


async def test_what_a_worker_of_another_replica_tells_counts_there_too(service: Service, board: WorkerBoard) -> None:
    me = service.caller(ACCOUNT)
    await board.tell(STEADY)
    async with service.replica("a") as a, service.replica("b") as b, standing_by(service, a) as slow:
        await offers(slow, 4)
        async with primary(service, b) as steady:
            tasks = [await a.create(me) for _ in range(3)]
            [first] = await steady.given()
            await looked_many_times()
            assert not slow.admissions
        # It goes on telling: it is at a third replica by now, for all that is known.
        await looked_many_times()
        assert not slow.admissions
        await board.leave(STEADY.name)
        rest = await slow.given(2)
    assert [admission.task_id for admission in (first, *rest)] == [task.id for task in tasks]


async def test_one_that_stops_or_stands_by_elsewhere_does_not_count(service: Service, board: WorkerBoard) -> None:
    me = service.caller(ACCOUNT)
    await board.tell(part_pb2.Worker(name="stopping", slots={LANE: 2}, process={"stopping": True}))
    await board.tell(part_pb2.Worker(name="another", slots={LANE: 2}, standby_lanes=[LANE]))
    await board.tell(part_pb2.Worker(name="elsewhere", slots={"neural": 2}))
    async with service.replica() as replica, standing_by(service, replica) as slow:
        await offers(slow)
        task = await replica.create(me)
        assert (await slow.given())[0].task_id == task.id


async def test_workers_of_both_kinds_at_two_replicas_get_no_task_twice(service: Service, board: WorkerBoard) -> None:
    me = service.caller(ACCOUNT)
    await board.tell(STEADY)
    async with (
        service.replica("a") as a,
        service.replica("b") as b,
        standing_by(service, a) as slow,
        primary(service, b, slots=10) as steady,
    ):
        await offers(slow, 30)
        tasks = [await replica.create(me) for _ in range(15) for replica in (a, b)]
        await steady.given(10)
        await steady.say(draining=True)
        await board.leave(STEADY.name)
        await slow.given(20)
        given = [admission.task_id for admission in (*steady.admissions, *slow.admissions)]
        assert sorted(given) == sorted(task.id for task in tasks)


async def test_after_a_long_wait_standby_helps_but_the_other_goes_first(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with (
        service.replica(standby_after=0) as replica,
        standing_by(service, replica) as slow,
        primary(service, replica) as steady,
    ):
        await offers(slow)
        tasks = [await replica.create(me) for _ in range(2)]
        [first] = await steady.given()
        [second] = await slow.given()
        assert [first.task_id, second.task_id] == [task.id for task in tasks]
        assert told([first, second]) == ["A slower worker ran this because the queue was long."]


async def test_short_waits_are_left_to_the_other(service: Service) -> None:
    async with (
        service.replica(standby_after=3600) as replica,
        standing_by(service, replica) as slow,
        primary(service, replica, slots=0) as steady,
    ):
        await offers(slow)
        await replica.create(service.caller(ACCOUNT))
        await looked_many_times()
        assert not slow.admissions
        await steady.ask()
        await steady.given()


async def test_a_task_that_is_asked_for_again_still_says_who_ran_it(service: Service) -> None:
    async with service.replica() as replica:
        async with standing_by(service, replica) as slow:
            await offers(slow)
            await replica.create(service.caller(ACCOUNT))
            [first] = await slow.given()
        async with worker_on(replica.attempts, service.worker(), name="slow-1", standby=True) as again:
            await again.say(again=[first.run_id])
            [second] = await again.given()
    assert (second.task_id, second.attempt, list(second.notices)) == (first.task_id, first.attempt, list(first.notices))
