"""What the sweeper removes, with the time moved forward."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from darkroom.tasks.v1 import task_pb2
from services.files.domain.sweeping import Sweeper
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.records import EndedTask, FileState
from services.files.store import FileStore, SweepStore
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.test_files_tasks import not_found, output, ready_input
from tests.component.files.world import World

MEBIBYTE = 1024 * 1024


async def test_a_temporary_file_expires_a_day_after_its_upload(world: World) -> None:
    account = world.account()
    file = await ready_input(world, account)
    world.clock.move(hours=23)
    await world.sweep()
    assert not await not_found(world, account, file.id)
    world.clock.move(hours=2)
    # Gone for its account before the sweeper comes.
    assert await not_found(world, account, file.id)
    assert (await world.files.library.page(account, 0, "")).files == []
    await world.sweep()
    assert await world.rows() == [] and await world.keys() == []


async def test_a_permanent_file_does_not_expire(world: World) -> None:
    account = world.account()
    [created] = await world.files.uploads.create(account, [NewUpload("keep.png")], permanent=True)
    await world.put(created.url, content.png())
    await world.files.uploads.complete(account, created.file.id, [])
    upload, other = [await ready_input(world, owner) for owner in (account, world.account())]
    await world.files.task_files.keep(account, [upload.id, other.id])
    world.clock.move(days=4000)
    await world.sweep()
    for file_id in (created.file.id, upload.id):
        assert (await world.files.library.get(account, file_id)).expires_at is None
    assert await not_found(world, other.account_id, other.id)


async def test_an_output_expires_a_week_after_its_task(world: World) -> None:
    account, task = world.account(), world.task()
    file_id = await output(world, account, task)
    await world.files.task_files.settle([EndedTask(task, (file_id,))])
    world.clock.move(days=6)
    await world.sweep()
    assert not await not_found(world, account, file_id)
    world.clock.move(days=2)
    await world.sweep()
    assert await world.rows() == []


async def test_a_pinned_file_is_not_swept_until_its_task_has_ended(world: World) -> None:
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    world.tasks.put(task, task_pb2.TASK_STATE_QUEUED)
    world.clock.move(days=3)
    await world.sweep()
    await world.files.sweeper.sweep_pins()
    assert len(await world.keys()) == 1
    assert await world.files.task_files.open_inputs(account, task, [file.id])
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == [] and await world.keys() == []


async def test_a_pin_that_commits_while_the_sweeper_waits_for_the_row_wins(world: World) -> None:
    file = await ready_input(world, world.account())
    world.clock.move(days=2)
    now = world.clock()
    store = SweepStore(Database(world.engine))
    assert [row.id for row in await store.claim_due(now, now + timedelta(minutes=10), 10)] == [file.id]
    async with world.engine.begin() as pinning:
        await pinning.execute(text("UPDATE file SET pins = pins + 1"))
        expiring = asyncio.create_task(store.expire([file.id], now))
        async with asyncio.timeout(30), world.engine.connect() as watching:
            while not (await watching.execute(text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))).first():
                await asyncio.sleep(0.01)
                await watching.rollback()
    assert await expiring == []
    assert (await world.row(file.id))["state"] == "ready"


async def test_an_upload_that_never_arrived_is_dropped_with_its_parts(world: World) -> None:
    account = world.account()
    simple = await world.create(account, "never.png")
    multipart = await world.create(account, "half.png", 12 * MEBIBYTE, UploadMode.MULTIPART)
    await world.put(multipart.part_urls[0], bytes(10 * MEBIBYTE))
    world.clock.move(hours=2)
    await world.sweep()
    assert len(await world.rows()) == 2
    world.clock.move(hours=2)
    await world.sweep()
    assert await world.rows() == []
    assert await world.objects.uploads("files/") == []
    assert await not_found(world, account, simple.file.id)


async def test_an_upload_that_arrived_but_was_not_used_yet_is_kept_for_a_day(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "photo.png", content.png())
    world.clock.move(hours=5)
    await world.sweep()
    assert len(await world.keys()) == 1
    await world.files.task_files.pin(account, world.task(), [file.id])
    unused = await world.uploaded(account, "unused.png", content.png())
    world.clock.move(hours=30)
    await world.sweep()
    assert [row["id"] for row in await world.rows()] == [file.id]
    assert await not_found(world, account, unused.id)


async def test_what_a_dying_process_left_of_a_refusal_is_finished(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "bad.png", content.TEXT)
    assert await FileStore(Database(world.engine)).begin_clearing(file.id, world.clock() + timedelta(minutes=2))
    world.clock.move(minutes=1)
    await world.sweep()
    assert len(await world.keys()) == 1
    world.clock.move(minutes=2)
    await world.sweep()
    assert await world.keys() == []
    assert (await world.row(file.id))["state"] == "pending"


async def test_lost_events_are_made_up_for_by_asking(world: World) -> None:
    account = world.account()
    succeeded, failed, running, unknown = (world.task() for _ in range(4))
    file = await ready_input(world, account)
    for task in (succeeded, failed, running, unknown):
        await world.files.task_files.pin(account, task, [file.id])
    won, surplus = await output(world, account, succeeded, 2), await output(world, account, succeeded, 1)
    lost, open_, stray = [await output(world, account, task) for task in (failed, running, unknown)]
    world.tasks.put(succeeded, task_pb2.TASK_STATE_SUCCEEDED, won)
    world.tasks.put(failed, task_pb2.TASK_STATE_FAILED)
    world.tasks.put(running, task_pb2.TASK_STATE_RUNNING)
    world.clock.move(minutes=59)
    await world.sweep()
    await world.files.sweeper.sweep_pins()
    assert world.tasks.asked == []
    world.clock.move(minutes=2)
    await world.files.sweeper.sweep_pins()
    await world.sweep()
    assert (await world.row(file.id))["pins"] == 1
    assert {row["id"] for row in await world.rows()} == {file.id, won, open_}
    assert not await not_found(world, account, won)
    for gone in (surplus, lost, stray):
        assert await not_found(world, account, gone)
    # The open one is asked about again later, and then let go.
    world.tasks.put(running, task_pb2.TASK_STATE_CANCELLED)
    world.clock.move(minutes=11)
    await world.files.sweeper.sweep_pins()
    await world.sweep()
    assert {row["id"] for row in await world.rows()} == {file.id, won}
    assert (await world.row(file.id))["pins"] == 0


async def test_a_complete_output_that_comes_after_the_end_of_its_task_is_let_go_soon(world: World) -> None:
    account, cancelled, running = world.account(), world.task(), world.task()
    world.tasks.put(cancelled, task_pb2.TASK_STATE_CANCELLED)
    world.tasks.put(running, task_pb2.TASK_STATE_RUNNING)
    await world.files.task_files.settle([EndedTask(cancelled)])
    png = content.png()
    late, open_ = [
        created.file.id
        for task in (cancelled, running)
        for created in await world.files.task_files.create_outputs(
            account, task, 1, [NewOutput("out.png", "image/png", 40, 30, 1, content=png)]
        )
    ]
    await world.sweep()
    assert {row["id"] for row in await world.rows()} == {late, open_}
    world.clock.move(seconds=30)
    for _ in range(2):  # asked about, then removed
        await world.sweep()
    assert [row["id"] for row in await world.rows()] == [open_]
    assert len(await world.keys()) == 1
    assert (await world.files.task_files.finalize_outputs(account, running, 1, [open_]))[0].state is FileState.READY


async def test_two_sweepers_share_the_work(world: World) -> None:
    await world.files.uploads.create(world.account(), [NewUpload(f"{index}.png") for index in range(450)])
    world.clock.move(days=2)
    now = world.clock()
    lease_until = now + timedelta(minutes=10)
    store = SweepStore(Database(world.engine))
    async with world.engine.begin() as other, asyncio.timeout(30):
        locked = await other.execute(text("SELECT id FROM file ORDER BY sweep_at LIMIT 200 FOR UPDATE"))
        # Those that another sweeper is claiming are passed over, not waited for.
        first = await store.claim_due(now, lease_until, 200)
        assert len(first) == 200
        assert {row.id for row in first} & {row[0] for row in locked} == set()
    second = await store.claim_due(now, lease_until, 500)
    assert len(second) == 250
    assert await store.claim_due(now, lease_until, 500) == []
    world.clock.move(minutes=11)
    replica = world.again()
    while any(await asyncio.gather(world.files.sweeper.sweep_files(), replica.sweeper.sweep_files())):
        pass
    assert await world.rows() == []


async def test_a_sweep_that_cannot_reach_tasks_still_removes_the_rest(world: World) -> None:
    account, task = world.account(), world.task()
    await output(world, account, task)
    await ready_input(world, account)
    world.clock.move(days=2)
    world.tasks.fail = True
    with pytest.raises(DarkroomError):
        await world.files.sweeper.sweep_files()
    assert [row["origin"] for row in await world.rows()] == ["task"]


async def test_two_sweepers_at_once_settle_pins_and_outputs_once(world: World) -> None:
    account, replica = world.account(), world.again()
    tasks = [world.task() for _ in range(12)]
    file = await ready_input(world, account)
    won = {}
    for index, task in enumerate(tasks):
        await world.files.task_files.pin(account, task, [file.id])
        won[task] = await output(world, account, task)
        await output(world, account, task, 2)
        world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED if index % 2 else task_pb2.TASK_STATE_RUNNING, won[task])
    world.clock.move(hours=2)
    sweepers = (world.files.sweeper, replica.sweeper, world.again().sweeper)
    while any(await asyncio.gather(*(each.sweep_pins() for each in sweepers), *(each.sweep_files() for each in sweepers))):
        pass
    await world.sweep()
    ended = tasks[1::2]
    assert (await world.row(file.id))["pins"] == len(tasks) - len(ended)
    rows = {row["id"]: row["visible"] for row in await world.rows() if row["id"] != file.id}
    assert {file_id for file_id, visible in rows.items() if visible} == {won[task] for task in ended}
    # The outputs of the tasks that go on are left alone.
    assert sum(not visible for visible in rows.values()) == 2 * (len(tasks) - len(ended))
    assert len(await world.keys()) == len(await world.rows())


async def test_sweepers_pins_and_deletions_at_once_never_take_a_file_from_an_open_task(world: World) -> None:
    account = world.account()
    files = [await ready_input(world, account) for _ in range(12)]
    tasks = {file.id: world.task() for file in files}
    sweepers = (world.files.sweeper, world.again().sweeper)

    async def pin(file_id: int) -> int | None:
        try:
            await world.files.task_files.pin(account, tasks[file_id], [file_id])
        except DarkroomError as error:
            assert error.reason is ErrorReason.FILE_NOT_FOUND
            return None
        return file_id

    async def sweep(sweeper: Sweeper) -> None:
        for _ in range(5):
            await sweeper.sweep_files()

    pinned, _, _ = await asyncio.gather(
        asyncio.gather(*(pin(file.id) for file in files)),
        asyncio.gather(*(world.files.library.delete(account, file.id) for file in files[::2])),
        asyncio.gather(*(sweep(sweeper) for sweeper in sweepers)),
    )
    await world.sweep()
    kept = {file_id for file_id in pinned if file_id is not None}
    assert kept >= {file.id for file in files[1::2]}
    assert {row["id"] for row in await world.rows()} == kept
    for file_id in kept:
        [opened] = await world.files.task_files.open_inputs(account, tasks[file_id], [file_id])
        assert (await world.http.get(opened.url)).content == content.png()
    await world.files.task_files.settle([EndedTask(task) for task in tasks.values()])
    await world.sweep()
    assert {row["object_key"] for row in await world.rows()} == set(await world.keys()) == {file.object_key for file in files[1::2]}
