"""The inputs of many tasks, pinned by one call."""

from __future__ import annotations

import asyncio

import pytest

from services.files.records import EndedTask, File, FileState
from services.files.store import TaskFileStore
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World


async def ready(world: World, account: int, name: str = "input.png") -> File:
    file = await world.uploaded(account, name, content.png())
    return await world.files.uploads.complete(account, file.id, [])


async def pinned(world: World, account: int, task: int, *file_ids: int) -> bool:
    try:
        await world.files.task_files.open_inputs(account, task, file_ids)
    except DarkroomError as error:
        assert error.reason is ErrorReason.FILE_NOT_FOUND
        return False
    return True


async def test_each_task_has_its_files_and_a_shared_one_is_counted_by_task(world: World) -> None:
    account = world.account()
    shared, own = await ready(world, account), await ready(world, account)
    one, two = world.task(), world.task()
    wanted = {one: [shared.id, shared.id, own.id], two: [shared.id]}
    for _ in range(2):
        result = await world.files.task_files.pin_tasks(account, wanted, all_or_none=True)
        assert ({file.id for file in result.files}, result.refusals) == ({shared.id, own.id}, {})
    assert await pinned(world, account, one, shared.id, own.id)
    await world.files.library.delete(account, shared.id)
    await world.files.task_files.settle([EndedTask(one)])
    await world.sweep()
    assert await pinned(world, account, two, shared.id)
    assert await world.objects.head(shared.object_key) is not None
    await world.files.task_files.settle([EndedTask(two)])
    await world.sweep()
    assert await world.objects.head(shared.object_key) is None


@pytest.mark.parametrize("all_or_none", [True, False])
async def test_a_refused_file_keeps_its_task_or_all_from_being_pinned(world: World, all_or_none: bool) -> None:
    account = world.account()
    good = await ready(world, account)
    bad = await world.uploaded(account, "bad.png", b"no picture at all")
    fine, spoiled = world.task(), world.task()
    wanted = {fine: [good.id], spoiled: [good.id, bad.id, 1]}
    result = await world.files.task_files.pin_tasks(account, wanted, all_or_none=all_or_none)
    assert {file_id: error.reason for file_id, error in result.refusals.items()} == {
        bad.id: ErrorReason.MEDIA_UNSUPPORTED,
        1: ErrorReason.FILE_NOT_FOUND,
    }
    assert await pinned(world, account, fine, good.id) is not all_or_none
    assert not await pinned(world, account, spoiled, good.id)


async def test_a_task_alone_pins_its_files_before_they_are_examined_and_keeps_the_pins_if_all_are_good(world: World) -> None:
    account, fine, spoiled = world.account(), world.task(), world.task()
    fresh, accepted = await world.uploaded(account, "fresh.png", content.png()), await ready(world, account)
    bad = await world.uploaded(account, "bad.png", b"no picture at all")
    for _ in range(2):
        result = await world.files.task_files.pin_tasks(account, {fine: [fresh.id, accepted.id]}, all_or_none=True)
        assert ([(file.id, file.state) for file in result.files], result.refusals) == (
            [(fresh.id, FileState.READY), (accepted.id, FileState.READY)],
            {},
        )
    result = await world.files.task_files.pin_tasks(account, {spoiled: [bad.id, accepted.id]}, all_or_none=True)
    assert {file_id: error.reason for file_id, error in result.refusals.items()} == {bad.id: ErrorReason.MEDIA_UNSUPPORTED}
    assert [(await world.row(file.id))["pins"] for file in (fresh, accepted, bad)] == [1, 1, 0]
    assert await pinned(world, account, fine, fresh.id, accepted.id) and not await pinned(world, account, spoiled, accepted.id)


async def test_pins_of_a_process_that_died_before_it_examined_the_files_are_dropped(world: World) -> None:
    account, task = world.account(), world.task()
    file, now = await world.uploaded(account, "fresh.png", content.png()), world.clock()
    store = TaskFileStore(Database(world.engine))
    await store.pin({task: [file.id]}, account, now, now + world.settings.unclaimed_life, all_or_none=True, unexamined=True)
    assert ((row := await world.row(file.id))["state"], row["pins"]) == ("pending", 1)
    world.clock.move(hours=1)
    await world.files.sweeper.sweep_pins()
    assert (await world.row(file.id))["pins"] == 0
    await world.files.task_files.pin_tasks(account, {world.task(): [file.id]}, all_or_none=True)
    assert ((row := await world.row(file.id))["state"], row["pins"]) == ("ready", 1)


async def test_files_are_examined_as_for_tasks_and_not_pinned(world: World) -> None:
    account = world.account()
    fresh = await world.uploaded(account, "fresh.png", content.png())
    bad = await world.uploaded(account, "bad.png", b"no picture at all")
    result = await world.files.task_files.examine(account, [fresh.id, bad.id, 1])
    assert [(file.id, file.media_type) for file in result.files] == [(fresh.id, "image/png")]
    assert {file_id: error.reason for file_id, error in result.refusals.items()} == {
        bad.id: ErrorReason.MEDIA_UNSUPPORTED,
        1: ErrorReason.FILE_NOT_FOUND,
    }
    await world.files.library.delete(account, fresh.id)
    await world.sweep()
    assert await world.objects.head(fresh.object_key) is None


async def test_files_that_are_deleted_meanwhile_are_either_pinned_or_refused(world: World) -> None:
    account = world.account()
    for _ in range(5):
        files = [await ready(world, account) for _ in range(3)]
        tasks = {world.task(): [file.id] for file in files}
        deleting = asyncio.gather(*(world.files.library.delete(account, file.id) for file in files[:2]))
        result = await world.files.task_files.pin_tasks(account, tasks, all_or_none=False)
        await deleting
        for task, file_ids in tasks.items():
            assert await pinned(world, account, task, *file_ids) is (file_ids[0] not in result.refusals)
