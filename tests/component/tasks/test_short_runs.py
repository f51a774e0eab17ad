"""Short runs: work that is done before its task is stored, and what is left of one that comes to nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2, run_service_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.pictures.offers import Offers
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from services.platform.sandbox.memory_file import opened
from services.tasks.model.state import TaskState
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.events import sequences_on
from tests.component.tasks.service import Replica, Service, error_of, eventually
from tests.component.tasks.test_task_counters import differences
from tests.component.tasks.workers import WorkerDouble, worker_on

ACCOUNT, OTHER = 7_001, 7_002
HALF = operation_pb2.Operation(resize={"width": 320})
CUT_OUT = operation_pb2.Operation(remove_background={})
JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture
async def replica(service: Service, bus: Bus) -> AsyncIterator[Replica]:
    await Offers(bus).announce([], ["interactive"])
    async with service.replica(credits="enforced") as running:
        yield running


@pytest.fixture
async def worker(service: Service, replica: Replica, books: Books, request: pytest.FixtureRequest) -> AsyncIterator[WorkerDouble]:
    """One with two free slots that nobody waits for: the last who did had one of them. With a parameter, it opens files."""
    opens_files = hasattr(request, "param")
    for account_id in (ACCOUNT, OTHER):
        await books.have(100_000, account_id)
    photo = service.files.add(OTHER, "photo.jpg", "image/jpeg", size=(640, 480))
    async with worker_on(replica.attempts, service.worker(), "interactive", takes_short_runs=True, opens_files=opens_files) as working:
        await working.ask(2)

        async def lane() -> str:
            task = await replica.create(service.caller(OTHER), photo, operations=[HALF])
            return await replica.lane_of(task.id)

        await eventually(lane, lambda name: name == "interactive")
        [admission] = await working.given()
        await working.succeed(admission, slots=1)
        await working.answered(admission.task_id)
        service.files.files.clear()
        service.files.pins.clear()
        yield working


@pytest.fixture
def books(clean_engine: AsyncEngine, clock: MovableClock) -> Books:
    return Books(clean_engine, clock)


def held(file_id: int = 9_001, content: bytes = JPEG) -> HeldFile:
    return HeldFile(file_id=file_id, output_file_id=file_id + 1, name="photo.jpg", content=content)


def asked(name: str = "a", file: HeldFile | None = None, **changed: Any) -> run_service_pb2.RunRequest:
    file = file or held()
    return run_service_pb2.RunRequest(
        **{"input_file_ids": [file.file_id], "operations": [HALF], "surface": "any", "wait_seconds": 20, "name": name, "held": file}
        | changed
    )


def result(*, width: int = 320, unchanged: bool = False) -> attempt_service_pb2.ShortRunResult:
    output = file_pb2.File(name="photo.jpg", media_type="image/jpeg", size_bytes=4, image={"width": width, "height": 240, "frames": 1})
    return attempt_service_pb2.ShortRunResult(
        media_type="image/jpeg",
        image={"width": 640, "height": 480, "frames": 1},
        output=output,
        content=b"half",
        notices=[task_pb2.Notice(code="picture_note", message="Said.")],
        unchanged=unchanged,
    )


async def end(worker: WorkerDouble, run: attempt_service_pb2.ShortRun, made: attempt_service_pb2.ShortRunResult | None) -> None:
    await worker.say(short_run_ends=[attempt_service_pb2.ShortRunEnd(run_id=run.run_id, result=made)])


def running(service: Service, replica: Replica, request: run_service_pb2.RunRequest) -> asyncio.Task[run_service_pb2.Run]:
    async def call() -> run_service_pb2.Run:
        return (await replica.runs.Run(request, metadata=service.gateway(ACCOUNT))).run

    return asyncio.create_task(call())


async def test_a_run_that_is_done_is_stored_with_all_that_its_task_would_have_left(
    service: Service, replica: Replica, worker: WorkerDouble, books: Books, clean_engine: AsyncEngine, bus: Bus
) -> None:
    calling = running(service, replica, asked())
    [work] = await worker.given_short_runs()
    assert (work.account_id, work.name, work.content, list(work.operations)) == (ACCOUNT, "photo.jpg", JPEG, [HALF])
    assert service.files.files == {}
    await end(worker, work, result())
    run = await calling
    assert run.state == task_pb2.TASK_STATE_SUCCEEDED
    assert [notice.message for notice in run.notices] == ["Said."]
    assert [(file.id, file.image.width) for file in (*run.inputs, *run.outputs)] == [(9_001, 640), (9_002, 320)]
    assert sorted(service.files.files) == [9_001, 9_002]
    assert service.files.pins == {}

    me = service.caller(ACCOUNT)
    task = await replica.get(me, run.task_id)
    assert (task.state, task.attempt, list(task.output_file_ids)) == (task_pb2.TASK_STATE_SUCCEEDED, 1, [9_002])
    watched = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=run.task_id), metadata=me)
    states = [each.event.state async for each in watched]
    assert states == [task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING, task_pb2.TASK_STATE_SUCCEEDED]

    assert await eventually(partial(sequences_on, bus, run.task_id), lambda numbers: len(numbers) >= 3) == [1, 2, 3]

    async def left() -> int:
        async with clean_engine.connect() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM event_outbox"))).scalar_one())

    await eventually(left, lambda rows: not rows)
    await books.assert_right(ACCOUNT)
    assert {kind for kind, _ in await books.of(run.task_id)} == {"RESERVE", "SETTLE"}
    assert await differences(clean_engine) == []
    async with clean_engine.connect() as connection:
        [attempt] = (
            await connection.execute(text("SELECT worker, run_id, outcome FROM task_attempt WHERE task_id = :id"), {"id": run.task_id})
        ).all()
    assert (attempt.worker, attempt.run_id.bytes, attempt.outcome) == ("w1", work.run_id, TaskState.SUCCEEDED)


async def test_nothing_is_charged_for_what_came_back_unchanged(
    service: Service, replica: Replica, worker: WorkerDouble, books: Books
) -> None:
    before = await books.state()
    calling = running(service, replica, asked())
    await end(worker, (await worker.given_short_runs())[0], result(unchanged=True))
    run = await calling
    assert (await replica.get(service.caller(ACCOUNT), run.task_id)).unchanged
    assert await books.state() == before
    await books.assert_right(ACCOUNT)


@pytest.mark.parametrize("pins", [True, False])
async def test_a_file_that_was_held_is_stored_and_pinned_at_once_by_a_files_service_that_can(
    service: Service, replica: Replica, books: Books, monkeypatch: pytest.MonkeyPatch, pins: bool
) -> None:
    await books.have(30_000, ACCOUNT)
    service.files.pins.clear()
    monkeypatch.setattr(service.intake, "pins", pins)
    before = service.files.pinning
    run = await running(service, replica, asked(wait_seconds=1, operations=[CUT_OUT]))
    assert service.files.pins == {run.task_id: [9_001]}
    assert service.files.pinning - before == (0 if pins else 1)
    # A refused creation leaves no pin behind.
    stored = 1
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        for file_id in range(9_002, 9_999):
            await running(service, replica, asked(f"call {file_id}", held(file_id), wait_seconds=0, operations=[CUT_OUT]))
            stored += 1
    assert error_of(raised.value)[0] == "INSUFFICIENT_CREDITS"
    assert len(service.files.pins) == stored
    await books.assert_right(ACCOUNT)


@pytest.mark.parametrize("how", ["nothing", "cut", "away"])
async def test_a_run_that_comes_to_nothing_takes_the_usual_way(service: Service, replica: Replica, worker: WorkerDouble, how: str) -> None:
    calling = running(service, replica, asked(wait_seconds=1 if how != "away" else 20))
    [work] = await worker.given_short_runs()
    match how:
        case "nothing":
            await end(worker, work, None)
        case "cut":
            worker.stream.cancel()
        case "away":
            service.files.away = True
            await end(worker, work, result())
            with pytest.raises(grpc.aio.AioRpcError):
                await calling
            return
    run = await calling
    assert service.intake.stored == [JPEG]
    assert service.files.pins == {run.task_id: [9_001]}
    assert run.state in (task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING)


async def test_who_must_wait_is_not_served_before_others(service: Service, replica: Replica, worker: WorkerDouble) -> None:
    me = service.caller(ACCOUNT)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    tasks = [await replica.create(me, photo, operations=[HALF]) for _ in range(3)]
    await worker.given(3)
    await running(service, replica, asked(wait_seconds=1))
    assert worker.short_runs == []
    assert [admission.task_id for admission in worker.admissions[1:]] == [task.id for task in tasks[:2]]


async def test_a_repeated_call_is_about_the_same_task_and_is_charged_once(
    service: Service, replica: Replica, worker: WorkerDouble, books: Books
) -> None:
    calls = [running(service, replica, asked()) for _ in range(2)]
    for work in await worker.given_short_runs(2):
        await end(worker, work, result())
    first, second = await asyncio.gather(*calls)
    assert first.task_id == second.task_id
    await worker.ask()
    again = running(service, replica, asked())
    await end(worker, (await worker.given_short_runs(3))[2], result())
    assert (await again).task_id == first.task_id
    assert service.intake.discarded == []
    await books.assert_right(ACCOUNT)
    assert len({entry.task_id for entry in await books.entries() if entry.task_id is not None}) == 1


async def test_without_credits_nothing_is_stored(service: Service, replica: Replica, worker: WorkerDouble, books: Books) -> None:
    me, photo = service.caller(ACCOUNT), service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    calling = running(service, replica, asked())
    await worker.given_short_runs()
    async with asyncio.timeout(20):
        # Meanwhile another call takes the last of them.
        with pytest.raises(grpc.aio.AioRpcError):
            while True:
                await replica.create(me, photo, operations=[CUT_OUT])
    await end(worker, (await worker.given_short_runs())[0], result())
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling
    assert error_of(raised.value)[0] == "INSUFFICIENT_CREDITS"
    assert service.intake.discarded == [9_001]
    assert [deleted[2:] for deleted in service.files.deleted] == [(9_002,)]


@pytest.mark.parametrize("worker", ["on this machine"], indirect=True)
async def test_a_worker_opens_the_picture_and_is_sent_others_once_it_cannot(
    service: Service, replica: Replica, worker: WorkerDouble
) -> None:
    calling = running(service, replica, asked())
    [work] = await worker.given_short_runs()
    assert not work.content
    with opened(Path(work.path), work.inode) as file:
        assert os.pread(file, 100, 0) == JPEG
    await end(worker, work, result())
    assert (await calling).state == task_pb2.TASK_STATE_SUCCEEDED
    with pytest.raises(OSError, match="No such file"), opened(Path(work.path), work.inode):
        pass

    calling = running(service, replica, asked("b", held(9_101), wait_seconds=1))
    work = (await worker.given_short_runs(2))[1]
    assert work.path
    await worker.say(short_run_ends=[attempt_service_pb2.ShortRunEnd(run_id=work.run_id, not_opened=True)])
    await calling
    assert service.intake.stored == [JPEG]
    await worker.ask()
    [_, admission] = await worker.given(2)
    await worker.succeed(admission, slots=1)
    await worker.answered(admission.task_id)

    calling = running(service, replica, asked("c", held(9_201)))
    work = (await worker.given_short_runs(3))[2]
    assert (work.content, work.path) == (JPEG, "")
    await end(worker, work, result())
    await calling


async def test_a_damaged_picture_is_refused_by_the_usual_way(service: Service, replica: Replica, worker: WorkerDouble) -> None:
    calling = running(service, replica, asked(file=held(content=JPEG + b"damaged")))
    await end(worker, (await worker.given_short_runs())[0], None)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling
    assert error_of(raised.value)[:2] == ("FILE_CORRUPT", "input_file_ids[0]")


async def test_a_file_that_there_is_no_room_for_is_named(service: Service, replica: Replica, worker: WorkerDouble) -> None:
    service.files.refuse[9_001] = ErrorReason.QUOTA_EXCEEDED
    calling = running(service, replica, asked())
    await end(worker, (await worker.given_short_runs())[0], result())
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling
    assert error_of(raised.value)[:2] == ("QUOTA_EXCEEDED", "input_file_ids[0]")
