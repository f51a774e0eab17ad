"""The Pilio-compatible surface of the running service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from darkroom.operations.v1 import convert_pb2, remove_background_pb2, upscale_pb2
from darkroom.rest.v1 import images_pb2, pdfs_pb2, tasks_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.errors import ErrorReason
from tests.component.tasks.service import Replica, Service

ACCOUNT = 7_001


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica(max_open_tasks_rest=2) as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


def envelope(error: grpc.aio.AioRpcError) -> tuple[int, Mapping[str, Any]]:
    """HTTP status and body that the edge makes of an error."""
    trailers = dict(error.trailing_metadata() or ())
    return int(str(trailers["x-http-status"])), json.loads(str(trailers["x-error-body"]))


async def cut_out(service: Service, replica: Replica, file_id: str, **fields: Any) -> tasks_pb2.TaskCreateEnvelope:
    request = images_pb2.RemoveBackgroundRequest(image_file_id=file_id, **fields)
    return await replica.images.RemoveBackground(request, metadata=service.caller(ACCOUNT))


async def test_a_cut_out_from_creation_to_result(service: Service, replica: Replica, photo: int) -> None:
    me = service.caller(ACCOUNT)
    created = await cut_out(service, replica, str(photo), industry_type="goods", quality_type="draft", trim_transparent_background=True)
    data = created.data
    assert (created.code, created.message, data.status) == (200, "success", "Pending")
    assert data.status_url == f"/v1/tasks/{data.task_id}/status"
    assert data.result_url == f"/v1/tasks/{data.task_id}/result"
    assert data.HasField("created_at")

    started = await replica.started(service.worker(), int(data.task_id))
    [operation] = started.operations
    assert operation.remove_background == remove_background_pb2.RemoveBackground(
        subject=remove_background_pb2.SUBJECT_PRODUCT,
        quality=remove_background_pb2.CUTOUT_QUALITY_FAST,
        trim=True,
        format=remove_background_pb2.CUTOUT_FORMAT_PNG,
    )
    poll = tasks_pb2.GetTaskStatusRequest(id=data.task_id)
    status = (await replica.pilio_tasks.GetTaskStatus(poll, metadata=me)).data
    assert (status.task_id, status.status) == (data.task_id, "Processing")
    assert not status.HasField("error_type")
    ask = tasks_pb2.GetTaskResultRequest(id=data.task_id)
    early = (await replica.pilio_tasks.GetTaskResult(ask, metadata=me)).data
    assert (early.status, len(early.files)) == ("Processing", 0)

    output = service.files.add(ACCOUNT, "photo.PNG", "image/png", size=(640, 480))
    notice = task_pb2.Notice(
        code="not_applied", subject="enhance_face", message="No face.", details_json='{"model": "m", "box": {"x1": 1}, "confidence": 0.5}'
    )
    other = task_pb2.Notice(code="first_frame_only", subject="")
    await replica.complete(service.worker(), int(data.task_id), output_file_ids=[output, 999], notices=[notice, other])
    status = (await replica.pilio_tasks.GetTaskStatus(poll, metadata=me)).data
    assert (status.status, status.progress, list(status.not_applied)) == ("Succeeded", 1.0, ["enhance_face"])
    notices = [MessageToDict(each) for each in status.notices]
    details = {"model": "m", "box": {"x1": 1}, "confidence": 0.5}
    assert notices == [
        {"code": "not_applied", "subject": "enhance_face", "message": "No face.", "details": details},
        {"code": "first_frame_only", "message": ""},
    ]
    assert status.updated_at.ToDatetime() >= status.created_at.ToDatetime()
    result = (await replica.pilio_tasks.GetTaskResult(ask, metadata=me)).data
    file = {"id": str(output), "name": "photo.PNG", "type": "png", "size": 1234.0, "download_url": f"https://storage/{output}"}
    times = {"download_url_expires_at": "2026-05-02T12:00:00Z", "expires_at": "2026-05-08T12:00:00Z"}
    assert MessageToDict(result, preserving_proto_field_name=True) == {
        "task_id": data.task_id,
        "status": "Succeeded",
        "files": [file | times],
        "not_applied": ["enhance_face"],
        "notices": notices,
    }


async def test_options_without_effect_are_named_from_the_start(service: Service, replica: Replica, photo: int) -> None:
    me = service.caller(ACCOUNT)
    box = images_pb2.RemoveImageWatermarkBox(x1=1, y1=1, x2=2, y2=2)
    request = images_pb2.RemoveImageWatermarkRequest(image_file_id=str(photo), mode="auto", boxes=[box])
    created = (await replica.images.RemoveWatermark(request, metadata=me)).data
    task_id = int(created.task_id)
    assert (list(created.not_applied), created.notices[0].subject) == (["boxes"], "boxes")
    await replica.started(service.worker(), task_id)
    poll = tasks_pb2.GetTaskStatusRequest(id=created.task_id)
    assert list((await replica.pilio_tasks.GetTaskStatus(poll, metadata=me)).data.not_applied) == ["boxes"]

    # What the operation leaves out comes after it, once for all pictures, by the name that the call has for it.
    left_out = [task_pb2.Notice(code="not_applied", subject="trim", message=f"{name} was not cut out.") for name in ("a", "b")]
    await replica.complete(service.worker(), task_id, output_file_ids=[photo], notices=left_out)
    result = (await replica.pilio_tasks.GetTaskResult(tasks_pb2.GetTaskResultRequest(id=created.task_id), metadata=me)).data
    status = (await replica.pilio_tasks.GetTaskStatus(poll, metadata=me)).data
    assert list(result.not_applied) == list(status.not_applied) == ["boxes", "trim_transparent_background"]
    assert [notice.subject for notice in (await replica.get(me, task_id)).notices] == ["boxes", "trim", "trim"]

    request.mode = "manual"
    assert not (await replica.images.RemoveWatermark(request, metadata=me)).data.not_applied


async def test_a_failed_and_a_cancelled_task_are_failed(service: Service, replica: Replica, photo: int) -> None:
    me = service.caller(ACCOUNT)
    failing = int((await cut_out(service, replica, str(photo))).data.task_id)
    await replica.started(service.worker(), failing)
    await replica.fail(service.worker(), failing, reason=ErrorReason.FILE_CORRUPT.number, message="The file is damaged.")
    cancelled = int((await cut_out(service, replica, str(photo))).data.task_id)
    await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=cancelled), metadata=me)
    for task_id, error_type in ((failing, "file_corrupt"), (cancelled, "cancelled")):
        status = (await replica.pilio_tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id=str(task_id)), metadata=me)).data
        assert (status.status, status.error_type, bool(status.error_message)) == ("Failed", error_type, True)
        result = (await replica.pilio_tasks.GetTaskResult(tasks_pb2.GetTaskResultRequest(id=str(task_id)), metadata=me)).data
        assert (result.status, result.error_type, len(result.files)) == ("Failed", error_type, 0)


async def test_upscale_and_pdf_reach_their_operations(service: Service, replica: Replica, photo: int) -> None:
    me = service.caller(ACCOUNT)
    request = images_pb2.ImageUpscaleRequest(image_file_id=str(photo), type="4x", enhance_face=True, preset="hd")
    task_id = int((await replica.images.Upscale(request, metadata=me)).data.task_id)
    [operation] = (await replica.get(me, task_id)).operations
    enhancements = [upscale_pb2.ENHANCEMENT_FACE, upscale_pb2.ENHANCEMENT_QUALITY]
    assert operation.upscale == upscale_pb2.Upscale(factor=4, enhancements=enhancements, format=convert_pb2.PICTURE_FORMAT_PNG)
    paper = service.files.add(ACCOUNT, "paper.pdf", "application/pdf", pages=3)
    task_id = int(
        (await replica.pdfs.RemoveWatermark(pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id=str(paper)), metadata=me)).data.task_id
    )
    task = await replica.get(me, task_id)
    assert (task.lane, task.price.millicredits, task.operations[0].WhichOneof("operation")) == ("document", 4000, "remove_pdf_watermark")


async def test_the_limit_of_open_tasks_is_pilios_own(service: Service, replica: Replica, photo: int) -> None:
    for _ in range(2):
        await cut_out(service, replica, str(photo))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await cut_out(service, replica, str(photo))
    status, body = envelope(refused.value)
    assert (status, body["code"], body["data"]["error_code"]) == (429, 42900, "too_many_tasks")
    # Tasks of other APIs do not count, and are not held up by it.
    for _ in range(3):
        await replica.create(service.caller(ACCOUNT))


@pytest.mark.cases(3)
@pytest.mark.parametrize("file_id", ["404", "12x", "-5", "007", " 7", "9" * 30, "٣"])
async def test_a_file_that_does_not_exist_is_the_requests_fault(service: Service, replica: Replica, file_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await cut_out(service, replica, file_id)
    status, body = envelope(refused.value)
    assert (status, body["code"]) == (400, 40401)
    assert body["data"]["field"] == "image_file_id"


@pytest.mark.cases(3)
@pytest.mark.parametrize("task_id", ["404", "abc", "-5", "007", "9" * 30, ""])
async def test_a_task_that_does_not_exist_is_not_found(service: Service, replica: Replica, task_id: str) -> None:
    me = service.caller(ACCOUNT)
    for call in (
        replica.pilio_tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id=task_id), metadata=me),
        replica.pilio_tasks.GetTaskResult(tasks_pb2.GetTaskResultRequest(id=task_id), metadata=me),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert envelope(refused.value) == (404, {"code": 40402, "message": "No such task.", "data": {"error_code": "task_not_found"}})


async def test_other_kinds_of_files_are_refused_with_what_is_allowed(service: Service, replica: Replica) -> None:
    avif = service.files.add(ACCOUNT, "photo.avif", "image/avif", size=(10, 10))
    paper = service.files.add(ACCOUNT, "paper.pdf", "application/pdf", pages=1)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await cut_out(service, replica, str(paper))
    status, body = envelope(refused.value)
    assert (status, body["code"], body["data"]["field"]) == (400, 40005, "image_file_id")
    assert {"jpg", "png", "avif", "bmp", "svg"} < set(body["data"]["allowed"])
    assert "pdf" not in body["data"]["allowed"]
    request = pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id=str(avif))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.pdfs.RemoveWatermark(request, metadata=service.caller(ACCOUNT))
    assert envelope(refused.value)[1]["data"]["allowed"] == ["pdf"]
    assert service.files.pins == {}


async def test_pages_drawn_anew_are_paid_by_the_page(service: Service, replica: Replica) -> None:
    me, paper = service.caller(ACCOUNT), service.files.add(ACCOUNT, "paper.pdf", "application/pdf", pages=3)
    request = pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id=str(paper), mode="ai")
    task = await replica.get(me, int((await replica.pdfs.RemoveWatermark(request, metadata=me)).data.task_id))
    assert (task.price.millicredits, task.operations[0].WhichOneof("operation")) == (6000, "redraw_pdf")
