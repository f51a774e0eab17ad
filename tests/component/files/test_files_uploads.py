"""Creating and completing uploads."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.files.domain.multipart import UploadedPart
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.records import File, FileState
from services.files.store import FileStore
from services.files.transfers import Beginning, Transfers
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World
from tests.stacks import StackUnderTest

MEBIBYTE = 1024 * 1024


async def put_parts(world: World, created: CreatedUpload, data: bytes, order: list[int] | None = None) -> list[UploadedPart]:
    """PUT the parts in the given order (of numbers); returns them in order of number."""
    size = created.part_bytes
    etags = {}
    for number in order or range(1, len(created.part_urls) + 1):
        etags[number] = await world.put(created.part_urls[number - 1], data[(number - 1) * size : number * size])
    return [UploadedPart(number, etags[number]) for number in sorted(etags)]


async def large(world: World, account: int, declared: int | None = None) -> tuple[CreatedUpload, bytes]:
    """A multipart upload of two parts of a valid PNG."""
    data = content.png(padding=7 * MEBIBYTE)
    created = await world.create(account, "large.png", declared or len(data), UploadMode.MULTIPART)
    return created, data


async def refusal(reason: ErrorReason, attempt: object) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        await attempt
    assert raised.value.reason is reason, raised.value
    return raised.value


async def test_auto_goes_by_size(world: World) -> None:
    sizes = [0, 1, 5 * MEBIBYTE, 5 * MEBIBYTE + 1, 10 * MEBIBYTE + 1, 2048 * MEBIBYTE]
    created = await world.files.uploads.create(world.account(), [NewUpload(f"{size}.png", size) for size in sizes])
    assert [len(each.part_urls) for each in created] == [0, 0, 0, 2, 3, 410]
    assert [each.url is not None for each in created] == [True, True, True, False, False, False]
    assert [each.file.upload_id is not None for each in created] == [False, False, False, True, True, True]
    assert len({each.file.object_key for each in created}) == len(sizes)
    assert [each.file.id for each in created] == sorted(each.file.id for each in created)


async def test_500_files_are_created_at_once_while_the_loop_goes_on(world: World) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    beating = asyncio.create_task(beat())
    created = await world.files.uploads.create(world.account(), [NewUpload(f"{index}.png") for index in range(500)])
    beating.cancel()
    assert len({each.url for each in created}) == 500
    # 500 signatures in one piece would have let it run once or twice.
    assert beats >= 5


async def test_all_or_none(world: World) -> None:
    error = await refusal(
        ErrorReason.MEDIA_UNSUPPORTED, world.files.uploads.create(world.account(), [NewUpload("a.png"), NewUpload("b.exe")])
    )
    assert error.field == "files[1].name" and "pdf" in error.allowed
    assert await world.rows() == []


async def test_a_multipart_upload_needs_a_size(world: World) -> None:
    error = await refusal(ErrorReason.FIELD_INVALID, world.create(world.account(), "a.png", 0, UploadMode.MULTIPART))
    assert error.field == "files[0].size_bytes"


async def test_name_and_type_must_agree(world: World) -> None:
    create = world.files.uploads.create
    account = world.account()
    assert await create(account, [NewUpload("a.JPG", 1, "jpeg"), NewUpload("b.heic", 1, "heif"), NewUpload("c.tif", 1, "TIFF")])
    error = await refusal(ErrorReason.FIELD_INVALID, create(account, [NewUpload("a.png", 1, "jpg")]))
    assert (error.field, error.allowed) == ("files[0].name", (".jpg",))
    error = await refusal(ErrorReason.MEDIA_UNSUPPORTED, create(account, [NewUpload("a.exe", 1, "exe")]))
    assert error.field == "files[0].type"


async def test_parts_are_larger_where_their_urls_would_not_fit_into_a_reply(world: World) -> None:
    account, data = world.account(), content.jpeg() + bytes(22 * MEBIBYTE)
    few = world.again(max_part_urls=4)
    uploads = [NewUpload("a.jpg", len(data)), NewUpload("b.jpg", len(data)), NewUpload("c.jpg", 1)]
    first, second, _ = await few.uploads.create(account, uploads)
    assert [(len(each.part_urls), each.part_bytes) for each in (first, second)] == [(2, 20 * MEBIBYTE)] * 2
    # Others know it, too, and go on with it.
    await world.put(first.part_urls[0], data[: 20 * MEBIBYTE])
    resumed = await world.files.unfinished_uploads.resume(account, first.file.id)
    assert (len(resumed.upload.part_urls), resumed.upload.part_bytes) == (2, 20 * MEBIBYTE)
    parts = [UploadedPart(1, resumed.stored_parts[1].etag)]
    parts.append(UploadedPart(2, await world.put(resumed.upload.part_urls[1], data[20 * MEBIBYTE :])))
    assert (await world.files.uploads.complete(account, first.file.id, parts)).state is FileState.READY

    error = await refusal(ErrorReason.FIELD_INVALID, few.uploads.create(account, [NewUpload("a.png", len(data))] * 5))
    assert error.field == "files" and "need 5 part URLs" in error.message


async def test_simple_upload_is_ready_once_completed_and_again(world: World) -> None:
    account, data = world.account(), content.jpeg(64, 48)
    file = await world.uploaded(account, "photo.jpg", data)
    first = await world.files.uploads.complete(account, file.id, [])
    assert (first.state, first.media_type, first.width, first.height) == (FileState.READY, "image/jpeg", 64, 48)
    assert (first.size_bytes, first.frames) == (len(data), 1)
    assert await world.files.uploads.complete(account, file.id, []) == first


async def test_content_decides_the_type_not_the_name(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "really-a-jpeg.png", content.jpeg())
    assert (await world.files.uploads.complete(account, file.id, [])).media_type == "image/jpeg"


async def test_parts_in_any_order_and_sent_twice_are_joined(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    assert len(created.part_urls) == math.ceil(len(data) / created.part_bytes) == 2
    await put_parts(world, created, data, [2, 1])
    parts = await put_parts(world, created, data, [2, 1])
    ready = await world.files.uploads.complete(account, created.file.id, list(reversed(parts)))
    assert (ready.state, ready.size_bytes, ready.media_type) == (FileState.READY, len(data), "image/png")
    again = await world.files.uploads.complete(account, created.file.id, parts)
    assert again == ready
    [download] = await world.files.library.downloads(account, [ready.id])
    assert (await world.http.get(download.url)).content == data


async def test_a_client_may_divide_the_file_by_the_number_of_urls(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    half = math.ceil(len(data) / len(created.part_urls))
    pieces = [data[:half], data[half:]]
    etags = [await world.put(url, piece) for url, piece in zip(created.part_urls, pieces, strict=True)]
    parts = [UploadedPart(number, etag) for number, etag in enumerate(etags, 1)]
    assert (await world.files.uploads.complete(account, created.file.id, parts)).size_bytes == len(data)


async def test_what_is_wrong_with_parts_is_told_and_can_be_mended(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    complete = world.files.uploads.complete
    [first] = await put_parts(world, created, data, [1])
    second = UploadedPart(2, '"0123456789abcdef0123456789abcdef"')
    assert (await refusal(ErrorReason.FIELD_INVALID, complete(account, created.file.id, []))).field == "parts"
    error = await refusal(ErrorReason.FIELD_INVALID, complete(account, created.file.id, [first, second]))
    assert (error.field, "has not been uploaded" in error.message) == ("parts[1].part_number", True)
    parts = await put_parts(world, created, data, [2])
    error = await refusal(ErrorReason.FIELD_INVALID, complete(account, created.file.id, [first, second]))
    assert error.field == "parts[1].etag"
    error = await refusal(ErrorReason.FIELD_INVALID, complete(account, created.file.id, [first]))
    assert (error.field, "1 of the 2 parts that have arrived" in error.message) == ("parts", True)
    assert (await complete(account, created.file.id, [first, *parts])).state is FileState.READY


@pytest.mark.parametrize("declared", [7 * MEBIBYTE, 9 * MEBIBYTE])
async def test_the_parts_may_be_larger_and_smaller_than_announced(world: World, declared: int) -> None:
    account = world.account()
    created, data = await large(world, account, declared)
    parts = await put_parts(world, created, data)
    assert (await world.files.uploads.complete(account, created.file.id, parts)).size_bytes == len(data)


async def test_a_client_that_cuts_at_5_mebibytes_may_leave_urls_unused(world: World) -> None:
    account = world.account()
    created, data = await large(world, account, declared=100 * MEBIBYTE)
    cut = 5 * MEBIBYTE
    etags = [await world.put(url, piece) for url, piece in zip(created.part_urls, [data[:cut], data[cut:]], strict=False)]
    parts = [UploadedPart(number, etag) for number, etag in enumerate(etags, 1)]
    assert (await world.files.uploads.complete(account, created.file.id, parts)).size_bytes == len(data)


async def test_too_large_in_parts_leaves_nothing_behind(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    parts = await put_parts(world, created, data)
    narrow = world.again(max_file_bytes=len(data) - 1).uploads
    error = await refusal(ErrorReason.FILE_TOO_LARGE, narrow.complete(account, created.file.id, parts))
    assert error.metadata["file_id"] == str(created.file.id)
    assert await world.keys() == []
    assert await world.objects.uploads("files/") == []
    await refusal(ErrorReason.UPLOAD_NOT_FOUND, world.files.uploads.complete(account, created.file.id, parts))
    await refusal(ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED, world.files.task_files.pin(account, world.task(), [created.file.id]))


async def test_joined_parts_that_are_no_picture_leave_nothing_behind(world: World) -> None:
    account, data = world.account(), b"no picture. " * MEBIBYTE
    created = await world.create(account, "text.png", len(data), UploadMode.AUTO)
    parts = await put_parts(world, created, data)
    await refusal(ErrorReason.MEDIA_UNSUPPORTED, world.files.uploads.complete(account, created.file.id, parts))
    assert await world.keys() == []
    await refusal(ErrorReason.UPLOAD_NOT_FOUND, world.files.uploads.complete(account, created.file.id, parts))


async def test_a_join_whose_reply_was_lost_can_be_repeated(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    parts = await put_parts(world, created, data)
    # What the service does first, before it dies.
    assert created.file.upload_id is not None
    await world.objects.join_parts(created.file.object_key, created.file.upload_id, {part.number: part.etag for part in parts})
    assert (await world.files.uploads.complete(account, created.file.id, parts)).state is FileState.READY


async def test_completing_what_is_no_multipart_upload(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    one = [UploadedPart(1, '"x"')]
    await refusal(ErrorReason.UPLOAD_NOT_FOUND, world.files.uploads.complete(account, file.id, one))
    await refusal(ErrorReason.FILE_NOT_FOUND, world.files.uploads.complete(world.account(), file.id, one))
    await refusal(ErrorReason.FILE_NOT_FOUND, world.files.uploads.complete(account, 1, one))
    assert (await world.row(file.id))["state"] == "pending"


async def test_an_upload_that_storage_lost_is_not_found(world: World) -> None:
    account = world.account()
    created, data = await large(world, account)
    parts = await put_parts(world, created, data)
    assert created.file.upload_id is not None
    await world.objects.abort_upload(created.file.object_key, created.file.upload_id)
    await refusal(ErrorReason.UPLOAD_NOT_FOUND, world.files.uploads.complete(account, created.file.id, parts))


@pytest.mark.breaks("s3")
async def test_what_a_killed_storage_server_leaves_of_an_upload_is_swept(world: World, components: StackUnderTest) -> None:
    account = world.account()
    created, data = await large(world, account)
    parts = await put_parts(world, created, data, [1])
    leftover = f"files/{account}/.rclone_temp_multipart_{created.file.upload_id}"
    await asyncio.to_thread(components.kill, "s3")
    await asyncio.to_thread(components.wait_ready, "s3")
    await refusal(ErrorReason.UPLOAD_NOT_FOUND, world.files.uploads.complete(account, created.file.id, parts))
    assert await world.objects.head(leftover) is not None
    world.clock.move(hours=4)
    await world.sweep()
    assert await world.objects.head(leftover) is None
    assert await world.rows() == []


async def test_a_full_disk_keeps_out_new_uploads_and_nothing_else(world: World, tmp_path: Path) -> None:
    account = world.account()
    begun = await world.uploaded(account, "begun.png", content.png())
    full = world.again(disk_path=tmp_path, disk_reserve_bytes=10**18)
    error = await refusal(ErrorReason.DISK_FULL, full.uploads.create(account, [NewUpload("new.png", 10)]))
    assert error.grpc_code is grpc.StatusCode.UNAVAILABLE
    assert (await full.uploads.complete(account, begun.id, [])).state is FileState.READY
    await full.library.delete(account, begun.id)
    await world.again(disk_path=tmp_path, disk_reserve_bytes=1).uploads.create(account, [NewUpload("new.png", 10)])


async def test_a_small_upload_is_read_while_its_record_is_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, begun = world.account(), asyncio.Event()
    file = await world.uploaded(account, "a.png", content.png())
    find, beginning, reads = FileStore.find, Transfers.beginning, list[str]()

    async def read(transfers: Transfers, key: str, length: int) -> Beginning | None:
        reads.append(key)
        begun.set()
        return await beginning(transfers, key, length)

    async def found_once_it_is_being_read(*args: Any) -> dict[int, File]:
        async with asyncio.timeout(20):
            await begun.wait()
        return await find(*args)

    monkeypatch.setattr(Transfers, "beginning", read)
    monkeypatch.setattr(FileStore, "find", found_once_it_is_being_read)
    for _ in range(2):
        assert (await world.files.uploads.complete(account, file.id, [])).state is FileState.READY
    assert reads == [file.object_key]


async def test_what_is_completed_before_its_bytes_are_there_can_be_completed_later(world: World) -> None:
    account, other = world.account(), world.account()
    created = await world.create(account, "a.png", 100)
    for caller, reason in ((other, ErrorReason.FILE_NOT_FOUND), (account, ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED)):
        await refusal(reason, world.files.uploads.complete(caller, created.file.id, []))
    await world.put(created.url, content.png())
    assert (await world.files.uploads.complete(account, created.file.id, [])).state is FileState.READY


async def test_few_uploads_are_read_ahead_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    uploads = [await world.uploaded(account, "a.png", content.png()) for _ in range(6)]
    find, beginning, reads, ahead = FileStore.find, Transfers.beginning, list[str](), list[int]()

    async def read(transfers: Transfers, key: str, length: int) -> Beginning | None:
        reads.append(key)
        return await beginning(transfers, key, length)

    async def counted(*args: Any) -> dict[int, File]:
        await asyncio.sleep(0.2)
        ahead.append(len(reads))
        return await find(*args)

    monkeypatch.setattr(Transfers, "beginning", read)
    monkeypatch.setattr(FileStore, "find", counted)
    completed = await asyncio.gather(*(world.files.uploads.complete(account, file.id, []) for file in uploads))
    assert {file.state for file in completed} == {FileState.READY}
    assert (ahead[0], len(reads)) == (4, 6)
