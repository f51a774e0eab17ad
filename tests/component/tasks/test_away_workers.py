"""Machines that are away and expected to come back: tasks for them are accepted and wait, and their owners are told what for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.system.v1 import part_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.rest.v1 import account_tasks_pb2, generation_pb2, tasks_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.pictures.offers import Offers
from services.platform.bus import OFFERS_STREAM, Bus
from services.platform.worker_board import WorkerBoard
from tests.component.tasks.service import Replica, Service, error_of, eventually
from tests.component.tasks.test_tasks_system import read
from tests.component.tasks.workers import worker_on

ACCOUNT = 7_001
BANANA = operation_pb2.Operation(nano_banana_2={"prompt": "A cup"})
LANE = "nano_banana_2"
GPU_BOX: dict[str, Any] = {
    "name": "gpu-box-7-abc",
    "machine": "gpu-box",
    "slots": {LANE: 2, "neural": 1},
    "away_days": 7,
    "gpu": True,
    "operations": [LANE],
    "configured_operations": [LANE],
}


@pytest.fixture(autouse=True)
async def board(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> WorkerBoard:
    """An empty board, which replicas read often."""
    monkeypatch.setattr("services.tasks.domain.lifecycle.assembly.INTERVAL_SECONDS", 0.1)
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    return WorkerBoard(bus)


async def known(engine: AsyncEngine) -> dict[str, tuple[list[str], list[str]]]:
    """The machines that are remembered, with their lanes and operations."""
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT name, lanes, operations FROM away_worker"))).all()
    return {row.name: (row.lanes, row.operations) for row in rows}


async def here(board: WorkerBoard, engine: AsyncEngine, **changed: Any) -> None:
    """The machine tells about itself, and a replica has read that."""
    worker = part_pb2.Worker(**(GPU_BOX | changed))
    await board.tell(worker)
    [told] = await board.read()

    async def seen() -> bool:
        async with engine.connect() as connection:
            last = await connection.scalar(text("SELECT seen_time FROM away_worker"))
        return last is not None and last >= told.heard_time.ToDatetime(UTC)

    if worker.away_days:
        await eventually(seen, bool)


async def gone(board: WorkerBoard, service: Service) -> None:
    """The machine has left, and a replica has read that."""
    await board.leave(GPU_BOX["name"])
    await eventually(lambda: read(service), lambda part: bool(part.away_workers))


async def lane_workers() -> tuple[float | None, ...]:
    """Whether Prometheus is told that somebody serves the lane, and that somebody who is away does."""
    return tuple(REGISTRY.get_sample_value("darkroom_lane_workers", {"lane": LANE, "state": state}) for state in ("here", "away"))


async def refused(replica: Replica, me: tuple[tuple[str, str], ...]) -> bool:
    try:
        await replica.create(me, operations=[BANANA])
    except grpc.aio.AioRpcError as error:
        assert error_of(error)[0] == "OPERATION_UNAVAILABLE"
        return True
    return False


async def waits(replica: Replica, me: tuple[tuple[str, str], ...], task_id: int, true: Callable[[task_pb2.Task], bool]) -> task_pb2.Task:
    return await eventually(lambda: replica.get(me, task_id), true)


async def test_a_task_for_a_machine_that_is_away_is_accepted_waits_and_runs_when_it_is_back(
    service: Service, board: WorkerBoard, clean_engine: AsyncEngine
) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        assert await refused(replica, me)
        await here(board, clean_engine)
        await gone(board, service)
        task = await replica.create(me, operations=[BANANA])
        shown = await replica.get(me, task.id)
        assert (shown.state, shown.queue_position) == (task_pb2.TASK_STATE_QUEUED, 0)
        assert (shown.waiting_for.reason, shown.waiting_for.worker) == (task_pb2.WAITING_REASON_WORKER_AWAY, "gpu-box")
        assert datetime.now(UTC) - shown.waiting_for.last_seen_time.ToDatetime(UTC) < timedelta(minutes=5)
        async with worker_on(replica.attempts, service.worker(), LANE, GPU_BOX["name"]) as worker:
            await worker.ask(0)
            await worker.heard(await worker.say())
            # It is here: now the task waits for its turn alone.
            assert not (await replica.get(me, task.id)).HasField("waiting_for")
            await worker.ask()
            [admission] = await worker.given()
            assert admission.task_id == task.id
            await worker.succeed(admission)
            await worker.answered(task.id)
        assert not (await replica.get(me, task.id)).HasField("waiting_for")


async def test_the_json_api_says_it_in_the_status_and_in_the_details(
    service: Service, board: WorkerBoard, clean_engine: AsyncEngine
) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        await here(board, clean_engine)
        await gone(board, service)
        request = generation_pb2.NanoBanana2Request(prompt="A cup", aspect_ratio="3:2")
        task_id = (await replica.images.CreateNanoBanana2(request, metadata=me)).data.task_id
        status = (await replica.pilio_tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id=task_id), metadata=me)).data
        details = (await replica.account_tasks.GetTask(account_tasks_pb2.GetTaskRequest(id=task_id), metadata=me)).data
        assert (status.status, status.waiting_for.reason, status.waiting_for.worker) == ("Pending", "worker_away", "gpu-box")
        assert (details.state, details.waiting_for, details.HasField("estimated_wait_seconds")) == ("queued", status.waiting_for, False)
        assert status.waiting_for.HasField("last_seen_at")


async def test_what_nobody_serves_waits_for_no_worker_and_no_time_is_promised(service: Service, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica(throughput_interval=0.1) as replica:
        async with worker_on(replica.attempts, service.worker()) as worker:
            # Both looks at the lane find a task that waits, and in between one is taken: its rate is known.
            tasks = [await replica.create(me) for _ in range(3)]
            await worker.ask()
            await worker.given()

            async def promised() -> task_pb2.Task:
                await replica.create(me)
                await worker.ask()
                await worker.heard(await worker.say())
                return await replica.get(me, (await replica.create(me)).id)

            shown = await eventually(promised, lambda task: task.HasField("estimated_wait"))
            assert not shown.HasField("waiting_for")
            await worker.say(draining=True)
            await worker.heard(await worker.say())
        shown = await waits(replica, me, shown.id, lambda task: task.HasField("waiting_for"))
        assert (shown.waiting_for.reason, shown.waiting_for.worker) == (task_pb2.WAITING_REASON_NO_WORKER, "")
        assert not shown.waiting_for.HasField("last_seen_time")
        assert (shown.HasField("queue_position"), shown.HasField("estimated_wait")) == (True, False)
        # One that runs waits for nothing.
        assert not (await replica.get(me, tasks[0].id)).HasField("waiting_for")


async def test_a_machine_that_is_not_said_to_come_back_is_not_waited_for(
    service: Service, board: WorkerBoard, clean_engine: AsyncEngine
) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        await here(board, clean_engine)
        assert set(await known(clean_engine)) == {"gpu-box"}
        await here(board, clean_engine, away_days=0)
        await eventually(lambda: known(clean_engine), lambda machines: not machines)
        assert await refused(replica, me)


async def test_forgetting_a_machine_refuses_what_only_it_could_run(service: Service, board: WorkerBoard, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        await here(board, clean_engine)
        await gone(board, service)
        waiting = await replica.create(me, operations=[BANANA])
        assert await forget(service, "gpu-box") == {"forgotten": ["gpu-box"]}
        assert await forget(service, "gpu-box") == {"forgotten": []}
        assert await refused(replica, me)
        shown = await waits(replica, me, waiting.id, lambda task: task.waiting_for.reason == task_pb2.WAITING_REASON_NO_WORKER)
        # What was accepted stays: another machine may take the place of this one.
        assert shown.state == task_pb2.TASK_STATE_QUEUED
        cancelled = await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=waiting.id), metadata=me)
        assert cancelled.task.state == task_pb2.TASK_STATE_CANCELLED


async def test_after_its_days_a_machine_is_forgotten(service: Service, board: WorkerBoard, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        await here(board, clean_engine)
        await gone(board, service)
        assert not await refused(replica, me)
        async with clean_engine.begin() as connection:
            await connection.execute(text("UPDATE away_worker SET until = now()"))
        assert await refused(replica, me)
        await eventually(lambda: known(clean_engine), lambda machines: not machines)


async def test_what_could_be_used_before_stays_offered_while_a_machine_starts(
    service: Service, board: WorkerBoard, clean_engine: AsyncEngine
) -> None:
    async with service.replica():
        await here(board, clean_engine, operations=[], configured_operations=[LANE])
        assert (await known(clean_engine))["gpu-box"][1] == []
        await here(board, clean_engine)
        await eventually(lambda: known(clean_engine), lambda machines: machines["gpu-box"][1] == [LANE])
        await here(board, clean_engine, operations=[], configured_operations=[LANE], slots={"neural": 1})
        assert await eventually(lambda: known(clean_engine), lambda machines: machines["gpu-box"][0] == ["neural"]) == {
            "gpu-box": (["neural"], [LANE])
        }
        await here(board, clean_engine, operations=[], configured_operations=[])
        await eventually(lambda: known(clean_engine), lambda machines: machines["gpu-box"][1] == [])


async def test_an_operator_sees_it_as_away_until_it_is_back(service: Service, board: WorkerBoard, clean_engine: AsyncEngine) -> None:
    async with service.replica():
        await here(board, clean_engine)
        assert not (await read(service)).away_workers
        await gone(board, service)
        [away] = (await read(service)).away_workers
        assert (away.name, list(away.lanes), list(away.operations), away.gpu) == ("gpu-box", [LANE, "neural"], [LANE], True)
        assert away.until_time.ToDatetime() - away.heard_time.ToDatetime() == timedelta(days=7)
        await eventually(lane_workers, lambda known: known == (0, 1))
        await here(board, clean_engine)
        await eventually(lambda: read(service), lambda part: not part.away_workers)
        await eventually(lane_workers, lambda known: known == (1, 0))


@pytest.mark.thorough
async def test_tasks_of_a_lane_that_only_it_serves_are_not_moved_unless_others_can_run_them(
    service: Service, board: WorkerBoard, clean_engine: AsyncEngine, bus: Bus
) -> None:
    me = service.caller(ACCOUNT)
    report = service.files.add(ACCOUNT, "report.pdf", "application/pdf", pages=3)
    redraw = operation_pb2.Operation(redraw_pdf={})
    async with service.replica() as replica:
        await here(board, clean_engine, slots={"neural": 2, "pages": 1})
        await Offers(bus).announce([], ["pages"])
        task = await eventually(lambda: replica.create(me, report, operations=[redraw]), lambda task: task.lane == "pages")
        await gone(board, service)
        await bus.jetstream.purge_stream(OFFERS_STREAM)
        moved = replica.create(me, report, operations=[redraw])
        assert (await moved).lane == "pages"
        # A server without a GPU does such work, in the lane before.
        await board.tell(part_pb2.Worker(name="small-1", machine="small", slots={"neural": 1}))
        assert (await waits(replica, me, task.id, lambda task: task.lane == "neural")).state == task_pb2.TASK_STATE_QUEUED


async def forget(service: Service, name: str) -> object:
    """As an operator does; returns what is printed."""
    environment = {**os.environ, "DARKROOM_DATABASE_URL": str(service.settings("a")["database_url"])}
    arguments = (sys.executable, "-m", "services.tasks", "forget-worker", name)
    command = await asyncio.create_subprocess_exec(*arguments, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await command.communicate()
    assert command.returncode == 0
    return json.loads(printed)
