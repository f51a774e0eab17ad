"""Small files that a service hands over whole."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from darkroom.tasks.v1 import task_pb2
from services.files.records import EndedTask, File, OwnLimits, RetentionTerms
from services.files.store import FileStore, StorageStore
from services.files.store.retention import RetentionStore
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World

PHOTO = content.jpeg(400, 300)
CUT_OFF = content.png(400, 300)[:200]


async def begun(world: World, account: int, name: str = "photo.jpg", data: bytes = PHOTO) -> int:
    file = await world.files.streamed_files.begin(account, name, data[:4096], len(data), data)
    assert file.url == ""
    return file.file_id


async def test_it_is_accepted_at_once(world: World) -> None:
    account = world.account()
    await RetentionStore(Database(world.engine)).set_terms(account, RetentionTerms(temporary=timedelta(hours=3)))
    file_id = await begun(world, account, "a/photo.bin")
    row = await world.row(file_id)
    assert (row["state"], row["name"], row["media_type"]) == ("ready", "photo.jpg", "image/jpeg")
    assert (row["width"], row["height"], row["size_bytes"], row["visible"]) == (400, 300, len(PHOTO), True)
    assert row["expires_at"] - row["created_at"] == timedelta(hours=3)
    assert row["sweep_at"] == row["expires_at"]
    assert await world.keys() == [row["object_key"]]
    stored = await world.objects.head(row["object_key"])
    assert stored is not None
    assert stored.etag == row["etag"]
    counted, _ = await world.files.quotas.totals(account)
    assert (counted.size_bytes, counted.files, counted.uploads) == (len(PHOTO), 1, 0)
    [pinned] = await world.files.task_files.pin(account, world.task(), [file_id])
    assert pinned.id == file_id


async def test_what_is_refused_leaves_nothing_behind(world: World) -> None:
    account = world.account()
    with pytest.raises(DarkroomError) as raised:
        await begun(world, account, "photo.png", CUT_OFF)
    assert raised.value.reason is ErrorReason.FILE_CORRUPT
    assert (await world.keys(), await world.rows()) == ([], [])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.png", CUT_OFF, {"problem": "unreadable"}),
        ("photo.png", bytes(900), {"problem": "no_data"}),
        ("photo", bytes(900), {"problem": "no_data"}),
        ("photo.png", b"hello, world", {"problem": "unrecognized"}),
        ("photo.unknown", b"hello, world", {"problem": "unrecognized"}),
        ("photo.png", b"qoif" + bytes(90), {"problem": "unsupported", "format": "qoi"}),
    ],
)
async def test_refusals_say_to_programs_what_is_wrong(world: World, name: str, data: bytes, said: dict[str, str]) -> None:
    with pytest.raises(DarkroomError) as raised:
        await begun(world, world.account(), name, data)
    assert {key: value for key, value in raised.value.metadata.items() if key != "file_id"} == said


async def test_too_many_pixels_are_told_with_both_numbers(world: World) -> None:
    strict = world.again(max_megapixels=0.1)
    with pytest.raises(DarkroomError) as raised:
        await strict.streamed_files.begin(world.account(), "photo.jpg", PHOTO[:4096], len(PHOTO), PHOTO)
    said = {"problem": "too_many_pixels", "width": "400", "height": "300", "megapixels": "0.1", "limit": "0.1"}
    assert raised.value.metadata.items() >= said.items()


async def test_the_name_counts_where_the_content_does_not_tell(world: World) -> None:
    account = world.account()
    for name, data, media_type in (
        ("a.tga", content.encoded("TGA"), "image/x-tga"),
        ("a.nef", content.encoded("TIFF"), "image/x-nikon-nef"),
        ("a.tif", content.encoded("TIFF"), "image/tiff"),
        ("a.nef", content.png(), "image/png"),
    ):
        row = await world.row(await begun(world, account, name, data))
        assert (row["name"], row["media_type"]) == (name, media_type)
    with pytest.raises(DarkroomError) as raised:
        await begun(world, account, "a.png", content.encoded("TGA"))
    assert raised.value.reason is ErrorReason.MEDIA_UNSUPPORTED


async def test_what_does_not_fit_leaves_nothing_behind(world: World) -> None:
    account = world.account()
    await begun(world, account)
    await StorageStore(Database(world.engine)).set_limits(account, OwnLimits(files=1))
    with pytest.raises(DarkroomError) as raised:
        await begun(world, account)
    assert raised.value.reason is ErrorReason.QUOTA_EXCEEDED
    assert len(await world.keys()) == len(await world.rows()) == 1


async def test_bytes_whose_record_was_not_stored_are_found_as_orphans(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: Any) -> int:
        raise DarkroomError(ErrorReason.UNAVAILABLE, "away")

    with monkeypatch.context() as away:
        away.setattr(FileStore, "insert_uploads", lost)
        with pytest.raises(DarkroomError):
            await begun(world, world.account())
    # There may be a record, so the bytes stay for now.
    assert len(await world.keys()) == 1
    world.clock.move(seconds=world.settings.orphan_age_seconds + 60)
    await world.files.reconciler.step()
    assert await world.keys() == []


async def test_a_caller_that_goes_away_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    examining = asyncio.Event()

    async def probe(*_: Any) -> Any:
        examining.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(world.prober), "probe", probe)
    calling = asyncio.create_task(begun(world, world.account()))
    await examining.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert (await world.keys(), await world.rows()) == ([], [])


async def test_its_id_is_made_while_it_is_examined(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    examined, new_ids, probe = asyncio.Event(), FileStore.new_ids, world.prober.probe

    async def ids_once_it_is_examined(store: FileStore, count: int) -> list[int]:
        async with asyncio.timeout(20):
            await examined.wait()
        return await new_ids(store, count)

    async def probed(*args: Any) -> Any:
        found = await probe(*args)
        examined.set()
        return found

    monkeypatch.setattr(FileStore, "new_ids", ids_once_it_is_examined)
    monkeypatch.setattr(world.prober, "probe", probed)
    file_id = await begun(world, world.account())
    row = await world.row(file_id)
    assert f"/{file_id}-" in row["object_key"]
    assert await world.keys() == [row["object_key"]]


async def stored_held(world: World, account: int, task: int, file_id: int) -> File:
    return await world.files.streamed_files.store_held(account, "photo.jpg", PHOTO, "", file_id, task)


async def test_a_file_that_was_held_is_born_pinned(world: World) -> None:
    account, task = world.account(), world.task()
    # An account's first file is stored by other statements than the next.
    for _ in range(2):
        held = await world.files.streamed_files.begin(account, "photo.jpg", PHOTO[:4096], len(PHOTO), held=True)
        file = await stored_held(world, account, task, held.file_id)
        assert (file.id, file.pins, (await world.row(file.id))["pins"]) == (held.file_id, 1, 1)
        assert await world.files.task_files.open_inputs(account, task, [file.id])
        # Whoever repeats the call must see to its own pin.
        assert (await stored_held(world, account, world.task(), held.file_id)).pins == 0
        assert (await world.row(file.id))["pins"] == 1
    # It is pinned as any other file is, and so it is let go.
    world.tasks.put(task, task_pb2.TASK_STATE_QUEUED)
    world.clock.move(days=3)
    await world.files.sweeper.sweep_pins()
    await world.sweep()
    assert len(await world.rows()) == 2
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == []


async def test_a_file_pinned_for_a_task_that_was_never_stored_is_let_go(world: World) -> None:
    account = world.account()
    held = await world.files.streamed_files.begin(account, "photo.jpg", PHOTO[:4096], len(PHOTO), held=True)
    await stored_held(world, account, world.task(), held.file_id)
    world.clock.move(minutes=59)
    await world.files.sweeper.sweep_pins()
    assert (await world.row(held.file_id))["pins"] == 1
    world.clock.move(minutes=2)
    await world.files.sweeper.sweep_pins()
    assert (await world.row(held.file_id))["pins"] == 0


async def test_a_held_file_that_does_not_fit_leaves_no_pin_behind(world: World) -> None:
    account = world.account()
    await begun(world, account)
    await StorageStore(Database(world.engine)).set_limits(account, OwnLimits(files=1))
    held = await world.files.streamed_files.begin(account, "photo.jpg", PHOTO[:4096], len(PHOTO), held=True)
    with pytest.raises(DarkroomError) as raised:
        await stored_held(world, account, world.task(), held.file_id)
    assert raised.value.reason is ErrorReason.QUOTA_EXCEEDED
    async with world.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM pin"))).scalar_one() == 0
