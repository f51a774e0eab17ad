"""Files that operations need beside the inputs of a task: the background picture of a cut-out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest

from darkroom.operations.v1 import operation_pb2
from darkroom.rest.v1 import images_pb2
from darkroom.tasks.v1 import balance_service_pb2, batches_service_pb2, task_pb2, tasks_service_pb2
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT, OTHER = 7_001, 7_002
FIELD = "operations[0].remove_background.background_file_id"


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


@pytest.fixture
def beach(service: Service) -> int:
    return service.files.add(ACCOUNT, "beach.jpg", "image/jpeg", size=(800, 600))


def over(file_id: int, **more: Any) -> operation_pb2.Operation:
    return operation_pb2.Operation(remove_background={"background_file_id": file_id, **more})


async def create(
    service: Service, replica: Replica, operations: list[operation_pb2.Operation], *inputs: int, key: str = ""
) -> task_pb2.Task:
    metadata = service.caller(ACCOUNT) + ((("idempotency-key", key),) if key else ())
    return await replica.create(metadata, *inputs, operations=operations)


async def refusal(call: Awaitable[object]) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return error_of(refused.value)


async def test_it_is_kept_with_the_inputs_and_costs_nothing(service: Service, replica: Replica, photo: int, beach: int) -> None:
    task = await create(service, replica, [over(beach)], photo, key="k")
    assert (list(task.input_file_ids), task.price.millicredits) == ([photo], 10_000)
    assert service.files.pins == {task.id: [photo, beach]}
    started = await replica.started(service.worker(), task.id)
    assert started.operations[0].remove_background.background_file_id == beach
    # It is a part of the request.
    assert (await create(service, replica, [over(beach)], photo, key="k")).id == task.id
    assert (await refusal(create(service, replica, [over(photo)], photo, key="k")))[0] == "IDEMPOTENCY_KEY_MISMATCH"

    await replica.complete(service.worker(), task.id, output_file_ids=[8])
    rerun = tasks_service_pb2.RerunTaskRequest(task_id=task.id)
    again = (await replica.tasks.RerunTask(rerun, metadata=service.caller(ACCOUNT))).task
    assert service.files.pins[again.id] == [photo, beach]
    del service.files.files[beach]
    assert (await refusal(replica.tasks.RerunTask(rerun, metadata=service.caller(ACCOUNT))))[:2] == ("FILE_NOT_FOUND", "task_id")


async def test_what_cannot_be_used_is_refused_and_nothing_is_kept(service: Service, replica: Replica, photo: int, beach: int) -> None:
    theirs = service.files.add(OTHER, "beach.jpg", "image/jpeg", size=(800, 600))
    document = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=3)
    huge = service.files.add(ACCOUNT, "huge.png", "image/png", size=(40_000, 40_000))
    missing = await refusal(create(service, replica, [over(4)], photo))
    assert missing[:2] == ("FILE_NOT_FOUND", FIELD)
    # Another account's cannot be told from one that there is not.
    assert await refusal(create(service, replica, [over(theirs)], photo)) == missing
    assert (await refusal(create(service, replica, [over(document)], photo)))[:2] == ("MEDIA_UNSUPPORTED", FIELD)
    assert (await refusal(create(service, replica, [over(huge)], photo)))[:2] == ("MEDIA_LIMIT_EXCEEDED", FIELD)
    reason, field, message = await refusal(create(service, replica, [over(beach, background_color="#ffffff")], photo))
    assert (reason, field) == ("FIELD_INVALID", "operations[0].remove_background")
    assert "background_color, background_file_id and a gradient exclude each other" in message
    assert service.files.pins == {}


async def test_each_item_of_a_batch_keeps_its_own(service: Service, replica: Replica, photo: int, beach: int) -> None:
    me = service.caller(ACCOUNT)
    items = [
        batches_service_pb2.BatchItem(input_file_ids=[photo]),
        batches_service_pb2.BatchItem(input_file_ids=[beach], operations=[over(photo)]),
        batches_service_pb2.BatchItem(input_file_ids=[photo], operations=[over(4)]),
    ]
    request = batches_service_pb2.CreateBatchRequest(items=items[:2], operations=[over(beach)])
    created = await replica.batches.CreateBatch(request, metadata=me)
    assert [service.files.pins[task.id] for task in created.tasks] == [[photo, beach], [beach, photo]]
    assert [task.price.millicredits for task in created.tasks] == [10_000, 10_000]
    request = batches_service_pb2.CreateBatchRequest(items=items, operations=[over(beach)])
    assert (await refusal(replica.batches.CreateBatch(request, metadata=me)))[:2] == ("FILE_NOT_FOUND", f"items[2].{FIELD}")
    request = batches_service_pb2.CreateBatchRequest(items=items, operations=[over(5)], mode=2)
    partly = await replica.batches.CreateBatch(request, metadata=me)
    assert [task.batch_index for task in partly.tasks] == [1]
    assert [(refused.index, refused.field) for refused in partly.batch.refused] == [(0, FIELD), (2, f"items[2].{FIELD}")]


async def test_under_v1_and_in_estimates(service: Service, replica: Replica, photo: int, beach: int) -> None:
    me = service.caller(ACCOUNT)
    request = images_pb2.RemoveBackgroundRequest(image_file_id=str(photo), background_file_id=str(beach))
    created = (await replica.images.RemoveBackground(request, metadata=me)).data
    assert service.files.pins == {int(created.task_id): [photo, beach]}
    paper = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=1)
    for file_id, code in (("4", 40401), (str(paper), 40005)):
        request.background_file_id = file_id
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.images.RemoveBackground(request, metadata=me)
        body = json.loads(str(dict(refused.value.trailing_metadata() or ())["x-error-body"]))
        assert (body["code"], body["data"]["field"]) == (code, "background_file_id")
    estimate = balance_service_pb2.EstimatePriceRequest(operations=[over(beach)], input_file_ids=[photo])
    assert (await replica.balance.EstimatePrice(estimate, metadata=me)).price_millicredits == 10_000
    estimate.operations[0].remove_background.background_file_id = 4
    assert (await refusal(replica.balance.EstimatePrice(estimate, metadata=me)))[:2] == ("FILE_NOT_FOUND", FIELD)
    assert list(service.files.pins) == [int(created.task_id)]
