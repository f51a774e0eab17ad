"""Running a task again, and deleting one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT, OTHER = 7_001, 7_002
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def succeeded(service: Service, replica: Replica, *inputs: int, priority: int = 0) -> task_pb2.Task:
    operations = {"operations": [CUT_OUT]} if inputs else {}
    task = await replica.create(service.caller(ACCOUNT), *inputs, priority=priority, **operations)
    await replica.started(service.worker(), task.id)
    assert await replica.complete(service.worker(), task.id, output_file_ids=[8, 9])
    return await replica.get(service.caller(ACCOUNT), task.id)


async def rerun(service: Service, replica: Replica, task_id: int, account_id: int = ACCOUNT, key: str = "") -> task_pb2.Task:
    metadata = service.caller(account_id) + ((("idempotency-key", key),) if key else ())
    return (await replica.tasks.RerunTask(tasks_service_pb2.RerunTaskRequest(task_id=task_id), metadata=metadata)).task


async def delete(service: Service, replica: Replica, task_id: int, account_id: int = ACCOUNT) -> None:
    await replica.tasks.DeleteTask(tasks_service_pb2.DeleteTaskRequest(task_id=task_id), metadata=service.caller(account_id))


async def refusal(call: Awaitable[object]) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return error_of(refused.value)


async def test_a_task_is_run_again_as_a_new_one(service: Service, replica: Replica) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    first = await succeeded(service, replica, photo, priority=4)
    second = await rerun(service, replica, first.id, key="k")
    assert second.id != first.id
    assert (second.priority, list(second.input_file_ids), list(second.operations)) == (4, [photo], [CUT_OUT])
    assert service.files.pins[second.id] == [photo]
    # Itself a creating call.
    assert (await rerun(service, replica, first.id, key="k")).id == second.id
    assert (await rerun(service, replica, first.id)).id not in (first.id, second.id)
    # A task that is still open can be run again too.
    assert (await rerun(service, replica, second.id)).id > second.id


async def test_an_input_that_is_gone_is_told_so(service: Service, replica: Replica) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    task = await succeeded(service, replica, photo)
    del service.files.files[photo]
    assert (await refusal(rerun(service, replica, task.id)))[:2] == ("FILE_NOT_FOUND", "task_id")


async def test_a_deleted_task_is_gone_with_its_events_and_outputs(service: Service, replica: Replica, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    task = await succeeded(service, replica)
    await delete(service, replica, task.id)
    assert service.files.deleted == [(ACCOUNT, task.id, 8, 9)]
    for call in (replica.get(me, task.id), delete(service, replica, task.id), rerun(service, replica, task.id)):
        assert (await refusal(call))[0] == "TASK_NOT_FOUND"
    async with clean_engine.connect() as connection:
        for table in ("task", "task_event", "task_attempt"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_only_ended_tasks_can_be_deleted(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    task = await replica.create(me)
    assert (await refusal(delete(service, replica, task.id)))[0] == "TASK_NOT_TERMINAL"
    await replica.started(service.worker(), task.id)
    assert (await refusal(delete(service, replica, task.id)))[0] == "TASK_NOT_TERMINAL"
    await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task.id), metadata=me)
    await delete(service, replica, task.id)
    # It made nothing, so files is not asked.
    assert service.files.deleted == []


async def test_a_task_whose_outputs_cannot_be_deleted_stays(service: Service, replica: Replica) -> None:
    task = await succeeded(service, replica)
    service.files.away = True
    await refusal(delete(service, replica, task.id))
    assert (await replica.get(service.caller(ACCOUNT), task.id)).state == task_pb2.TASK_STATE_SUCCEEDED
    service.files.away = False
    await delete(service, replica, task.id)


async def test_another_accounts_task_cannot_be_told_from_a_missing_one(service: Service, replica: Replica) -> None:
    task = await succeeded(service, replica)
    for task_id in (task.id, 123):
        for call in (rerun(service, replica, task_id, OTHER), delete(service, replica, task_id, OTHER)):
            assert await refusal(call) == ("TASK_NOT_FOUND", None, "No such task.")
    assert service.files.deleted == []


async def test_the_key_of_a_deleted_task_creates_no_second_one(service: Service, replica: Replica) -> None:
    me = (*service.caller(ACCOUNT), ("idempotency-key", "k"))
    task = await replica.create(me)
    await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task.id), metadata=me)
    await delete(service, replica, task.id)
    assert (await refusal(replica.create(me)))[0] == "TASK_NOT_FOUND"
    reply = await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me)
    assert not reply.tasks
