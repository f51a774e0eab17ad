"""URLs to PUT to live on after completion, deletion and expiry. What comes through them then changes nothing and is not kept."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from services.files.domain.keys import FILES, UPLOADS, object_key
from services.files.domain.multipart import UploadedPart
from services.files.domain.uploads import NewUpload, UploadMode, Uploads
from services.files.records import File, FileState
from services.files.transfers import Transfers
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from tests.component.files import content
from tests.component.files.test_files_tasks import not_found
from tests.component.files.world import World

MEBIBYTE = 1024 * 1024
FIRST, SECOND = content.png(10, 10), content.png(11, 11)


async def download(world: World, account: int, file_id: int) -> str:
    [download] = await world.files.library.downloads(account, [file_id])
    return download.url


async def read(world: World, url: str) -> bytes | None:
    """What the URL serves; None if there is nothing."""
    reply = await world.http.get(url)
    return reply.content if reply.status_code == 200 else None


async def test_after_completion_a_put_changes_nothing(world: World) -> None:
    account, task = world.account(), world.task()
    created = await world.create(account, "photo.png", len(FIRST))
    await world.put(created.url, FIRST)
    file = await world.files.uploads.complete(account, created.file.id, [])
    url = await download(world, account, file.id)
    assert await world.keys() == [file.object_key] and file.object_key.startswith(FILES)
    await world.put(created.url, SECOND)
    assert await read(world, url) == await read(world, await download(world, account, file.id)) == FIRST
    await world.files.task_files.pin(account, task, [file.id])
    [opened] = await world.files.task_files.open_inputs(account, task, [file.id])
    assert (await read(world, opened.url), opened.file.etag) == (FIRST, file.etag)
    assert (await world.files.uploads.complete(account, file.id, [])).etag == file.etag
    await world.files.reconciler.sweep_uploads()
    assert await world.keys() == [file.object_key]


async def test_after_deletion_a_put_brings_nothing_back(world: World) -> None:
    account = world.account()
    created = await world.create(account, "photo.png")
    await world.put(created.url, FIRST)
    file = await world.files.uploads.complete(account, created.file.id, [])
    assert await world.keys() == [file.object_key]
    url = await download(world, account, file.id)
    await world.files.library.delete(account, file.id)
    await world.sweep()
    await world.put(created.url, FIRST)
    assert (await world.http.get(url)).status_code == 404
    assert await not_found(world, account, file.id)
    assert len(await world.keys()) == 1
    await world.files.reconciler.sweep_uploads()
    assert await world.keys() == []


async def test_after_expiry_a_put_is_not_kept(world: World) -> None:
    account = world.account()
    created = await world.create(account, "photo.png")
    waiting = await world.uploaded(account, "waiting.png", FIRST)
    world.clock.move(hours=4)
    await world.sweep()
    await world.put(created.url, FIRST)
    await world.files.reconciler.sweep_uploads()
    # What has arrived in time waits for its first use.
    assert await world.keys() == [waiting.object_key]
    assert (await world.files.uploads.complete(account, waiting.id, [])).state is FileState.READY
    assert await not_found(world, account, created.file.id)


async def test_a_repeated_create_gives_no_url_for_a_file_that_is_ready(world: World) -> None:
    account = world.account()
    call = IdempotentCall(account, "/x", "key", hashlib.sha256().digest())
    [created] = await world.files.uploads.create(account, [NewUpload("photo.png")], call=call)
    await world.put(created.url, FIRST)
    file = await world.files.uploads.complete(account, created.file.id, [])
    [again] = await world.files.uploads.create(account, [NewUpload("photo.png")], call=call)
    assert (again.file.id, again.file.state, again.url, again.part_urls) == (file.id, FileState.READY, None, ())


async def test_parts_have_no_effect_after_joining_deletion_and_abort(world: World) -> None:
    account, data = world.account(), content.png(padding=12 * MEBIBYTE)
    created = await world.create(account, "large.png", len(data), UploadMode.MULTIPART)
    size = created.part_bytes
    parts = [
        UploadedPart(number, await world.put(url, data[(number - 1) * size : number * size]))
        for number, url in enumerate(created.part_urls, 1)
    ]
    file = await world.files.uploads.complete(account, created.file.id, parts)
    url = await download(world, account, file.id)
    assert (await world.http.put(created.part_urls[1], content=b"late")).status_code == 404
    assert await read(world, url) == data
    await world.files.library.delete(account, file.id)
    await world.sweep()
    assert (await world.http.put(created.part_urls[1], content=b"late")).status_code == 404
    aborted = await world.create(account, "aborted.png", len(data), UploadMode.MULTIPART)
    await world.files.unfinished_uploads.abort(account, aborted.file.id)
    await world.sweep()
    assert (await world.http.put(aborted.part_urls[0], content=b"late")).status_code == 404
    assert await read(world, url) is None
    assert await world.keys() == [] and await world.rows() == []


@pytest.mark.parametrize("padding", [0, 2 * MEBIBYTE], ids=["written again", "copied"])
async def test_puts_beside_completions_never_change_what_was_examined(world: World, padding: int) -> None:
    account, replica = world.account(), world.again()
    pictures = [content.png(side, side, padding=padding) for side in range(10, 20)]
    created = await world.create(account, "photo.png")
    await world.put(created.url, pictures[0])

    async def complete(uploads: Uploads) -> File | None:
        try:
            return await uploads.complete(account, created.file.id, [])
        except DarkroomError as error:
            assert error.reason in (ErrorReason.FILE_SIZE_MISMATCH, ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED), error
            return None

    async def overwrite() -> None:
        for picture in pictures:
            await world.put(created.url, picture)

    await asyncio.gather(overwrite(), *(complete(each.uploads) for each in (world.files, replica) for _ in range(3)))
    file = await world.files.uploads.complete(account, created.file.id, [])
    served = await read(world, await download(world, account, file.id))
    assert served in pictures and file.etag is not None
    assert hashlib.md5(served, usedforsecurity=False).hexdigest() == file.etag.strip('"')
    assert (file.size_bytes, file.width) == (len(served), 10 + pictures.index(served))
    await world.files.reconciler.sweep_uploads()
    assert await world.keys() == [file.object_key]


async def test_a_first_use_is_brought_to_its_end_when_its_caller_goes_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", FIRST)
    copied, goes_on = asyncio.Event(), asyncio.Event()

    async def slow_store(self: Transfers, *arguments: object, store: object = Transfers.store) -> str:
        etag = await store(self, *arguments)  # type: ignore[operator]
        copied.set()
        await goes_on.wait()
        return str(etag)

    monkeypatch.setattr(Transfers, "store", slow_store)
    caller = asyncio.create_task(world.files.uploads.complete(account, file.id, []))
    await copied.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    # A second caller waits for the same copy.
    second = asyncio.create_task(world.files.uploads.complete(account, file.id, []))
    goes_on.set()
    ready = await second
    assert ready.state is FileState.READY
    assert await world.keys() == [ready.object_key]


async def test_refused_uploads_leave_no_copy(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "text.png", content.TEXT)
    with pytest.raises(DarkroomError) as raised:
        await world.files.uploads.complete(account, file.id, [])
    assert raised.value.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert await world.keys() == []


async def test_the_copy_of_a_process_that_died_is_swept(world: World) -> None:
    """It dies between the copy and the database. Another completes the upload, and the first copy is an orphan."""
    account = world.account()
    file = await world.uploaded(account, "photo.png", FIRST)
    # As `ObjectStore.copy` leaves it: as old as the upload, which is too old for an object without a record.
    stored = await world.objects.head(file.object_key)
    assert stored is not None
    stray = object_key(account, file.id)
    await world.objects.copy(file.object_key, stored.etag, stray, "image/png")
    later = world.again(orphan_age_seconds=-3600)
    await later.reconciler.step()
    assert set(await world.keys()) == {file.object_key, stray}  # somebody may be about to name it in the record
    ready = await world.files.uploads.complete(account, file.id, [])
    assert set(await world.keys()) == {ready.object_key, stray}
    await later.reconciler.step()
    assert await world.keys() == [ready.object_key]
    assert await read(world, await download(world, account, file.id)) == FIRST


async def test_no_client_gets_a_url_that_writes_to_what_a_service_stores(world: World) -> None:
    account = world.account()
    begun = await world.files.streamed_files.begin(account, "photo.png", FIRST, len(FIRST))
    resumed = await world.files.unfinished_uploads.resume(account, begun.file_id)
    await world.put(begun.url, FIRST)
    await world.put(resumed.upload.url, SECOND)
    file = await world.files.uploads.complete(account, begun.file_id, [])
    await world.put(resumed.upload.url, SECOND)
    assert await read(world, await download(world, account, file.id)) == FIRST
    await world.files.reconciler.sweep_uploads()
    assert await world.keys() == [file.object_key]


async def test_nothing_but_uploads_is_swept_with_them(world: World) -> None:
    account = world.account()
    pending = await world.uploaded(account, "photo.png", FIRST)
    [stored] = [each async for page in world.objects.pages(UPLOADS) for each in page if each.key == pending.object_key]
    for key in (f"{UPLOADS}not-ours", "other/object"):
        await world.objects.copy(stored.key, f'"{stored.etag}"', key, "image/png")
    await world.files.reconciler.sweep_uploads()
    assert set(await world.keys()) == {pending.object_key, f"{UPLOADS}not-ours", "other/object"}
