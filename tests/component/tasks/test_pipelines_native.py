"""Saved pipelines by the native API: whose they are, and what they may hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2

from darkroom.internal.tasks.v1 import departure_service_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.rest.v1 import pipelines_pb2
from darkroom.tasks.v1 import batches_service_pb2, pipeline_pb2, pipelines_service_pb2_grpc, tasks_service_pb2
from darkroom.tasks.v1 import pipelines_service_pb2 as pb
from services.tasks.domain import pipelines
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT, OTHER = 7_301, 7_302
ANN, BOB = "5f0c1c53-8b5e-4b3f-9d5a-0d6c4e1f2a3b", "6f0c1c53-8b5e-4b3f-9d5a-0d6c4e1f2a3b"
SETTINGS = {"width": 200, "fit": "cover", "nested": {"list": [1, None, "é"]}, "exact": 0.25}


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def stub(replica: Replica) -> pipelines_service_pb2_grpc.PipelinesServiceAsyncStub:
    return replica.pipelines


SHOP = [operation_pb2.Operation(remove_background={"trim": True}), operation_pb2.Operation(resize={"width": 800})]


def step(tool: str = "resize", settings: Any = None) -> pipeline_pb2.PipelineStep:
    said = pipeline_pb2.PipelineStep(tool_id=tool)
    if settings is not None:
        json_format.ParseDict(settings, said.settings)
    return said


def wanted(name: str = "Shop", *steps: pipeline_pb2.PipelineStep, **more: Any) -> pb.CreatePipelineRequest:
    return pb.CreatePipelineRequest(name=name, steps=steps or [step(settings=SETTINGS)], **more)


async def refused(call: Awaitable[object]) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error_of(error.value)


async def refusal(call: Awaitable[object]) -> str:
    return (await refused(call))[0]


async def names(stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub, metadata: Any) -> list[str]:
    return [each.name for each in (await stub.ListPipelines(pb.ListPipelinesRequest(), metadata=metadata)).pipelines]


async def test_what_was_saved_comes_back(service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub) -> None:
    ann = service.person(ACCOUNT, ANN)
    saved = (await stub.CreatePipeline(wanted("A/b", description=""), metadata=ann)).pipeline
    assert (saved.name, saved.HasField("description"), saved.description, saved.owner_id) == ("A/b", True, "", ANN)
    assert json_format.MessageToDict(saved.steps[0].settings) == SETTINGS
    assert (await stub.GetPipeline(pb.GetPipelineRequest(id=saved.id), metadata=ann)).pipeline == saved
    plain = (await stub.CreatePipeline(wanted("B", step()), metadata=ann)).pipeline
    assert not plain.HasField("description")
    assert not plain.steps[0].HasField("settings")


async def test_who_sees_and_deletes_which(service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub) -> None:
    ann, bob, editor = service.person(ACCOUNT, ANN), service.person(ACCOUNT, BOB), service.person(ACCOUNT, BOB, "pipelines:all")
    key, stranger = service.caller(ACCOUNT), service.caller(OTHER)
    [own, shared] = [(await stub.CreatePipeline(wanted(name), metadata=who)).pipeline for name, who in (("ann's", ann), ("key's", key))]
    assert [await names(stub, who) for who in (ann, bob, editor, key, stranger)] == [
        ["key's", "ann's"],
        ["key's"],
        ["key's", "ann's"],
        ["key's", "ann's"],
        [],
    ]
    for call, request in ((stub.GetPipeline, pb.GetPipelineRequest), (stub.DeletePipeline, pb.DeletePipelineRequest)):
        assert await refusal(call(request(id=own.id), metadata=bob)) == "PERMISSION_DENIED"
        for unknown in (own.id[:-1], "", "a/b", BOB):
            assert await refusal(call(request(id=unknown), metadata=ann)) == "PIPELINE_NOT_FOUND"
        assert await refusal(call(request(id=own.id), metadata=stranger)) == "PIPELINE_NOT_FOUND"
    await stub.DeletePipeline(pb.DeletePipelineRequest(id=shared.id), metadata=bob)
    await stub.DeletePipeline(pb.DeletePipelineRequest(id=own.id), metadata=editor)
    assert await names(stub, key) == []


async def test_what_somebody_saved_goes_with_the_person(
    service: Service, replica: Replica, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub
) -> None:
    key = service.caller(ACCOUNT)
    for who, name in ((service.person(ACCOUNT, ANN), "ann's"), (service.person(ACCOUNT, BOB), "bob's"), (key, "key's")):
        await stub.CreatePipeline(wanted(name), metadata=who)
    for _ in range(2):
        await replica.departures.ClearPipelines(
            departure_service_pb2.ClearPipelinesRequest(owner_id=ANN), metadata=service.accounts(ACCOUNT)
        )
    assert await names(stub, key) == ["key's", "bob's"]


async def test_a_repeated_call_saves_one(service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub) -> None:
    call = (*service.person(ACCOUNT, ANN), ("idempotency-key", "k1"))
    [first, again] = [(await stub.CreatePipeline(wanted(), metadata=call)).pipeline for _ in range(2)]
    assert first == again
    assert await refusal(stub.CreatePipeline(wanted("other"), metadata=call)) == "IDEMPOTENCY_KEY_MISMATCH"
    await stub.DeletePipeline(pb.DeletePipelineRequest(id=first.id), metadata=call[:1])
    assert await refusal(stub.CreatePipeline(wanted(), metadata=call)) == "PIPELINE_NOT_FOUND"


async def test_pages_follow_one_another(
    service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = service.person(ACCOUNT, ANN)
    monkeypatch.setattr(pipelines, "_MOST", 5)
    for number in range(5):
        await stub.CreatePipeline(wanted(str(number)), metadata=ann)
    assert await refusal(stub.CreatePipeline(wanted(), metadata=ann)) == "TOO_MANY_PIPELINES"
    found, token = [], ""
    for _ in range(3):
        page = await stub.ListPipelines(pb.ListPipelinesRequest(page_size=2, page_token=token), metadata=ann)
        found.append([each.name for each in page.pipelines])
        token = page.next_page_token
    assert (found, token) == ([["4", "3"], ["2", "1"], ["0"]], "")
    assert await refusal(stub.ListPipelines(pb.ListPipelinesRequest(page_token="t1"), metadata=ann)) == "FIELD_INVALID"


def deep(levels: int) -> struct_pb2.Struct:
    settings = struct_pb2.Struct()
    inner = settings
    for _ in range(levels):
        inner = inner.fields["a"].struct_value
    inner.fields["a"].bool_value = True
    return settings


@pytest.mark.cases(5)
@pytest.mark.parametrize(
    "request_",
    [
        wanted(""),
        wanted("n" * 101),
        wanted(description="d" * 501),
        pb.CreatePipelineRequest(name="none"),
        wanted("many", *[step()] * 101),
        wanted("no\0ne"),
        wanted("no tool", step("")),
        wanted("long", step("t" * 101)),
        wanted("large", step(settings={"text": "x" * (64 << 10)})),
        pb.CreatePipelineRequest(name="order", operations=[*SHOP, operation_pb2.Operation(make_pdf={}), SHOP[0]]),
        pb.CreatePipelineRequest(name="secret", operations=[operation_pb2.Operation(remove_pdf_watermark={"owner_password": "x"})]),
        pb.CreatePipelineRequest(name="wrong", operations=[operation_pb2.Operation(resize={"width": 70_000})]),
    ],
    ids=lambda request_: request_.name[:10] or "empty",
)
async def test_limits(
    service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub, request_: pb.CreatePipelineRequest
) -> None:
    assert await refusal(stub.CreatePipeline(request_, metadata=service.person(ACCOUNT, ANN))) == "FIELD_INVALID"


async def test_deep_settings_are_kept_as_far_as_messages_go(
    service: Service, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub
) -> None:
    said = pipeline_pb2.PipelineStep(tool_id="resize", settings=deep(25))
    saved = (await stub.CreatePipeline(wanted("deep", said), metadata=service.person(ACCOUNT, ANN))).pipeline
    assert saved.steps[0] == said
    [listed] = (await stub.ListPipelines(pb.ListPipelinesRequest(), metadata=service.person(ACCOUNT, ANN))).pipelines
    assert listed == saved


async def test_operations_are_saved_changed_and_run(
    service: Service, replica: Replica, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub
) -> None:
    ann, bob = service.person(ACCOUNT, ANN), service.person(ACCOUNT, BOB)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    saved = (await stub.CreatePipeline(pb.CreatePipelineRequest(name="Shop", operations=SHOP), metadata=ann)).pipeline
    assert (list(saved.operations), list(saved.steps), saved.update_time) == (SHOP, [], saved.create_time)
    create = tasks_service_pb2.CreateTaskRequest(pipeline_id=saved.id, input_file_ids=[photo])
    call = (*ann, ("idempotency-key", "run"))
    task = (await replica.tasks.CreateTask(create, metadata=call)).task
    assert list(task.operations) == SHOP

    change = pb.UpdatePipelineRequest(id=saved.id, name="Small", description="new", operations=SHOP[1:])
    changed = (await stub.UpdatePipeline(change, metadata=ann)).pipeline
    assert (changed.name, changed.description, list(changed.operations)) == ("Small", "new", SHOP[1:])
    assert changed.update_time.ToDatetime() > changed.create_time.ToDatetime() == saved.create_time.ToDatetime()
    assert (await stub.GetPipeline(pb.GetPipelineRequest(id=saved.id), metadata=ann)).pipeline == changed
    batch = batches_service_pb2.CreateBatchRequest(
        pipeline_id=saved.id,
        items=[
            batches_service_pb2.BatchItem(input_file_ids=[photo]),
            batches_service_pb2.BatchItem(input_file_ids=[photo], operations=SHOP[:1]),
        ],
    )
    made = await replica.batches.CreateBatch(batch, metadata=ann)
    assert [list(each.operations) for each in made.tasks] == [SHOP[1:], SHOP[:1]]
    assert await refused(stub.UpdatePipeline(pb.UpdatePipelineRequest(id=saved.id, name="none"), metadata=ann)) == (
        "FIELD_INVALID",
        "operations",
        "operations: must have at least 1 item.",
    )
    for call_of in (stub.UpdatePipeline(change, metadata=bob), replica.tasks.CreateTask(create, metadata=bob)):
        assert await refusal(call_of) == "PERMISSION_DENIED"

    # The same task, whatever has become of the pipeline.
    await stub.DeletePipeline(pb.DeletePipelineRequest(id=saved.id), metadata=ann)
    assert (await replica.tasks.CreateTask(create, metadata=call)).task.id == task.id
    assert (await refused(replica.tasks.CreateTask(create, metadata=ann)))[:2] == ("PIPELINE_NOT_FOUND", "pipeline_id")
    create.operations.extend(SHOP)
    assert (await refused(replica.tasks.CreateTask(create, metadata=ann)))[1] == "operations"


async def test_what_a_pipeline_lacks_is_said(
    service: Service, replica: Replica, stub: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub
) -> None:
    ann = service.person(ACCOUNT, ANN)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    logo = service.files.add(ACCOUNT, "logo.png", "image/png", size=(64, 48))
    over = [SHOP[1], operation_pb2.Operation(remove_background={"background_file_id": logo})]
    saved = (await stub.CreatePipeline(pb.CreatePipelineRequest(name="Logo", operations=over), metadata=ann)).pipeline
    # The file stays for it.
    assert [service.files.files[each][1].HasField("expire_time") for each in (photo, logo)] == [True, False]
    run = pipelines_pb2.RunPipelineRequest(id=saved.id, file_ids=[str(photo)])
    assert (await replica.rest_pipelines.RunPipeline(run, metadata=ann)).data.task_id
    del service.files.files[logo]
    again = stub.CreatePipeline(pb.CreatePipelineRequest(name="Logo", operations=over), metadata=ann)
    assert (await refused(again))[:2] == ("FILE_NOT_FOUND", "operations[1].remove_background.background_file_id")
    reason, field, message = await refused(replica.rest_pipelines.RunPipeline(run, metadata=ann))
    assert (reason, field) == ("FILE_NOT_FOUND", "id")
    assert message.startswith("id: operations[1].remove_background.background_file_id: ")
    assert "Upload it again" in message
    batch = batches_service_pb2.CreateBatchRequest(pipeline_id=saved.id, items=[batches_service_pb2.BatchItem(input_file_ids=[photo])])
    assert (await refused(replica.batches.CreateBatch(batch, metadata=ann)))[:2] == ("FILE_NOT_FOUND", "pipeline_id")
    # The files of the request are its own.
    run.file_ids.append("4")
    assert (await refused(replica.rest_pipelines.RunPipeline(run, metadata=ann)))[1] == "file_ids[1]"

    tools = (await stub.CreatePipeline(wanted("Tools"), metadata=ann)).pipeline
    create = tasks_service_pb2.CreateTaskRequest(pipeline_id=tools.id, input_file_ids=[photo])
    assert (await refused(replica.tasks.CreateTask(create, metadata=ann)))[:2] == ("FIELD_INVALID", "pipeline_id")
    renamed = (await stub.UpdatePipeline(pb.UpdatePipelineRequest(id=tools.id, name="Renamed"), metadata=ann)).pipeline
    assert (renamed.name, renamed.steps) == ("Renamed", tools.steps)
    change = pb.UpdatePipelineRequest(id=tools.id, name="Renamed", operations=SHOP)
    assert list((await stub.UpdatePipeline(change, metadata=ann)).pipeline.steps) == []
