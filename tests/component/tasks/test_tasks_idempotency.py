"""Creating calls that are repeated with their idempotency key: one task, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.rest.v1 import images_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import AlreadyMade, IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model import Task
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene
from tests.component.tasks.service import Replica, Service, error_of, eventually

ACCOUNT, OTHER = 7_001, 7_002
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
DAY = 24 * 3600


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


def keyed(service: Service, key: str = "k1", account_id: int = ACCOUNT) -> tuple[tuple[str, str], ...]:
    return (*service.caller(account_id), ("idempotency-key", key))


async def created(service: Service, replica: Replica) -> list[int]:
    reply = await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=service.caller(ACCOUNT))
    return [task.id for task in reply.tasks]


async def refusal(call: Awaitable[object]) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return error_of(refused.value)


async def test_a_repeat_gives_the_same_task_and_creates_none(service: Service, replica: Replica, photo: int) -> None:
    first = await replica.create(keyed(service), photo, operations=[CUT_OUT])
    again = await replica.create(keyed(service), photo, operations=[CUT_OUT])
    assert again.id == first.id
    assert await created(service, replica) == [first.id]
    assert service.files.pins == {first.id: [photo]}
    assert service.files.pinning == 1


async def test_a_key_is_one_accounts_and_one_methods(service: Service, replica: Replica, photo: int) -> None:
    first = await replica.create(keyed(service), photo, operations=[CUT_OUT])
    elsewhere = await replica.create(keyed(service, account_id=OTHER))
    request = images_pb2.RemoveBackgroundRequest(image_file_id=str(photo))
    by_pilio = [(await replica.images.RemoveBackground(request, metadata=keyed(service))).data for _ in range(2)]
    assert by_pilio[0] == by_pilio[1]
    assert len({first.id, elsewhere.id, int(by_pilio[0].task_id)}) == 3
    assert sorted(await created(service, replica)) == [first.id, int(by_pilio[0].task_id)]
    assert (await replica.create(keyed(service, "k2"), photo, operations=[CUT_OUT])).id != first.id


async def test_another_request_under_the_same_key_is_an_error(service: Service, replica: Replica) -> None:
    first = await replica.create(keyed(service))
    assert (await refusal(replica.create(keyed(service), priority=1)))[:2] == ("IDEMPOTENCY_KEY_MISMATCH", "idempotency-key")
    assert await created(service, replica) == [first.id]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_what_cannot_be_a_key_is_refused(service: Service, replica: Replica, key: str) -> None:
    assert (await refusal(replica.create(keyed(service, key))))[:2] == ("FIELD_INVALID", "idempotency-key")
    assert await created(service, replica) == []


async def test_calls_at_once_on_two_replicas_create_one_task(service: Service, replica: Replica, photo: int) -> None:
    service.files.pin_gate.clear()
    async with service.replica("b") as other:
        calls = [asyncio.ensure_future(each.create(keyed(service), photo, operations=[CUT_OUT])) for each in (replica, other) * 4]

        async def pinning() -> int:
            return service.files.pinning

        # Not one of them has stored anything when they go on together.
        await eventually(pinning, lambda count: count == len(calls))
        service.files.pin_gate.set()
        tasks = await asyncio.gather(*calls)
    [task_id] = {task.id for task in tasks}
    assert await created(service, replica) == [task_id]
    assert service.files.pins == {task_id: [photo]}


async def test_of_two_requests_at_once_one_is_the_keys(service: Service, replica: Replica) -> None:
    results = await asyncio.gather(*(replica.create(keyed(service), priority=number) for number in range(4)), return_exceptions=True)
    [task] = [result for result in results if isinstance(result, task_pb2.Task)]
    errors = [error_of(result)[0] for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert errors == ["IDEMPOTENCY_KEY_MISMATCH"] * 3
    assert await created(service, replica) == [task.id]


async def test_a_repeat_needs_no_room_for_another_task(service: Service) -> None:
    async with service.replica(max_open_tasks=1) as replica:
        tasks = await asyncio.gather(*(replica.create(keyed(service)) for _ in range(5)))
        assert len({task.id for task in tasks}) == 1
        assert (await refusal(replica.create(keyed(service, "k2"))))[0] == "TOO_MANY_TASKS"
        assert (await replica.create(keyed(service))).id == tasks[0].id


async def test_a_repeat_after_the_end_shows_the_task_as_it_is_then(service: Service, replica: Replica) -> None:
    task = await replica.create(keyed(service))
    await replica.started(service.worker(), task.id)
    await replica.complete(service.worker(), task.id, output_file_ids=[8])
    again = await replica.create(keyed(service))
    assert (again.id, again.state, list(again.output_file_ids)) == (task.id, task_pb2.TASK_STATE_SUCCEEDED, [8])


async def test_a_refused_call_leaves_its_key_unused(service: Service, replica: Replica, photo: int) -> None:
    service.files.refuse[photo] = ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    error = await refusal(replica.create(keyed(service), photo, operations=[CUT_OUT]))
    assert error[0] == "SOURCE_FILE_UPLOAD_NOT_COMPLETED"
    del service.files.refuse[photo]
    task = await replica.create(keyed(service), photo, operations=[CUT_OUT])
    assert await created(service, replica) == [task.id]


async def test_a_client_that_gave_up_and_repeats_has_one_task(service: Service, replica: Replica, photo: int) -> None:
    service.files.pin_gate.clear()
    request = tasks_service_pb2.CreateTaskRequest(operations=[CUT_OUT], input_file_ids=[photo])
    lost = replica.tasks.CreateTask(request, metadata=keyed(service))

    async def pinning() -> int:
        return service.files.pinning

    await eventually(pinning, lambda count: count == 1)
    lost.cancel()
    service.files.pin_gate.set()
    tasks = [await replica.create(keyed(service), photo, operations=[CUT_OUT]) for _ in range(3)]
    assert await created(service, replica) == [tasks[0].id]
    assert {task.id for task in tasks} == {tasks[0].id}


# The store, with a clock that is moved.


@pytest.fixture
def records(clean_engine: AsyncEngine, clock: MovableClock) -> IdempotencyRecords:
    return IdempotencyRecords(Database(clean_engine), clock)


def call_of(key: str, digest: bytes = b"d" * 32) -> IdempotentCall:
    return IdempotentCall(ACCOUNT, "/service/Create", key, digest)


async def stored(store: TaskStore, clock: MovableClock, call: IdempotentCall) -> Task:
    [task] = await Scene(store, clock).try_or_raise(call=call)
    return task


async def rows(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_a_key_is_kept_for_24_hours(store: TaskStore, records: IdempotencyRecords, clock: MovableClock) -> None:
    call = call_of("k")
    task = await stored(store, clock, call)
    clock.advance(DAY - 1)
    assert await records.resources(call) == [task.id]
    with pytest.raises(DarkroomError) as mismatch:
        await records.resources(call_of("k", b"e" * 32))
    assert mismatch.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    clock.advance(1)
    # Nobody has swept yet: the key is free all the same, for any request.
    assert await records.resources(call_of("k", b"e" * 32)) is None
    later = await stored(store, clock, call)
    assert await records.resources(call) == [later.id]


async def test_what_stores_finds_what_its_key_has_made(store: TaskStore, clock: MovableClock, clean_engine: AsyncEngine) -> None:
    call, other = call_of("k"), call_of("k", b"e" * 32)
    task = await stored(store, clock, call)
    results = await asyncio.gather(*(stored(store, clock, each) for each in (call, other, call_of("new"))), return_exceptions=True)
    assert isinstance(results[0], AlreadyMade) and results[0].ids == [task.id]
    assert isinstance(results[1], DarkroomError) and results[1].reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    assert isinstance(results[2], Task)
    clock.advance(DAY)
    again = await stored(store, clock, other)
    assert {again.id, task.id, results[2].id} == {each.id for each in await store.page(ACCOUNT, states=[], before_id=10**15, limit=9)}


async def test_sweepers_at_once_delete_what_has_expired(
    store: TaskStore, records: IdempotencyRecords, clock: MovableClock, clean_engine: AsyncEngine
) -> None:
    for number in range(20):
        await stored(store, clock, call_of(f"old {number}"))
    clock.advance(DAY / 2)
    young = await stored(store, clock, call_of("young"))
    clock.advance(DAY / 2)
    await asyncio.gather(*(records.sweep() for _ in range(4)))
    assert await rows(clean_engine, "idempotency") == 1
    assert await records.resources(call_of("young")) == [young.id]
    assert await rows(clean_engine, "task") == 21


async def test_two_stores_at_once_keep_one_task_and_the_books_right(
    store: TaskStore, records: IdempotencyRecords, clock: MovableClock, clean_engine: AsyncEngine
) -> None:
    call = call_of("k")
    results = await asyncio.gather(*(stored(store, clock, call) for _ in range(10)), return_exceptions=True)
    [task] = [result for result in results if isinstance(result, Task)]
    assert {result.reason for result in results if isinstance(result, DarkroomError)} == {ErrorReason.IDEMPOTENCY_IN_PROGRESS}
    assert await records.resources(call) == [task.id]
    assert [await rows(clean_engine, table) for table in ("task", "task_event")] == [1, 1]
    async with clean_engine.connect() as connection:
        assert (await connection.execute(text("SELECT open FROM account_policy"))).scalar_one() == 1


async def test_a_key_that_is_stored_while_the_account_is_locked_leaves_one_task(
    store: TaskStore, clock: MovableClock, clean_engine: AsyncEngine
) -> None:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    async with clean_engine.connect() as connection, clean_engine.connect() as looking, asyncio.timeout(30):
        await connection.execute(text("INSERT INTO account_policy (account_id, open) VALUES (:id, 0)"), {"id": ACCOUNT})
        await connection.execute(
            text("INSERT INTO idempotency VALUES (:id, '/service/Create', 'k', :digest, '{5}', :then)"),
            {"id": ACCOUNT, "digest": b"d" * 32, "then": clock() + timedelta(hours=1)},
        )
        creating = asyncio.create_task(stored(store, clock, call_of("k")))
        while not await looking.scalar(waiting):
            await looking.rollback()
            await asyncio.sleep(0.01)
        await connection.commit()
        with pytest.raises(DarkroomError) as refused:
            await creating
        assert refused.value.reason is ErrorReason.IDEMPOTENCY_IN_PROGRESS
        with pytest.raises(AlreadyMade):
            await stored(store, clock, call_of("k"))
    assert await rows(clean_engine, "task") == 0


@pytest.mark.parametrize("before", [0, 1], ids=["an account's first", "another"])
async def test_a_crash_in_the_middle_stores_neither_key_nor_task(
    store: TaskStore, records: IdempotencyRecords, clock: MovableClock, clean_engine: AsyncEngine, before: int
) -> None:
    """The backend dies in the last part of the statement, after the key and the task were written. The first task of an account is stored
    after a look at the account, another without."""
    for _ in range(before):
        await Scene(store, clock).create()
    async with clean_engine.begin() as connection:
        await connection.execute(
            text("""
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
            """)
        )
        await connection.execute(text("CREATE TRIGGER die AFTER INSERT ON idempotency FOR EACH STATEMENT EXECUTE FUNCTION die()"))
    call = call_of("k")
    try:
        with pytest.raises(DarkroomError, match="cannot be reached"):
            await stored(store, clock, call)
    finally:
        async with clean_engine.begin() as connection:
            await connection.execute(text("DROP TRIGGER die ON idempotency"))
            await connection.execute(text("DROP FUNCTION die"))
    assert [await rows(clean_engine, table) for table in ("task", "idempotency", "account_policy")] == [before, 0, before]
    task = await stored(store, clock, call)
    assert await records.resources(call) == [task.id]
