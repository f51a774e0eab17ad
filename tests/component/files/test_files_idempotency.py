"""Creating calls that are repeated with their idempotency key: one set of files, with URLs that work."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import grpc
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from darkroom.files.v1 import files_service_pb2, files_service_pb2_grpc
from darkroom.rest.v1 import files_pb2_grpc as pilio_pb2_grpc
from darkroom.rest.v1 import uploads_pb2 as pilio_uploads_pb2
from services.files.domain.multipart import UploadedPart
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.records import FileState
from services.platform.database import engine
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.idempotent_call import IdempotentCall
from tests.component.files import content
from tests.component.files.world import Service, World

MEBIBYTE = 1024 * 1024
ACCOUNT = 77
NANOID = "V1StGXR8_Z5jdHi6B-myT"


def keyed(account: int, key: str = "k", digest: bytes = b"d" * 32) -> IdempotentCall:
    return IdempotentCall(account, "/service/Create", key, digest)


async def create(world: World, call: IdempotentCall, *uploads: NewUpload, mode: UploadMode = UploadMode.AUTO) -> list[CreatedUpload]:
    return await world.files.uploads.create(call.account_id, uploads or [NewUpload("a.png")], mode, call=call)


def ids(created: list[CreatedUpload]) -> list[int]:
    return [each.file.id for each in created]


async def records(world: World) -> int:
    async with world.engine.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM idempotency"))).scalar_one())


async def test_a_repeat_gives_the_same_files_with_urls_that_work(world: World) -> None:
    call, picture = keyed(world.account()), content.png()
    large = content.png(padding=7 * MEBIBYTE)
    uploads = [NewUpload("small.png", len(picture)), NewUpload("large.png", len(large)), NewUpload("unknown.jpg")]
    first = await create(world, call, *uploads)
    world.clock.move(minutes=1)
    again = await create(world, call, *uploads)
    assert ids(again) == ids(first)
    assert [each.file.upload_id for each in again] == [each.file.upload_id for each in first]
    assert [len(each.part_urls) for each in again] == [0, 2, 0]
    assert again[1].part_bytes == first[1].part_bytes
    assert again[0].urls_expire_at > first[0].urls_expire_at
    assert len(await world.rows()) == 3
    # One part by a URL of the first reply, the rest by URLs of the second.
    await world.put(again[0].url, picture)
    size = first[1].part_bytes
    etags = [await world.put(first[1].part_urls[0], large[:size]), await world.put(again[1].part_urls[1], large[size:])]
    parts = [UploadedPart(number, etag) for number, etag in enumerate(etags, start=1)]
    assert (await world.files.uploads.complete(call.account_id, again[1].file.id, parts)).state is FileState.READY
    assert (await world.files.uploads.complete(call.account_id, again[0].file.id, [])).state is FileState.READY
    # Used files are still what the key has made, and no URL leads to them.
    used = await create(world, call, *uploads)
    assert ids(used) == ids(first)
    assert [(each.file.state, each.url is None, each.part_urls) for each in used] == [
        (FileState.READY, True, ()),
        (FileState.READY, True, ()),
        (FileState.PENDING, False, ()),
    ]


async def test_another_request_or_deleted_files_are_an_error(world: World) -> None:
    call = keyed(world.account())
    [created] = await create(world, call)
    with pytest.raises(DarkroomError) as mismatch:
        await create(world, keyed(call.account_id, digest=b"e" * 32), NewUpload("b.png"))
    assert mismatch.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    await world.files.library.delete(call.account_id, created.file.id)
    with pytest.raises(DarkroomError) as gone:
        await create(world, call)
    assert gone.value.reason is ErrorReason.FILE_NOT_FOUND
    assert ids(await create(world, keyed(world.account()))) != [created.file.id]


async def test_calls_at_once_create_one_set_and_leave_no_multipart_upload_behind(world: World) -> None:
    call = keyed(world.account())
    uploads = [NewUpload("a.png", 25 * MEBIBYTE), NewUpload("b.png")]
    results = await asyncio.gather(*(create(world, call, *uploads) for _ in range(6)))
    assert len({tuple(ids(created)) for created in results}) == 1
    assert len(await world.rows()) == 2
    started = [upload.upload_id for upload in await world.objects.uploads(f"files/{call.account_id}/")]
    assert started == [results[0][0].file.upload_id]


async def test_a_refused_call_leaves_its_key_unused(world: World) -> None:
    call = keyed(world.account())
    with pytest.raises(DarkroomError):
        await create(world, call, NewUpload("a.exe"))
    assert await records(world) == 0
    await create(world, call)


async def _hold(connection: AsyncConnection, call: IdempotentCall, world: World) -> None:
    """What a call does that then stops in the middle of its transaction."""
    values = {"account_id": call.account_id, "method": call.method, "key": call.key, "digest": call.digest, "now": world.clock()}
    await connection.execute(
        text(
            "INSERT INTO idempotency (account_id, method, key, digest, resource_ids, expire_time) "
            "VALUES (:account_id, :method, :key, :digest, ARRAY[1], :now)"
        ),
        values,
    )


async def test_a_call_that_dies_in_the_middle_leaves_the_key_to_the_next(world: World) -> None:
    call = keyed(world.account())
    async with world.engine.connect() as connection:
        await _hold(connection, call, world)
        waiting = asyncio.create_task(create(world, call))
        await connection.rollback()
    [created] = await waiting
    assert [row["id"] for row in await world.rows()] == [created.file.id]
    assert ids(await create(world, call)) == [created.file.id]


async def test_a_call_that_does_not_come_to_an_end_is_not_waited_for_long(world: World) -> None:
    call = keyed(world.account())
    async with world.engine.connect() as connection:
        await _hold(connection, call, world)
        with pytest.raises(DarkroomError) as busy:
            await create(world, call, NewUpload("a.png", 25 * MEBIBYTE))
        await connection.rollback()
    assert (busy.value.reason, busy.value.advised_wait) == (ErrorReason.IDEMPOTENCY_IN_PROGRESS, 1)
    assert await world.rows() == []
    assert await world.objects.uploads(f"files/{call.account_id}/") == []


async def test_a_key_is_kept_for_24_hours(world: World) -> None:
    call = keyed(world.account())
    first = await create(world, call)
    await create(world, keyed(call.account_id, "other"))
    world.clock.move(hours=23, minutes=59)
    assert ids(await create(world, call)) == ids(first)
    world.clock.move(minutes=1)
    # Free for another request, swept or not.
    later = await create(world, keyed(call.account_id, digest=b"e" * 32))
    assert ids(later) != ids(first)
    assert await records(world) == 2
    assert not await world.files.idempotency.sweep()
    assert await records(world) == 1


async def test_a_repeat_gives_the_upload_as_much_time_as_its_urls(world: World) -> None:
    call = keyed(world.account())
    await create(world, call)
    world.clock.move(hours=2, minutes=59)
    [again] = await create(world, call)
    assert again.file.expires_at is not None
    assert again.file.expires_at >= again.urls_expire_at
    world.clock.move(hours=1)
    await world.sweep()
    assert (await world.row(again.file.id))["state"] == "pending"
    world.clock.move(hours=2)
    await world.sweep()
    assert await world.rows() == []


async def test_both_surfaces_take_the_header(service: Service) -> None:
    me = (*service.identity(ACCOUNT), ("idempotency-key", "k"))
    native, pilio = files_service_pb2_grpc.FilesServiceStub(service.public), pilio_pb2_grpc.FilesServiceStub(service.public)
    new = files_service_pb2.CreateFilesRequest(files=[files_service_pb2.NewFile(name="a.png", size_bytes=10)])
    by_native = [(await native.CreateFiles(new, metadata=me)).uploads[0].file.id for _ in range(2)]
    body = pilio_uploads_pb2.FileBatchCreateRequest(files=[pilio_uploads_pb2.SourceFile(nanoid=NANOID, name="a.png", type="png")])
    items = [(await pilio.CreateFiles(body, metadata=me)).data.items[0] for _ in range(2)]
    assert len(set(by_native)) == len({item.id for item in items}) == 1
    assert (items[0].nanoid, items[1].nanoid) == (NANOID, NANOID)
    assert str(by_native[0]) != items[0].id
    with pytest.raises(grpc.aio.AioRpcError) as mismatch:
        await native.CreateFiles(files_service_pb2.CreateFilesRequest(files=[files_service_pb2.NewFile(name="b.png")]), metadata=me)
    assert from_rpc(mismatch.value).reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    body.files[0].name = "b.png"
    with pytest.raises(grpc.aio.AioRpcError) as mismatch:
        await pilio.CreateFiles(body, metadata=me)
    trailers = dict(mismatch.value.trailing_metadata() or ())
    assert (trailers["x-http-status"], json.loads(str(trailers["x-error-body"]))["code"]) == ("409", 40900)


async def test_a_repeated_upload_url_takes_the_bytes(service: Service, migrated: str) -> None:
    me = (*service.identity(ACCOUNT), ("idempotency-key", "once"))
    native, data = files_service_pb2_grpc.FilesServiceStub(service.public), content.png()
    new = files_service_pb2.CreateFilesRequest(files=[files_service_pb2.NewFile(name="a.png", size_bytes=len(data))])
    uploads = [(await native.CreateFiles(new, metadata=me)).uploads[0] for _ in range(2)]
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.put(uploads[1].url, content=data)).status_code == 200
    complete = files_service_pb2.CompleteUploadRequest(file_id=uploads[0].file.id)
    assert (await native.CompleteUpload(complete, metadata=me)).file.size_bytes == len(data)
    async with engine(migrated, 2) as database, database.connect() as connection:
        kept = (await connection.execute(text("SELECT expire_time - now() FROM idempotency"))).scalar_one()
    assert timedelta(hours=23) < kept < timedelta(hours=25)


async def test_a_new_key_is_stored_without_being_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    call = keyed(world.account())
    with monkeypatch.context() as blind:
        blind.setattr(world.files.idempotency, "resources", None)
        first = await create(world, call, NewUpload("a.png", 10))
    assert ids(await create(world, call, NewUpload("a.png", 10))) == ids(first)
