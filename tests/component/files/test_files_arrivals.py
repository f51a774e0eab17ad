"""What the edge hears about a PUT before it lets it through to the storage."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.files.assembly import Files
from services.files.domain.arrivals import PutRefusal
from services.files.domain.keys import object_key, trial_key, upload_key
from services.files.domain.multipart import UploadedPart
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.presigners import public_urls
from services.files.records import EndedTask
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError
from tests.component.files import content
from tests.component.files.test_files_quotas import stored
from tests.component.files.world import World

MEBIBYTE = 1024 * 1024
PICTURE = content.png(10, 10)


async def answer(world: World, url: str | None, length: int = 1, files: Files | None = None, **headers: str) -> PutRefusal | None:
    """What a PUT to a URL is told."""
    assert url is not None
    parts = urlsplit(url)
    told = {"content-length": str(length), **{name.replace("_", "-"): value for name, value in headers.items()}}
    found = await (files or world.files).arrivals.answer(f"{parts.path}?{parts.query}", told)
    return found if isinstance(found, PutRefusal) else None


async def used(world: World, account: int) -> int:
    return (await stored(world, account))[0]


async def test_a_url_ends_with_its_file(world: World) -> None:
    account = world.account()
    completed, deleted, aborted = [await world.create(account, "photo.png", len(PICTURE)) for _ in range(3)]
    for each in (completed, deleted, aborted):
        # Again, as after a connection that broke.
        assert [await answer(world, each.url, len(PICTURE)) for _ in range(3)] == [None] * 3
        await world.put(each.url, PICTURE)
    await world.files.uploads.complete(account, completed.file.id, [])
    await world.files.library.delete(account, deleted.file.id)
    await world.files.unfinished_uploads.abort(account, aborted.file.id)
    before = await used(world, account)
    for swept in (False, True):
        for each in (completed, deleted, aborted):
            assert [await answer(world, each.url, len(PICTURE)) for _ in range(2)] == [PutRefusal.ENDED] * 2, swept
        await world.sweep()
    assert await used(world, account) == before == len(PICTURE)


async def test_urls_of_parts_end_too(world: World) -> None:
    account = world.account()
    whole = PICTURE + bytes(6 * MEBIBYTE)
    completed, aborted = [await world.create(account, "large.png", len(whole), UploadMode.MULTIPART) for _ in range(2)]
    parts = [whole[start : start + completed.part_bytes] for start in range(0, len(whole), completed.part_bytes)]
    etags = []
    for number, (url, part) in enumerate(zip(completed.part_urls, parts, strict=True), 1):
        assert [await answer(world, url, len(part)) for _ in range(2)] == [None] * 2
        etags.append(UploadedPart(number, await world.put(url, part)))
    other = await answer(world, aborted.part_urls[0].replace(aborted.file.upload_id or "", completed.file.upload_id or ""))
    assert other is PutRefusal.UNSIGNED
    await world.files.uploads.complete(account, completed.file.id, etags)
    await world.files.unfinished_uploads.abort(account, aborted.file.id)
    for url in (*completed.part_urls, *aborted.part_urls):
        assert await answer(world, url) is PutRefusal.ENDED


async def test_what_begins_to_arrive_counts(world: World) -> None:
    account = world.account()
    strict = world.again(quota_bytes=10 * MEBIBYTE)
    first, second = await strict.uploads.create(account, [NewUpload("a.png"), NewUpload("b.png", 1000)], UploadMode.SIMPLE)
    assert await answer(world, first.url, 4 * MEBIBYTE, strict) is None
    assert await used(world, account) == 4 * MEBIBYTE + 1000
    # The same bytes again, or fewer, are not more; what was announced counts already.
    assert await answer(world, first.url, 4 * MEBIBYTE, strict) is None
    assert await answer(world, first.url, MEBIBYTE, strict) is None
    assert await answer(world, second.url, 1000, strict) is None
    assert await used(world, account) == 4 * MEBIBYTE + 1000
    assert await answer(world, second.url, 7 * MEBIBYTE, strict) is PutRefusal.TOO_LONG
    assert await answer(world, second.url, 6 * MEBIBYTE, strict) is None
    assert await answer(world, first.url, 4 * MEBIBYTE + 1, strict) is PutRefusal.TOO_LONG
    assert await used(world, account) == 10 * MEBIBYTE
    # Once it is accepted, a file counts with its size.
    await world.put(first.url, PICTURE)
    await strict.uploads.complete(account, first.file.id, [])
    assert await used(world, account) == len(PICTURE) + 6 * MEBIBYTE
    # What is refused and discarded no longer counts, and may be sent again.
    await world.put(second.url, content.TEXT)
    with pytest.raises(DarkroomError):
        await strict.uploads.complete(account, second.file.id, [])
    assert await used(world, account) == len(PICTURE) + 1000
    assert await answer(world, second.url, 6 * MEBIBYTE, strict) is None
    await strict.unfinished_uploads.abort(account, second.file.id)
    assert await used(world, account) == len(PICTURE)


async def test_what_was_counted_is_accepted_though_the_account_is_full_meanwhile(world: World) -> None:
    account, task = world.account(), world.task()
    full = world.again(quota_bytes=len(PICTURE))
    created = (await full.uploads.create(account, [NewUpload("a.png")], UploadMode.SIMPLE))[0]
    assert await answer(world, created.url, len(PICTURE), full) is None
    await world.put(created.url, PICTURE)
    [output] = await full.task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png", 40, 30, 1)])
    await world.put(output.url, content.png(), **{"content-type": "image/png"})
    await full.task_files.finalize_outputs(account, task, 1, [output.file.id])
    await full.task_files.settle([EndedTask(task, (output.file.id,))])
    assert (await full.uploads.complete(account, created.file.id, [])).size_bytes == len(PICTURE)


async def test_many_at_once_do_not_pass_the_limit_together(world: World) -> None:
    account = world.account()
    replicas = [world.again(quota_bytes=10 * MEBIBYTE) for _ in range(2)]
    created = await replicas[0].uploads.create(account, [NewUpload(f"{index}.png") for index in range(8)], UploadMode.SIMPLE)
    answers = await asyncio.gather(*(answer(world, each.url, 4 * MEBIBYTE, replicas[index % 2]) for index, each in enumerate(created)))
    assert sorted(map(str, answers)) == ["None"] * 2 + ["too_long"] * 6
    assert await used(world, account) == 8 * MEBIBYTE


async def test_parts_that_are_larger_than_usual_count_as_if_all_were(world: World) -> None:
    account = world.account()
    strict = world.again(quota_bytes=30 * MEBIBYTE)
    [created] = await strict.uploads.create(account, [NewUpload("a.png", 12 * MEBIBYTE)], UploadMode.MULTIPART)
    first, _, last = created.part_urls
    for url, length in ((first, created.part_bytes), (last, 2 * MEBIBYTE), (last, 4 * MEBIBYTE)):
        assert await answer(world, url, length, strict) is None
    assert await used(world, account) == 12 * MEBIBYTE
    assert await answer(world, last, 8 * MEBIBYTE, strict) is None
    assert await used(world, account) == 24 * MEBIBYTE
    assert await answer(world, first, 11 * MEBIBYTE, strict) is PutRefusal.TOO_LONG


async def test_a_full_disk_takes_no_uploads_and_results_still(world: World, tmp_path: Path) -> None:
    account, task = world.account(), world.task()
    created = await world.create(account, "photo.png", 1000)
    free = world.settings.model_copy(update={"disk_path": tmp_path})
    room = DiskGuard(free.model_copy(update={"disk_reserve_bytes": 0}))
    assert not room.has_room(10**15)
    full = world.again(disk_path=tmp_path, disk_reserve_bytes=10**15)
    assert await answer(world, created.url, 1000, full) is PutRefusal.DISK_FULL
    [output] = await full.remote_task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png", 40, 30, 1)])
    assert await answer(world, output.url, 1000, full, content_type="image/png") is None
    await world.put(output.url, content.png(), **{"content-type": "image/png"})
    await full.task_files.finalize_outputs(account, task, 1, [output.file.id])
    assert await answer(world, output.url, 1000, full, content_type="image/png") is PutRefusal.ENDED


async def test_only_urls_that_were_given_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    urls = public_urls(world.settings)
    url = (await world.create(account, "photo.png", 1000)).url or ""
    assert await answer(world, url, 1000) is None
    download = urls.get(object_key(account, 1), 60)
    typed = urls.put(object_key(account, 1), 60, "image/png")
    for wrong in (
        url.replace("max-bytes=", "max-bytes=1"),
        url.replace("/uploads/", "/files/"),
        url[:-1],
        url.partition("?")[0],
        f"{url}&x=1",
        download,
    ):
        assert await answer(world, wrong) is PutRefusal.UNSIGNED, wrong
    assert await answer(world, typed, content_type="text/html") is PutRefusal.UNSIGNED
    for unknown in (typed, urls.put(upload_key(account, 1), 60)):
        assert await answer(world, unknown, content_type="image/png") is PutRefusal.ENDED
    for of_no_file in (trial_key(), "benchmark/large"):
        assert await answer(world, urls.put(of_no_file, 60)) is None
    for length in ({"content_length": ""}, {"content_length": "-1"}, {"content_length": "٣"}):
        assert await answer(world, url, **length) is PutRefusal.NO_LENGTH
    world.clock.move(hours=3)
    monkeypatch.setattr("services.files.presign.system_clock", world.clock)
    assert await answer(world, url) is PutRefusal.UNSIGNED
