"""PUTs while they run, as files hears of them from the edge."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
from sqlalchemy import text

from services.files.domain.arrivals import PutRefusal, UploadPut
from services.files.domain.multipart import UploadedPart
from services.files.domain.running_puts import MOST_AT_ONCE
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import UploadMode
from services.files.presigners import public_urls
from services.files.store.deletions import LOCK
from services.platform.database import engine
from tests.component.files import content
from tests.component.files.world import World

PICTURE = content.png(10, 10)
LARGE = content.png(padding=6 * 1024 * 1024)


def put_of(world: World, url: str | None, size: int) -> UploadPut:
    parts = httpx.URL(url or "")
    signed = public_urls(world.settings).signed_put(parts.raw_path.decode(), {"content-length": str(size)})
    assert signed is not None
    return UploadPut(signed.key, signed.upload_id, signed.part_number, size)


async def ended(world: World) -> tuple[list[CreatedUpload], list[UploadPut]]:
    """Uploads that were completed, deleted and aborted while a second PUT to each ran, and these PUTs, whose bytes have arrived."""
    account = world.account()
    made = [await world.create(account, "photo.png", len(PICTURE)) for _ in range(3)]
    puts = [put_of(world, each.url, len(PICTURE)) for each in made]
    await world.put(made[0].url, PICTURE)
    await world.files.uploads.complete(account, made[0].file.id, [])
    await world.files.library.delete(account, made[1].file.id)
    await world.files.unfinished_uploads.abort(account, made[2].file.id)
    await world.keys()
    for each in made:
        await world.put(each.url, PICTURE)
    return made, puts


async def test_what_arrives_after_its_upload_has_ended_is_deleted_at_once(world: World) -> None:
    made, puts = await ended(world)
    before = await world.keys()
    assert [await world.files.running_puts.stored(put) for put in puts] == [False] * 3
    assert set(before) - set(await world.keys()) == {put.key for put in puts}
    # The completed one is there, and an open one stays.
    assert (await world.files.library.get(made[0].file.account_id, made[0].file.id)).size_bytes == len(PICTURE)
    still_open = await world.create(world.account(), "photo.png", len(PICTURE))
    await world.put(still_open.url, PICTURE)
    assert await world.files.running_puts.stored(put_of(world, still_open.url, len(PICTURE)))
    assert (await world.files.uploads.complete(still_open.file.account_id, still_open.file.id, [])).size_bytes == len(PICTURE)


async def test_a_backup_holds_the_deletion_back(world: World) -> None:
    _, puts = await ended(world)
    async with engine(world.settings.database, 1) as held, held.connect() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        replica = world.again().running_puts
        assert not await replica.stored(puts[1])
        assert puts[1].key in await world.keys()


async def test_a_part_of_an_upload_that_has_ended(world: World) -> None:
    account = world.account()
    completed, aborted = [await world.create(account, "large.png", len(LARGE), UploadMode.MULTIPART) for _ in range(2)]
    size = completed.part_bytes
    etags = [await world.put(url, LARGE[start : start + size]) for url, start in zip(completed.part_urls, (0, size), strict=True)]
    puts = [put_of(world, each.part_urls[0], size) for each in (completed, aborted)]
    assert [await world.files.running_puts.stored(put) for put in puts] == [True, True]
    await world.files.uploads.complete(account, completed.file.id, [UploadedPart(number, etag) for number, etag in enumerate(etags, 1)])
    await world.files.unfinished_uploads.abort(account, aborted.file.id)
    assert [await world.files.running_puts.stored(put) for put in puts] == [False, False]
    assert (await world.files.library.get(account, completed.file.id)).size_bytes == len(LARGE)
    assert not [upload for upload in await world.objects.uploads(f"files/{account}/") if upload.upload_id == aborted.file.upload_id]


async def test_running_puts_hear_when_their_upload_ends_at_any_replica(world: World) -> None:
    account, running = world.account(), world.again().running_puts
    single, other = [await world.create(account, "photo.png", len(PICTURE)) for _ in range(2)]
    parted = await world.create(account, "large.png", len(LARGE), UploadMode.MULTIPART)
    with ExitStack() as puts:
        urls = (single.url, single.url, parted.part_urls[0], other.url)
        events = [puts.enter_context(running.running(put_of(world, url, 1))) for url in urls]
        await running.step()
        assert not any(event.is_set() for event in events)
        await world.files.library.delete(account, single.file.id)
        await world.files.unfinished_uploads.abort(account, parted.file.id)
        await running.step()
        assert [event.is_set() for event in events] == [True, True, True, False]
    with running.running(put_of(world, other.url, 1)) as open_one:
        await running.step()
        assert not open_one.is_set()


async def test_only_so_many_to_one_url_and_only_while_there_is_room(world: World, tmp_path: Path) -> None:
    account = world.account()
    first, second = [await world.create(account, "photo.png", 1000) for _ in range(2)]
    parted = await world.create(account, "large.png", len(LARGE), UploadMode.MULTIPART)
    running = world.files.running_puts
    put = put_of(world, first.url, 1000)
    with ExitStack() as puts:
        for _ in range(MOST_AT_ONCE):
            assert running.refusal(put) is None
            puts.enter_context(running.running(put))
        assert running.refusal(put) is PutRefusal.TOO_MANY
        for url in (second.url, *parted.part_urls):
            assert running.refusal(put_of(world, url, 1000)) is None
    assert running.refusal(put) is None
    small = world.again(disk_path=tmp_path, disk_reserve_bytes=0).running_puts
    with small.running(put_of(world, first.url, 10**15)):
        assert small.refusal(put_of(world, second.url, 1)) is PutRefusal.DISK_FULL
