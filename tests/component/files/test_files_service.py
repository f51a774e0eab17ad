"""The service on its listeners: both public surfaces, the internal one, and the events of tasks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import httpx
import nats.errors
import pytest
from google.protobuf.json_format import MessageToDict

from darkroom.files.v1 import file_pb2, files_service_pb2, files_service_pb2_grpc
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import events_pb2
from darkroom.rest.v1 import files_pb2_grpc as pilio_pb2_grpc
from darkroom.rest.v1 import uploads_pb2 as pilio_uploads_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.bus import EVENTS_STREAM, event_subject
from services.platform.errors import ErrorReason, from_rpc
from tests.component.files import content
from tests.component.files.world import Service
from tests.stacks import StackUnderTest

ACCOUNT, STRANGER, TASK = 71, 72, 9001
NANOID = "V1StGXR8_Z5jdHi6B-myT"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def native(service: Service) -> files_service_pb2_grpc.FilesServiceStub:
    return files_service_pb2_grpc.FilesServiceStub(service.public)


@pytest.fixture
def pilio(service: Service) -> pilio_pb2_grpc.FilesServiceStub:
    return pilio_pb2_grpc.FilesServiceStub(service.public)


@pytest.fixture
def storage(service: Service) -> storage_service_pb2_grpc.StorageServiceStub:
    return storage_service_pb2_grpc.StorageServiceStub(service.internal)


async def reason(call: Awaitable[object]) -> ErrorReason:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return from_rpc(raised.value).reason


async def pilio_error(call: Awaitable[object]) -> tuple[int, dict[str, Any]]:
    """HTTP status and body that the edge makes of a refusal."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    trailers = dict(raised.value.trailing_metadata() or ())
    return int(trailers["x-http-status"]), json.loads(trailers["x-error-body"])


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def upload(service: Service, native: files_service_pb2_grpc.FilesServiceStub, http: httpx.AsyncClient, data: bytes) -> int:
    """A file whose bytes are there."""
    request = files_service_pb2.CreateFilesRequest(files=[files_service_pb2.NewFile(name="photo.png", size_bytes=len(data))])
    reply = await native.CreateFiles(request, metadata=service.identity(ACCOUNT))
    assert (await http.put(reply.uploads[0].url, content=data)).status_code == 200
    return reply.uploads[0].file.id


async def test_an_upload_is_resumed_and_given_up(
    service: Service, native: files_service_pb2_grpc.FilesServiceStub, http: httpx.AsyncClient
) -> None:
    me = service.identity(ACCOUNT)
    created = await native.CreateFiles(
        files_service_pb2.CreateFilesRequest(
            files=[files_service_pb2.NewFile(name="a.png", size_bytes=7)], upload_mode=files_service_pb2.UPLOAD_MODE_MULTIPART
        ),
        metadata=me,
    )
    unfinished, multipart = created.uploads[0].file.id, created.uploads[0].multipart
    etag = (await http.put(multipart.part_urls[0], content=bytes(7))).headers["etag"]
    resumed = await native.ResumeUpload(files_service_pb2.ResumeUploadRequest(file_id=unfinished), metadata=me)
    assert resumed.upload.multipart.upload_id == multipart.upload_id
    assert [(one.part.part_number, one.part.etag, one.size_bytes) for one in resumed.arrived] == [(1, etag, 7)]
    await native.AbortUpload(files_service_pb2.AbortUploadRequest(file_id=unfinished), metadata=me)
    assert await reason(native.GetFile(files_service_pb2.GetFileRequest(file_id=unfinished), metadata=me)) is ErrorReason.FILE_NOT_FOUND


async def test_the_native_api_from_upload_to_deletion(
    service: Service, native: files_service_pb2_grpc.FilesServiceStub, http: httpx.AsyncClient
) -> None:
    me = service.identity(ACCOUNT)
    file_id = await upload(service, native, http, content.png())
    completed = (await native.CompleteUpload(files_service_pb2.CompleteUploadRequest(file_id=file_id), metadata=me)).file
    assert (completed.state, completed.origin) == (file_pb2.FILE_STATE_READY, file_pb2.FILE_ORIGIN_UPLOAD)
    assert (completed.image.width, completed.image.height, completed.image.frames) == (40, 30, 1)
    assert 86_000 < completed.expire_time.seconds - completed.create_time.seconds < 87_000
    assert (await native.GetFile(files_service_pb2.GetFileRequest(file_id=file_id), metadata=me)).file == completed
    assert list((await native.ListFiles(files_service_pb2.ListFilesRequest(), metadata=me)).files) == [completed]
    urls = await native.CreateDownloadUrls(files_service_pb2.CreateDownloadUrlsRequest(file_ids=[file_id]), metadata=me)
    assert (await http.get(urls.downloads[0].url)).content == content.png()
    await native.DeleteFile(files_service_pb2.DeleteFileRequest(file_id=file_id), metadata=me)
    gone = native.GetFile(files_service_pb2.GetFileRequest(file_id=file_id), metadata=me)
    assert await reason(gone) is ErrorReason.FILE_NOT_FOUND

    async def bytes_gone() -> bool:
        return (await http.get(urls.downloads[0].url)).status_code == 404

    await eventually(bytes_gone)


async def test_multipart_in_the_native_api(service: Service, native: files_service_pb2_grpc.FilesServiceStub) -> None:
    request = files_service_pb2.CreateFilesRequest(files=[files_service_pb2.NewFile(name="large.pdf", size_bytes=25 * 1024 * 1024)])
    [created] = (await native.CreateFiles(request, metadata=service.identity(ACCOUNT))).uploads
    assert created.WhichOneof("target") == "multipart"
    assert (len(created.multipart.part_urls), created.multipart.part_size_bytes) == (5, 5 * 1024 * 1024)
    assert created.file.media_type == "application/pdf" and created.file.state == file_pb2.FILE_STATE_PENDING


async def test_the_callers_identity_is_required_and_scopes_the_call(
    service: Service, native: files_service_pb2_grpc.FilesServiceStub, http: httpx.AsyncClient
) -> None:
    file_id = await upload(service, native, http, content.png())
    request = files_service_pb2.GetFileRequest(file_id=file_id)
    assert await reason(native.GetFile(request)) is ErrorReason.API_KEY_INVALID
    assert await reason(native.GetFile(request, metadata=service.acting_for(ACCOUNT))) is ErrorReason.API_KEY_INVALID
    assert await reason(native.GetFile(request, metadata=service.identity(STRANGER))) is ErrorReason.FILE_NOT_FOUND
    foreign = storage_service_pb2_grpc.StorageServiceStub(service.public)
    pin = storage_service_pb2.PinFilesRequest(task_id=1, file_ids=[file_id])
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await foreign.PinFiles(pin, metadata=service.acting_for(ACCOUNT))
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_pilio_creates_simple_and_multipart_records(service: Service, pilio: pilio_pb2_grpc.FilesServiceStub) -> None:
    files = [
        pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="small.png", type="png", size=1024),
        pilio_uploads_pb2.SourceFile(nanoid=NANOID[::-1], name="unknown.JPG", type="jpeg"),
        pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="large.pdf", type="pdf", size=25 * 1024 * 1024),
    ]
    reply = await pilio.CreateFiles(pilio_uploads_pb2.FileBatchCreateRequest(files=files), metadata=service.identity(ACCOUNT))
    body = MessageToDict(reply, preserving_proto_field_name=True)
    assert (body["code"], body["message"], body["data"]["total"]) == (200, "success", 3)
    small, unknown, large = body["data"]["items"]
    assert set(small) == {"id", "nanoid", "name", "type", "status", "size", "upload_url"}
    assert (small["id"].isdecimal(), small["nanoid"], small["status"], small["size"]) == (True, NANOID, "Pending", 1024)
    assert set(unknown) == {"id", "nanoid", "name", "type", "status", "upload_url"}
    assert (unknown["name"], unknown["type"]) == ("unknown.JPG", "jpeg")
    assert set(large) == {"id", "nanoid", "name", "type", "status", "size", "upload_urls", "upload_id", "part_size"}
    assert len(large["upload_urls"]) == 5


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("changed", "mode", "status", "code", "field"),
    [
        ({"name": "a.jpg"}, None, 400, 40001, "files[0].name"),
        ({"name": "a/b.png"}, None, 400, 40001, "files[0].name"),
        ({"name": "x" * 297 + ".png"}, None, 400, 40001, "files[0].name"),
        ({"nanoid": "short"}, None, 400, 40001, "files[0].nanoid"),
        ({"type": "exe", "name": "a.exe"}, None, 400, 40005, "files[0].type"),
        ({"size": 2**31 + 1}, None, 400, 40002, "files[0].size"),
        ({"size": -1}, None, 400, 40001, "files[0].size"),
        ({}, "multipart", 400, 40001, "files[0].size"),
        ({}, "fast", 400, 40001, "upload_mode"),
    ],
)
async def test_pilio_refusals_name_the_field(
    service: Service,
    pilio: pilio_pb2_grpc.FilesServiceStub,
    changed: dict[str, Any],
    mode: str | None,
    status: int,
    code: int,
    field: str,
) -> None:
    file = pilio_uploads_pb2.SourceFile(**({"nanoid": NANOID, "name": "a.png", "type": "png"} | changed))
    request = pilio_uploads_pb2.FileBatchCreateRequest(files=[file], upload_mode=mode)
    found_status, body = await pilio_error(pilio.CreateFiles(request, metadata=service.identity(ACCOUNT)))
    assert (found_status, body["code"], body["data"]["field"]) == (status, code, field)


async def test_pilio_takes_500_files_and_no_more(service: Service, pilio: pilio_pb2_grpc.FilesServiceStub) -> None:
    file = pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="a.png", type="png")
    request = pilio_uploads_pb2.FileBatchCreateRequest(files=[file] * 500)
    reply = await pilio.CreateFiles(request, metadata=service.identity(ACCOUNT))
    assert len({item.id for item in reply.data.items}) == 500
    request.files.append(file)
    status, body = await pilio_error(pilio.CreateFiles(request, metadata=service.identity(ACCOUNT)))
    assert (status, body["code"], body["data"]["error_code"]) == (400, 1505, "too_many_files")


async def test_pilio_completes_multipart_uploads(service: Service, pilio: pilio_pb2_grpc.FilesServiceStub, http: httpx.AsyncClient) -> None:
    me, data = service.identity(ACCOUNT), content.png(padding=6 * 1024 * 1024)
    files = [
        pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="large.png", type="png", size=len(data)),
        pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="small.png", type="png", size=10),
    ]
    large, small = (await pilio.CreateFiles(pilio_uploads_pb2.FileBatchCreateRequest(files=files), metadata=me)).data.items
    etag = (await http.put(large.upload_urls[0], content=data)).headers["etag"]

    def complete(file_id: str, number: int = 1) -> pilio_uploads_pb2.CompleteMultipartUploadRequest:
        parts = [pilio_uploads_pb2.CompletedPart(part_number=number, etag=f'"{etag}"')]
        return pilio_uploads_pb2.CompleteMultipartUploadRequest(id=file_id, parts=parts)

    status, body = await pilio_error(pilio.CompleteMultipartUpload(complete(large.id, 2), metadata=me))
    assert (status, body["code"], body["data"]["field"]) == (400, 40001, "parts[0].part_number")
    for _ in range(2):
        reply = await pilio.CompleteMultipartUpload(complete(large.id), metadata=me)
        assert (reply.code, reply.message, reply.data.WhichOneof("kind")) == (200, "success", "null_value")
    status, body = await pilio_error(pilio.CompleteMultipartUpload(complete(small.id), metadata=me))
    assert (status, body["code"]) == (400, 1510)
    for unknown, caller in ((large.id, STRANGER), ("123", ACCOUNT), ("x", ACCOUNT), ("9" * 30, ACCOUNT), ("-1", ACCOUNT)):
        call = pilio.CompleteMultipartUpload(complete(unknown), metadata=service.identity(caller))
        status, body = await pilio_error(call)
        assert (status, body["code"], body["data"]["error_code"]) == (400, 1510, "upload_not_found")


async def run_task(
    service: Service, storage: storage_service_pb2_grpc.StorageServiceStub, http: httpx.AsyncClient, file_id: int, task_id: int
) -> int:
    """Pin, open, store and finalize as a task does; returns the output."""
    me, worker = service.acting_for(ACCOUNT), service.worker.on_behalf_of(ACCOUNT)
    pinned = await storage.PinFiles(storage_service_pb2.PinFilesRequest(task_id=task_id, file_ids=[file_id]), metadata=me)
    assert pinned.files[0].state == file_pb2.FILE_STATE_READY
    opened = await storage.OpenInputs(storage_service_pb2.OpenInputsRequest(task_id=task_id, file_ids=[file_id]), metadata=worker)
    reply = await http.get(opened.inputs[0].url)
    assert (reply.content, reply.headers["etag"]) == (content.png(), opened.inputs[0].etag)
    new = storage_service_pb2.NewOutput(name="out.png", media_type="image/png", image=file_pb2.ImageInfo(width=40, height=30, frames=1))
    create = storage_service_pb2.CreateOutputsRequest(task_id=task_id, attempt=1, outputs=[new])
    [created] = (await storage.CreateOutputs(create, metadata=worker)).outputs
    assert (await http.put(created.url, content=content.png(), headers={"content-type": "image/png"})).status_code == 200
    finalize = storage_service_pb2.FinalizeOutputsRequest(task_id=task_id, attempt=1, file_ids=[created.file_id])
    [final] = (await storage.FinalizeOutputs(finalize, metadata=worker)).files
    assert (final.size_bytes, final.origin, final.image.width) == (len(content.png()), file_pb2.FILE_ORIGIN_TASK, 40)
    return created.file_id


async def publish(service: Service, task_id: int, state: task_pb2.TaskState.ValueType, *outputs: int) -> None:
    """What tasks publishes when a task changes."""
    event = task_pb2.TaskEvent(task_id=task_id, sequence=1, state=state)
    published = events_pb2.PublishedEvent(account_id=ACCOUNT, event=event, output_file_ids=outputs)
    message = events_pb2.PublishedEvents(events=[published])
    await service.bus.jetstream.publish(event_subject(ACCOUNT, end=state == task_pb2.TASK_STATE_SUCCEEDED), message.SerializeToString())


async def test_a_terminal_event_shows_the_outputs_and_releases_the_inputs(
    service: Service,
    native: files_service_pb2_grpc.FilesServiceStub,
    storage: storage_service_pb2_grpc.StorageServiceStub,
    http: httpx.AsyncClient,
) -> None:
    me = service.identity(ACCOUNT)
    file_id = await upload(service, native, http, content.png())
    won, lost = await run_task(service, storage, http, file_id, TASK), await run_task(service, storage, http, file_id, TASK)
    await publish(service, TASK, task_pb2.TASK_STATE_RUNNING)
    await service.bus.jetstream.publish(event_subject(ACCOUNT, end=True), b"\xff no event")
    for _ in range(2):
        await publish(service, TASK, task_pb2.TASK_STATE_SUCCEEDED, won)

    async def shown() -> list[int]:
        return [file.id for file in (await native.ListFiles(files_service_pb2.ListFilesRequest(), metadata=me)).files]

    async def settled() -> bool:
        return won in await shown()

    await eventually(settled)
    assert lost not in await shown()
    opening = storage_service_pb2.OpenInputsRequest(task_id=TASK, file_ids=[file_id])
    assert await reason(storage.OpenInputs(opening, metadata=service.worker.on_behalf_of(ACCOUNT))) is ErrorReason.FILE_NOT_FOUND


async def test_signing_and_unpinning_for_tasks(
    service: Service,
    native: files_service_pb2_grpc.FilesServiceStub,
    storage: storage_service_pb2_grpc.StorageServiceStub,
    http: httpx.AsyncClient,
) -> None:
    file_id = await upload(service, native, http, content.png())
    won = await run_task(service, storage, http, file_id, TASK)
    signing = storage_service_pb2.SignDownloadsRequest(file_ids=[won, 5])
    [download] = (await storage.SignDownloads(signing, metadata=service.acting_for(ACCOUNT))).downloads
    assert download.file.id == won
    assert (await http.get(download.url)).content == content.png()
    other = TASK + 1
    pin = storage_service_pb2.PinFilesRequest(task_id=other, file_ids=[file_id])
    await storage.PinFiles(pin, metadata=service.acting_for(ACCOUNT))
    unpin = storage_service_pb2.UnpinFilesRequest(task_id=other)
    for _ in range(2):
        await storage.UnpinFiles(unpin, metadata=service.acting_for(ACCOUNT))
    opening = storage_service_pb2.OpenInputsRequest(task_id=other, file_ids=[file_id])
    assert await reason(storage.OpenInputs(opening, metadata=service.worker.on_behalf_of(ACCOUNT))) is ErrorReason.FILE_NOT_FOUND


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.breaks("nats")
@pytest.mark.parametrize("stream_lost", [False, True])
async def test_events_go_on_after_nats_was_restarted(
    service: Service,
    components: StackUnderTest,
    native: files_service_pb2_grpc.FilesServiceStub,
    storage: storage_service_pb2_grpc.StorageServiceStub,
    http: httpx.AsyncClient,
    stream_lost: bool,
) -> None:
    me = service.identity(ACCOUNT)
    file_id = await upload(service, native, http, content.png())
    won = await run_task(service, storage, http, file_id, TASK)
    await asyncio.to_thread(components.restart, "nats")

    async def published() -> bool:
        try:
            if stream_lost and await service.bus.jetstream.delete_stream(EVENTS_STREAM):
                await service.bus.ensure_streams(1)
            await publish(service, TASK, task_pb2.TASK_STATE_SUCCEEDED, won)
        except (nats.errors.Error, OSError):
            return False
        return True

    await eventually(published)

    async def settled() -> bool:
        files = (await native.ListFiles(files_service_pb2.ListFilesRequest(), metadata=me)).files
        return won in [file.id for file in files]

    # NATS says nothing to a request that waits on a stream when that is deleted: the service waits for 30 s, and subscribes again.
    await eventually(settled, 90)
