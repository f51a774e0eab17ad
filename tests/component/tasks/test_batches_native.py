"""Batches by the native API: created whole or by item, watched, cancelled, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import attempt_service_pb2
from darkroom.operations.v1 import operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2
from darkroom.tasks.v1 import batch_pb2, batches_service_pb2, task_pb2, tasks_service_pb2
from services.platform.errors import ErrorReason
from services.tasks.domain.batches import account_batches
from tests.component.tasks.service import NOOP, Replica, Service, error_of, eventually

ACCOUNT, OTHER = 7_001, 7_002
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
CLEAN_PDF = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
ATOMIC, PER_ITEM = batch_pb2.BATCH_MODE_ATOMIC, batch_pb2.BATCH_MODE_PER_ITEM
OPEN = text("SELECT open FROM account_policy WHERE account_id = :account_id")
LANES = text("SELECT lane, queued FROM lane_account WHERE account_id = :account_id ORDER BY lane")


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


def item(*inputs: int, operations: Sequence[operation_pb2.Operation] = ()) -> batches_service_pb2.BatchItem:
    return batches_service_pb2.BatchItem(input_file_ids=inputs, operations=operations)


async def create(
    service: Service,
    replica: Replica,
    items: Sequence[batches_service_pb2.BatchItem],
    *operations: operation_pb2.Operation,
    key: str = "",
    **options: Any,
) -> batches_service_pb2.CreateBatchResponse:
    request = batches_service_pb2.CreateBatchRequest(items=items, operations=operations, **options)
    metadata = service.caller(ACCOUNT) + ((("idempotency-key", key),) if key else ())
    return await replica.batches.CreateBatch(request, metadata=metadata)


async def get(service: Service, replica: Replica, batch_id: int, wait_seconds: int = 0) -> batch_pb2.Batch:
    request = batches_service_pb2.GetBatchRequest(batch_id=batch_id, wait_seconds=wait_seconds)
    return (await replica.batches.GetBatch(request, metadata=service.caller(ACCOUNT))).batch


async def complete(service: Service, replica: Replica, task_id: int, *outputs: int) -> bool:
    return await replica.complete(service.worker(), task_id, output_file_ids=outputs)


async def refusal(call: Awaitable[object]) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return error_of(refused.value)


async def nothing_is_left(service: Service, replica: Replica, engine: AsyncEngine) -> None:
    tasks = await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=service.caller(ACCOUNT))
    batches = await replica.batches.ListBatches(batches_service_pb2.ListBatchesRequest(), metadata=service.caller(ACCOUNT))
    assert (list(tasks.tasks), list(batches.batches), service.files.pins) == ([], [], {})
    async with engine.connect() as connection:
        assert (await connection.execute(OPEN, {"account_id": ACCOUNT})).scalar() in (None, 0)


async def test_items_become_tasks_in_their_order(service: Service, replica: Replica, photo: int) -> None:
    document = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=3)
    items = [item(photo), item(photo, photo), item(document, operations=[CLEAN_PDF]), item(operations=[NOOP])]
    created = await create(service, replica, items, CUT_OUT, priority=5)
    assert [task.batch_index for task in created.tasks] == [0, 1, 2, 3]
    assert {task.batch_id for task in created.tasks} == {created.batch.id}
    assert [list(task.input_file_ids) for task in created.tasks] == [[photo], [photo, photo], [document], []]
    assert [task.lane for task in created.tasks] == ["neural", "neural", "document", "system"]
    assert [task.price.millicredits for task in created.tasks] == [10_000, 20_000, 4_000, 0]
    assert {task.priority for task in created.tasks} == {5}
    assert sorted(task.id for task in created.tasks) == [task.id for task in created.tasks]
    assert service.files.pins == {task.id: list(task.input_file_ids) for task in created.tasks if task.input_file_ids}
    assert (created.batch.task_count, created.batch.progress, list(created.batch.refused)) == (4, 0, [])
    alone = await replica.get(service.caller(ACCOUNT), created.tasks[2].id)
    assert (alone.batch_id, alone.batch_index) == (created.batch.id, 2)


async def test_five_hundred_items_are_taken_and_one_more_is_not(service: Service, replica: Replica, clean_engine: AsyncEngine) -> None:
    reason, field, _ = await refusal(create(service, replica, [item()] * 501, NOOP))
    assert (reason, field) == ("FIELD_INVALID", "items")
    await nothing_is_left(service, replica, clean_engine)
    created = await create(service, replica, [item()] * 500, NOOP)
    assert [task.batch_index for task in created.tasks] == list(range(500))
    assert len({task.id for task in created.tasks}) == 500
    assert (await get(service, replica, created.batch.id)).task_count == 500


async def test_five_thousand_files_are_taken_and_one_more_is_not(service: Service, replica: Replica, photo: int) -> None:
    items = [item(*[photo] * 100)] * 50
    reason, field, _ = await refusal(create(service, replica, [*items, item(photo)], CUT_OUT))
    assert (reason, field) == ("TOO_MANY_FILES", "items")
    assert len((await create(service, replica, items, CUT_OUT)).tasks) == 50


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        (item(1), "FILE_NOT_FOUND", "items[1].input_file_ids[0]"),
        (item(), "FIELD_INVALID", "items[1].input_file_ids"),
        (item(operations=[CUT_OUT, CLEAN_PDF]), "FIELD_INVALID", "items[1].operations[1]"),
    ],
)
async def test_one_wrong_item_refuses_an_atomic_batch(
    service: Service,
    replica: Replica,
    photo: int,
    clean_engine: AsyncEngine,
    wrong: batches_service_pb2.BatchItem,
    reason: str,
    field: str,
) -> None:
    got = await refusal(create(service, replica, [item(photo), wrong, item(photo)], CUT_OUT))
    assert got[:2] == (reason, field)
    assert got[2].startswith(f"{field}: ") or reason == "FILE_NOT_FOUND"
    await nothing_is_left(service, replica, clean_engine)


async def test_a_wrong_operation_of_the_batch_is_blamed_on_the_batch(service: Service, replica: Replica, photo: int) -> None:
    assert (await refusal(create(service, replica, [item(photo)], CUT_OUT, CLEAN_PDF)))[1] == "operations[1]"
    assert (await refusal(create(service, replica, [item(photo)])))[1] == "items[0].operations"


async def test_by_item_the_wrong_ones_are_told_and_the_others_created(service: Service, replica: Replica, photo: int) -> None:
    document = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=3)
    broken = service.files.add(ACCOUNT, "broken.jpg", "image/jpeg", size=(10, 10))
    service.files.refuse[broken] = ErrorReason.FILE_CORRUPT
    items = [item(), item(photo), item(document), item(photo, broken), item(photo), item(photo, 1)]
    created = await create(service, replica, items, CUT_OUT, mode=PER_ITEM)
    assert [task.batch_index for task in created.tasks] == [1, 4]
    assert [(one.index, ErrorReason.from_number(one.reason).value, one.field) for one in created.batch.refused] == [
        (0, "FIELD_INVALID", "items[0].input_file_ids"),
        (2, "MEDIA_UNSUPPORTED", "items[2].input_file_ids[0]"),
        (3, "FILE_CORRUPT", "items[3].input_file_ids[1]"),
        (5, "FILE_NOT_FOUND", "items[5].input_file_ids[1]"),
    ]
    assert created.batch.refused[1].allowed
    assert service.files.pins == {task.id: [photo] for task in created.tasks}
    assert (await get(service, replica, created.batch.id)).refused == created.batch.refused


async def test_by_item_with_nothing_to_create_is_refused(service: Service, replica: Replica, clean_engine: AsyncEngine) -> None:
    call = create(service, replica, [item(1), item()], CUT_OUT, mode=PER_ITEM, key="k")
    assert (await refusal(call))[:2] == ("FILE_NOT_FOUND", "items[0].input_file_ids[0]")
    await nothing_is_left(service, replica, clean_engine)


async def test_the_limit_on_open_tasks_holds_for_the_whole(service: Service, clean_engine: AsyncEngine) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    async with service.replica(max_open_tasks=5, dispatch_interval=60) as replica:
        assert (await refusal(create(service, replica, [item(photo)] * 6, CUT_OUT)))[0] == "TOO_MANY_TASKS"
        await nothing_is_left(service, replica, clean_engine)
        await create(service, replica, [item(photo)] * 2, CUT_OUT)
        created = await create(service, replica, [item(photo)] * 5, CUT_OUT, mode=PER_ITEM)
        assert [task.batch_index for task in created.tasks] == [0, 1, 2]
        assert [(one.index, ErrorReason.from_number(one.reason)) for one in created.batch.refused] == [
            (3, ErrorReason.TOO_MANY_TASKS),
            (4, ErrorReason.TOO_MANY_TASKS),
        ]
        assert len(service.files.pins) == 5
        async with clean_engine.connect() as connection:
            assert (await connection.execute(OPEN, {"account_id": ACCOUNT})).scalar_one() == 5


async def test_files_that_cannot_be_asked_about_refuse_the_call_and_leave_its_key_unused(
    service: Service, replica: Replica, photo: int, clean_engine: AsyncEngine
) -> None:
    service.files.away = True
    call = create(service, replica, [item(photo), item(operations=[NOOP])], CUT_OUT, mode=PER_ITEM, key="k")
    assert (await refusal(call))[0] == "UNAVAILABLE"
    await nothing_is_left(service, replica, clean_engine)
    service.files.away = False
    assert len((await create(service, replica, [item(photo), item(operations=[NOOP])], CUT_OUT, mode=PER_ITEM, key="k")).tasks) == 2


async def test_a_repeat_gives_the_same_batch_and_the_same_refusals(service: Service, replica: Replica, photo: int) -> None:
    first = await create(service, replica, [item(photo), item(1), item(photo)], CUT_OUT, mode=PER_ITEM, key="k")
    again = await create(service, replica, [item(photo), item(1), item(photo)], CUT_OUT, mode=PER_ITEM, key="k")
    assert [task.id for task in again.tasks] == [task.id for task in first.tasks]
    assert (again.batch.id, again.batch.refused) == (first.batch.id, first.batch.refused)
    assert (await refusal(create(service, replica, [item(photo)], CUT_OUT, key="k")))[0] == "IDEMPOTENCY_KEY_MISMATCH"


async def test_two_identical_calls_at_once_create_one_batch(service: Service, photo: int, clean_engine: AsyncEngine) -> None:
    async with service.replica("a") as one, service.replica("b") as two:
        service.files.pin_gate.clear()
        calls = [asyncio.create_task(create(service, replica, [item(photo)] * 20, CUT_OUT, key="k")) for replica in (one, two, one)]
        # All of them have found the key unused, and are about to store it.
        await eventually(lambda: asyncio.sleep(0, service.files.pinning), lambda pinning: pinning == 3)
        service.files.pin_gate.set()
        replies = await asyncio.gather(*calls)
        assert len({reply.batch.id for reply in replies}) == 1
        assert len({tuple(task.id for task in reply.tasks) for reply in replies}) == 1
        assert set(service.files.pins) == {task.id for task in replies[0].tasks}
    async with clean_engine.connect() as connection:
        assert (await connection.execute(OPEN, {"account_id": ACCOUNT})).scalar_one() == 20
        assert (await connection.execute(text("SELECT count(*) FROM task"))).scalar_one() == 20
        assert (await connection.execute(text("SELECT count(*) FROM batch"))).scalar_one() == 1


async def test_progress_and_partial_results(service: Service, replica: Replica) -> None:
    created = await create(service, replica, [item()] * 4, NOOP)
    ids = [task.id for task in created.tasks]
    for task_id in ids[:3]:
        await replica.started(service.worker(), task_id)
    assert await complete(service, replica, ids[1], 77)
    await replica.fail(service.worker(), ids[0], reason=ErrorReason.FILE_CORRUPT.number, message="The file is damaged.")
    heartbeat = attempt_service_pb2.HeartbeatRequest(task_id=ids[2], attempt=1, progress=0.5)
    await replica.attempts.Heartbeat(heartbeat, metadata=service.worker())
    batch = await get(service, replica, created.batch.id)
    assert (batch.counts.succeeded, batch.counts.failed, batch.counts.running) == (1, 1, 1)
    assert batch.counts.queued == 1
    assert batch.progress == 2.5 / 4
    assert not batch.HasField("end_time")
    done = batches_service_pb2.ListBatchTasksRequest(batch_id=batch.id, states=[task_pb2.TASK_STATE_SUCCEEDED])
    [result] = (await replica.batches.ListBatchTasks(done, metadata=service.caller(ACCOUNT))).tasks
    assert (result.batch_index, list(result.output_file_ids)) == (1, [77])


async def test_a_wait_lasts_while_a_task_is_left(service: Service, replica: Replica) -> None:
    created = await create(service, replica, [item()] * 2, NOOP)
    await replica.started(service.worker(), created.tasks[0].id)
    assert await complete(service, replica, created.tasks[0].id)
    assert not (await get(service, replica, created.batch.id, wait_seconds=1)).HasField("end_time")


@pytest.mark.parametrize("here", [True, False])
async def test_a_wait_ends_with_the_last_task(service: Service, replica: Replica, monkeypatch: pytest.MonkeyPatch, *, here: bool) -> None:
    if here:
        # What ends in the same replica is not looked for.
        monkeypatch.setattr(account_batches, "_LOOK_SECONDS", 3600.0)
    async with service.replica() as other:
        created = await create(service, replica, [item()] * 2, NOOP)
        waiting = asyncio.create_task(get(service, replica, created.batch.id, wait_seconds=60))
        for task in created.tasks:
            ending = replica if here else other
            await ending.started(service.worker(), task.id)
            assert await complete(service, ending, task.id)
        batch = await asyncio.wait_for(waiting, 30)
    assert (batch.counts.succeeded, batch.progress) == (2, 1)
    assert batch.HasField("end_time")


async def test_cancel_ends_what_has_not_ended_and_tells_the_workers(
    service: Service, replica: Replica, bus_messages: asyncio.Queue[str], clean_engine: AsyncEngine, photo: int
) -> None:
    created = await create(service, replica, [item(operations=[NOOP]), item(operations=[NOOP]), item(photo)], CUT_OUT)
    ids = [task.id for task in created.tasks]
    for task_id in ids[:2]:
        await replica.started(service.worker(), task_id)
    assert await complete(service, replica, ids[0])
    request = batches_service_pb2.CancelBatchRequest(batch_id=created.batch.id)
    batch = (await replica.batches.CancelBatch(request, metadata=service.caller(ACCOUNT))).batch
    assert (batch.counts.succeeded, batch.counts.cancelled, batch.progress) == (1, 2, 1)
    assert batch.HasField("end_time")
    assert (await asyncio.wait_for(bus_messages.get(), 10)).endswith(str(ids[1]))
    assert (await refusal(replica.batches.CancelBatch(request, metadata=service.caller(ACCOUNT))))[0] == "TASK_ALREADY_TERMINAL"
    assert not await complete(service, replica, ids[1])
    async with clean_engine.connect() as connection:
        assert (await connection.execute(OPEN, {"account_id": ACCOUNT})).scalar_one() == 0
        assert {row.queued for row in await connection.execute(LANES, {"account_id": ACCOUNT})} == {0}


async def test_batches_and_their_tasks_are_listed_by_pages(service: Service, replica: Replica) -> None:
    batches = [(await create(service, replica, [item()] * 5, NOOP)).batch.id for _ in range(3)]
    seen: list[int] = []
    token = ""
    while True:
        request = batches_service_pb2.ListBatchesRequest(page_size=2, page_token=token)
        page = await replica.batches.ListBatches(request, metadata=service.caller(ACCOUNT))
        seen += [batch.id for batch in page.batches]
        if not (token := page.next_page_token):
            break
    assert seen == batches[::-1]
    indices: list[int] = []
    while True:
        tasks_request = batches_service_pb2.ListBatchTasksRequest(batch_id=batches[0], page_size=2, page_token=token)
        tasks_page = await replica.batches.ListBatchTasks(tasks_request, metadata=service.caller(ACCOUNT))
        indices += [task.batch_index for task in tasks_page.tasks]
        if not (token := tasks_page.next_page_token):
            break
    assert indices == [0, 1, 2, 3, 4]
    foreign = batches_service_pb2.ListBatchesRequest(page_token=tasks_request.page_token)
    assert (await refusal(replica.batches.ListBatches(foreign, metadata=service.caller(ACCOUNT))))[1] == "page_token"


async def test_another_accounts_batch_is_as_good_as_none(service: Service, replica: Replica) -> None:
    batch_id = (await create(service, replica, [item()], NOOP)).batch.id
    other = service.caller(OTHER)
    for call in (
        replica.batches.GetBatch(batches_service_pb2.GetBatchRequest(batch_id=batch_id), metadata=other),
        replica.batches.ListBatchTasks(batches_service_pb2.ListBatchTasksRequest(batch_id=batch_id), metadata=other),
        replica.batches.CancelBatch(batches_service_pb2.CancelBatchRequest(batch_id=batch_id), metadata=other),
        replica.batches.DeleteBatch(batches_service_pb2.DeleteBatchRequest(batch_id=batch_id), metadata=other),
    ):
        assert (await refusal(call))[0] == "BATCH_NOT_FOUND"
    assert not (await get(service, replica, batch_id)).HasField("end_time")


async def test_delete_takes_the_tasks_and_their_outputs_along(service: Service, replica: Replica, clean_engine: AsyncEngine) -> None:
    created = await create(service, replica, [item()] * 2, NOOP, key="k")
    request = batches_service_pb2.DeleteBatchRequest(batch_id=created.batch.id)
    assert (await refusal(replica.batches.DeleteBatch(request, metadata=service.caller(ACCOUNT))))[0] == "TASK_NOT_TERMINAL"
    for task in created.tasks:
        await replica.started(service.worker(), task.id)
        await complete(service, replica, task.id, task.id + 1)
    await replica.batches.DeleteBatch(request, metadata=service.caller(ACCOUNT))
    assert sorted(service.files.deleted) == [(ACCOUNT, task.id, task.id + 1) for task in created.tasks]
    assert (await refusal(get(service, replica, created.batch.id)))[0] == "BATCH_NOT_FOUND"
    assert (await refusal(create(service, replica, [item()] * 2, NOOP, key="k")))[0] == "BATCH_NOT_FOUND"
    async with clean_engine.connect() as connection:
        for table in ("task", "task_event", "task_attempt", "batch"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_an_archive_holds_what_is_done_and_lists_the_rest(service: Service, replica: Replica, photo: int) -> None:
    created = await create(service, replica, [item(), item(1, operations=[CUT_OUT]), item(), item()], NOOP, mode=PER_ITEM)
    request = batches_service_pb2.ArchiveBatchRequest(batch_id=created.batch.id)
    metadata = (*service.caller(ACCOUNT), ("idempotency-key", "zip"))
    assert (await refusal(replica.batches.ArchiveBatch(request, metadata=metadata)))[:2] == ("FIELD_INVALID", "batch_id")
    done, failed, going = (task.id for task in created.tasks)
    gone = 4_711
    for task_id in (done, failed):
        await replica.started(service.worker(), task_id)
    assert await complete(service, replica, done, photo, gone)
    await replica.fail(service.worker(), failed, reason=ErrorReason.FILE_CORRUPT.number, message="Damaged.")
    task = (await replica.batches.ArchiveBatch(request, metadata=metadata)).task
    assert (task.lane, task.batch_id, list(task.input_file_ids), task.price.millicredits) == ("system", 0, [photo], 0)
    assert service.files.pins[task.id] == [photo]
    [operation] = task.operations
    assert operation.archive.name == f"batch-{created.batch.id}"
    assert [(one.index, one.task_id, one.reason) for one in operation.archive.missing] == [
        (0, done, ErrorReason.FILE_NOT_FOUND.number),
        (1, 0, ErrorReason.FILE_NOT_FOUND.number),
        (2, failed, ErrorReason.FILE_CORRUPT.number),
        (3, going, 0),
    ]
    assert (await replica.batches.ArchiveBatch(request, metadata=metadata)).task.id == task.id
