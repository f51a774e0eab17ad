"""No object without its record, no record without its object."""

from __future__ import annotations

import asyncio

from services.files.domain.keys import object_key
from services.files.domain.uploads import UploadMode
from services.files.presign import Presigner
from services.files.records import EndedTask, File
from tests.component.files.test_files_tasks import not_found, output, ready_input
from tests.component.files.world import World

MEBIBYTE = 1024 * 1024


async def vanish(world: World, *files: File) -> None:
    """Delete the objects behind the service's back."""
    await world.objects.delete([file.object_key for file in files])


async def ids(world: World) -> set[int]:
    return {row["id"] for row in await world.rows()}


def internal(world: World) -> Presigner:
    settings = world.settings
    return Presigner(
        settings.s3_endpoint, settings.s3_bucket, settings.s3_region, settings.s3_access_key, settings.s3_secret_key.get_secret_value()
    )


async def test_objects_without_records_are_deleted_when_they_are_old(world: World) -> None:
    account = world.account()
    kept = await ready_input(world, account)
    key = object_key(account, 77)
    stray = await world.objects.start_upload(object_key(account, 78), "image/png")
    known = await world.create(account, "large.png", 12 * MEBIBYTE, UploadMode.MULTIPART)
    await world.put(internal(world).put(key, 60), b"orphan")
    await world.put(internal(world).put("other/object", 60), b"not ours")
    await world.files.reconciler.step()
    assert len(await world.keys()) == 3
    world.clock.move(hours=25)
    await world.files.reconciler.step()
    assert set(await world.keys()) == {kept.object_key, "other/object"}
    left = {upload.upload_id for upload in await world.objects.uploads("files/")}
    assert left == {known.file.upload_id} and stray not in left


async def test_a_file_whose_object_has_vanished_is_hidden_at_once_and_removed_after_a_day(world: World) -> None:
    account = world.account()
    first, gone, last = [await ready_input(world, account) for _ in range(3)]
    pending = await world.create(account, "never.png")
    await world.files.reconciler.step()
    assert not await not_found(world, account, gone.id)
    await vanish(world, gone)
    await world.files.reconciler.step()
    assert await not_found(world, account, gone.id)
    listed = (await world.files.library.page(account, 0, "")).files
    assert {file.id for file in listed} == {first.id, last.id, pending.file.id}
    world.clock.move(hours=23)
    await world.files.reconciler.step()
    await world.sweep()
    assert gone.id in await ids(world)
    world.clock.move(minutes=59)
    await world.files.sweeper.sweep_files()
    fresh = await ready_input(world, account)
    world.clock.move(minutes=2)
    await world.files.reconciler.step()
    await world.sweep()
    assert gone.id not in await ids(world)
    assert not await not_found(world, account, fresh.id)


async def test_an_object_that_comes_back_brings_its_file_back(world: World) -> None:
    account = world.account()
    file = await ready_input(world, account)
    url = internal(world).get(file.object_key, 60)
    content = (await world.http.get(url)).content
    await vanish(world, file)
    await world.files.reconciler.step()
    assert await not_found(world, account, file.id)
    await world.put(internal(world).put(file.object_key, 60), content)
    await world.files.reconciler.step()
    assert not await not_found(world, account, file.id)
    # Its absence does not count any more.
    await vanish(world, file)
    world.clock.move(hours=23)
    for _ in range(2):
        await world.files.reconciler.step()
    await world.sweep()
    assert file.id in await ids(world)


async def test_an_empty_bucket_hides_everything_and_removes_nothing_for_a_day(world: World) -> None:
    account, task = world.account(), world.task()
    files = [await ready_input(world, account) for _ in range(3)]
    hidden = await output(world, account, task)
    await world.objects.delete(await world.keys())
    assert await world.keys() == []
    await world.files.reconciler.step()
    await world.sweep()
    assert await ids(world) == {hidden, *(file.id for file in files)}
    for file in files:
        assert await not_found(world, account, file.id)


async def test_a_pinned_file_whose_object_has_vanished_is_removed_after_its_task(world: World) -> None:
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    await vanish(world, file)
    await world.files.reconciler.step()
    world.clock.move(hours=25)
    await world.files.reconciler.step()
    await world.sweep()
    assert file.id in await ids(world)
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == []


async def test_reconcilers_at_once_beside_uploads_and_deletions_leave_neither_alone(world: World) -> None:
    account = world.account()
    replicas = [world.again(temporary_seconds=10**6) for _ in range(3)]
    world.files = replicas[0]
    files = [await ready_input(world, account) for _ in range(8)]
    await vanish(world, *files[:4])
    for number in range(4):
        await world.put(internal(world).put(object_key(account, 900 + number), 60), b"orphan")
    kept: list[File] = []
    # In the second round, a day later, what is missing and what is orphaned goes; what comes meanwhile must not.
    for deleted in files[4:6]:
        fresh, *_ = await asyncio.gather(
            asyncio.gather(*(ready_input(world, account) for _ in range(5))),
            world.files.library.delete(account, deleted.id),
            *(replica.reconciler.step() for replica in replicas),
            *(replica.sweeper.sweep_files() for replica in replicas),
        )
        kept += fresh
        world.clock.move(hours=25)
    await asyncio.gather(*(replica.reconciler.step() for replica in replicas))
    await world.sweep()
    kept += files[6:]
    assert await ids(world) == {file.id for file in kept}
    assert set(await world.keys()) == {file.object_key for file in kept}
