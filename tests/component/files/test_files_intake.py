"""The first use of an upload."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.files.assembly import assemble
from services.files.object_client import store_of
from services.files.records import FileState
from services.files.surfaces.rendering import file_message
from services.files.surfaces.rest.messages import file_record
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World
from tests.unit.probe.videos import sound_only, video


async def pin_error(world: World, account: int, *file_ids: int) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        await world.files.task_files.pin(account, world.task(), file_ids)
    return raised.value


async def test_a_file_that_was_never_completed_is_accepted_on_first_use(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "pages.pdf", content.pdf(3), declare=False)
    [ready] = await world.files.task_files.pin(account, world.task(), [file.id])
    assert (ready.state, ready.media_type, ready.pages, ready.width) == (FileState.READY, "application/pdf", 3, None)
    assert ready.size_bytes == len(content.pdf(3))


@pytest.mark.parametrize(("form", "media_type"), [("mp4", "video/mp4"), ("webm", "video/webm"), ("mov", "video/quicktime")])
async def test_frames_and_duration_of_a_video_are_recorded(world: World, form: str, media_type: str) -> None:
    account = world.account()
    file = await world.uploaded(account, f"clip.{form}", video(form, 12, 24))
    [ready] = await world.files.task_files.pin(account, world.task(), [file.id])
    assert (ready.media_type, ready.width, ready.height, ready.frames) == (media_type, 64, 48, 12)
    assert ready.duration_milliseconds == pytest.approx(500, abs=5)
    image = file_message(ready).image
    assert (image.frames, image.duration_milliseconds) == (12, ready.duration_milliseconds)
    record = file_record(ready)
    assert (record.frames, record.duration_milliseconds) == (12, ready.duration_milliseconds)


async def test_a_file_that_was_never_uploaded(world: World) -> None:
    account = world.account()
    created = await world.create(account, "photo.png")
    error = await pin_error(world, account, created.file.id)
    assert error.reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    assert error.metadata["file_id"] == str(created.file.id)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("text.png", content.TEXT, ErrorReason.MEDIA_UNSUPPORTED),
        ("empty.png", b"", ErrorReason.FILE_CORRUPT),
        ("truncated.png", content.png(400, 300)[:200], ErrorReason.FILE_CORRUPT),
        ("bomb.png", content.bomb(), ErrorReason.MEDIA_LIMIT_EXCEEDED),
        ("sound.mp4", sound_only("mp4"), ErrorReason.MEDIA_UNSUPPORTED),
        ("matroska.webm", b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + bytes(500), ErrorReason.MEDIA_UNSUPPORTED),
        ("cut-off.mp4", video("mp4", 12, 24)[:500], ErrorReason.FILE_CORRUPT),
        ("locked.pdf", content.pdf(1, "secret"), ErrorReason.FILE_ENCRYPTED),
    ],
)
async def test_bad_content_is_refused_and_leaves_nothing_behind(world: World, name: str, data: bytes, reason: ErrorReason) -> None:
    account = world.account()
    file = await world.uploaded(account, name, data)
    error = await pin_error(world, account, file.id)
    assert error.reason is reason, error
    assert error.metadata["file_id"] == str(file.id)
    assert await world.keys() == []
    row = await world.row(file.id)
    assert (row["state"], row["pins"], row["etag"]) == ("pending", 0, None)
    assert (await pin_error(world, account, file.id)).reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED


@pytest.mark.parametrize("announced", [1, 1_000_000])
async def test_the_size_is_a_hint(world: World, announced: int) -> None:
    account, data = world.account(), content.png()
    created = await world.create(account, "photo.png", announced)
    await world.put(created.url, data)
    [ready] = await world.files.task_files.pin(account, world.task(), [created.file.id])
    assert ready.size_bytes == len(data)


async def test_limits_are_settings(world: World) -> None:
    account = world.account()
    picture = await world.uploaded(account, "large.png", content.png(1000, 1000))
    document = await world.uploaded(account, "long.pdf", content.pdf(3))
    heavy = await world.uploaded(account, "heavy.png", content.png())
    strict = world.again(max_megapixels=0.9, max_pages=2)
    for file, words in ((picture, "1000 × 1000"), (document, "3 pages")):
        with pytest.raises(DarkroomError, match=words) as raised:
            await strict.task_files.pin(account, world.task(), [file.id])
        assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    with pytest.raises(DarkroomError) as raised:
        await world.again(max_file_bytes=10).task_files.pin(account, world.task(), [heavy.id])
    assert raised.value.reason is ErrorReason.FILE_TOO_LARGE
    assert await world.keys() == []


async def test_one_bad_file_pins_none(world: World) -> None:
    account, task = world.account(), world.task()
    good = await world.uploaded(account, "good.png", content.png())
    bad = await world.uploaded(account, "bad.png", content.TEXT)
    with pytest.raises(DarkroomError) as raised:
        await world.files.task_files.pin(account, task, [good.id, bad.id])
    assert raised.value.metadata["file_id"] == str(bad.id)
    assert (await world.row(good.id))["pins"] == 0
    with pytest.raises(DarkroomError):
        await world.files.task_files.open_inputs(account, task, [good.id])


async def test_two_pins_of_one_fresh_file_at_once(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    other = world.again()
    first, second = await asyncio.gather(
        world.files.task_files.pin(account, world.task(), [file.id]), other.task_files.pin(account, world.task(), [file.id])
    )
    assert first[0].etag == second[0].etag
    assert (await world.row(file.id))["pins"] == 2


async def test_two_refusals_of_one_file_at_once(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "bad.png", content.TEXT)
    errors = await asyncio.gather(*(pin_error(world, account, file.id) for _ in range(4)))
    expected = {ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED, ErrorReason.FILE_SIZE_MISMATCH}
    assert {error.reason for error in errors} <= expected
    assert ErrorReason.MEDIA_UNSUPPORTED in {error.reason for error in errors}
    assert await world.keys() == []
    assert (await world.row(file.id))["state"] == "pending"


async def test_an_object_that_is_being_refused_cannot_be_accepted(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE file SET state = 'clearing'")
    assert (await pin_error(world, account, file.id)).reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    world.clock.move(hours=4)
    await world.sweep()
    assert await world.keys() == []


async def test_many_fresh_files_are_pinned_in_order(world: World) -> None:
    account, task = world.account(), world.task()
    files = [await world.uploaded(account, f"{side}.png", content.png(side, side)) for side in range(10, 22)]
    wanted = [file.id for file in reversed(files)]
    ready = await world.files.task_files.pin(account, task, [*wanted, wanted[0]])
    assert [row.width for row in ready] == [*range(21, 9, -1), 21]
    assert {row["pins"] for row in await world.rows()} == {1}


async def test_another_accounts_file_is_a_missing_one(world: World) -> None:
    owner, stranger = world.account(), world.account()
    file = await world.uploaded(owner, "photo.png", content.png())
    ready = (await world.files.task_files.pin(owner, world.task(), [file.id]))[0]
    foreign = await pin_error(world, stranger, ready.id)
    missing = await pin_error(world, stranger, 999)
    assert foreign.reason is missing.reason is ErrorReason.FILE_NOT_FOUND
    assert foreign.message.replace(str(ready.id), "N") == missing.message.replace("999", "N")
    for call in (world.files.library.get(stranger, ready.id), world.files.library.delete(stranger, ready.id)):
        with pytest.raises(DarkroomError) as raised:
            await call
        assert raised.value.reason is ErrorReason.FILE_NOT_FOUND
    assert (await world.files.library.page(stranger, 0, "")).files == []


async def test_storage_that_is_away_is_no_fault_of_the_file(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    settings = world.settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    async with store_of(settings) as unreachable:
        away = assemble(settings, Database(world.engine), unreachable, world.prober, world.tasks_client, world.writer, world.clock)
        with pytest.raises(DarkroomError) as raised:
            await away.task_files.pin(account, world.task(), [file.id])
    assert raised.value.reason is ErrorReason.UNAVAILABLE
    assert "127.0.0.1" not in raised.value.message
    [ready] = await world.files.task_files.pin(account, world.task(), [file.id])
    assert ready.state is FileState.READY


async def test_an_expired_upload_url_is_refused_by_storage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    life = timedelta(seconds=world.settings.upload_url_seconds)
    monkeypatch.setattr("services.files.presign.system_clock", lambda: datetime.now(UTC) - life + timedelta(minutes=5))
    living = await world.create(account, "living.png")
    monkeypatch.setattr("services.files.presign.system_clock", lambda: datetime.now(UTC) - life - timedelta(minutes=5))
    expired = await world.create(account, "expired.png")
    monkeypatch.undo()
    await world.put(living.url, content.png())
    assert expired.url is not None
    assert (await world.http.put(expired.url, content=content.png())).status_code in (400, 403)
    assert await world.keys() == [living.file.object_key]
