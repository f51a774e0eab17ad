"""How old files of an API may get, as its people have set it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.files.domain.new_versions import NewVersion
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import NewUpload
from services.files.records import BundledFile, EndedTask, RetentionTerms, Viewer
from services.files.store import AgeStore
from services.files.store.retention import RetentionStore
from services.platform.database import Database
from tests.component.files import content
from tests.component.files.test_files_tasks import not_found
from tests.component.files.world import World

API, PICTURE = "tools", content.png()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def upload(world: World, account: int, surface: str = API) -> int:
    begun = await world.files.streamed_files.begin(account, "photo.png", PICTURE, len(PICTURE), PICTURE, surface)
    return begun.file_id


async def result(world: World, account: int, surface: str = API) -> int:
    """An output of a task that has succeeded."""
    task = world.task()
    new = NewOutput("out.png", "image/png", content=PICTURE)
    [created] = await world.files.task_files.create_outputs(account, task, 1, [new], surface)
    await world.files.task_files.settle([EndedTask(task, (created.file.id,))])
    return created.file.id


async def limit(world: World, account: int, age: timedelta | None, surface: str = API) -> None:
    """Set an age, and let it act."""
    await world.files.ages.set(account, surface, age)
    while await world.files.ages.redate():
        pass


async def life(world: World, file_id: int) -> timedelta | None:
    """How long a file is kept after it was made, to the second; None: forever."""
    row = await world.row(file_id)
    assert row["sweep_at"] == row["expires_at"]
    return timedelta(seconds=round((row["expires_at"] - row["created_at"]).total_seconds())) if row["expires_at"] else None


async def lives(world: World, *file_ids: int) -> list[timedelta | None]:
    return [await life(world, file_id) for file_id in file_ids]


async def test_it_counts_for_files_that_exist_and_for_later_ones(world: World) -> None:
    account = world.account()
    before = await upload(world, account), await result(world, account)
    await limit(world, account, 5 * HOUR)
    after = await upload(world, account), await result(world, account)
    assert await lives(world, *before, *after) == [5 * HOUR] * 4
    await limit(world, account, 30 * DAY)
    assert await lives(world, *before, *after) == [30 * DAY] * 4
    await limit(world, account, None)
    assert await lives(world, *before, *after) == [DAY, 7 * DAY] * 2
    assert await lives(world, await upload(world, account), await result(world, account)) == [DAY, 7 * DAY]


async def test_what_is_too_old_is_gone_at_once_and_removed(world: World) -> None:
    account = world.account()
    files = await upload(world, account), await result(world, account)
    world.clock.move(hours=2)
    young = await upload(world, account)
    await limit(world, account, HOUR)
    assert [await not_found(world, account, file_id) for file_id in (*files, young)] == [True, True, False]
    await world.sweep()
    assert [row["id"] for row in await world.rows()] == [young]
    assert len(await world.keys()) == 1


async def test_other_files_stay_as_they_are(world: World) -> None:
    account, other = world.account(), world.account()
    files = [
        await upload(world, account, ""),
        await result(world, account, ""),
        await upload(world, account, "another"),
        await result(world, account, "another"),
        await upload(world, other),
        await result(world, other),
    ]
    [permanent] = await world.files.uploads.create(account, [NewUpload("keep.png", len(PICTURE), surface=API)], permanent=True)
    await world.put(permanent.url, PICTURE)
    await world.files.uploads.complete(account, permanent.file.id, [])
    await world.files.uploads.create(account, [NewUpload("on-its-way.png", surface=API)])
    kept, shown = await upload(world, account), await result(world, account)
    versions = await world.files.shelf.add(
        Viewer(account, "ann", sees_all=False), [NewVersion(kept, "", "", ""), NewVersion(shown, "", "", "")]
    )
    [unfinished] = [row for row in await world.rows() if row["state"] == "pending"]
    before = await lives(world, *files)
    await limit(world, account, HOUR)
    assert await lives(world, *files) == before
    assert await lives(world, permanent.file.id, *(version.file.id for version in versions)) == [None] * 3
    assert (await world.row(unfinished["id"]))["expires_at"] == unfinished["expires_at"]


@pytest.mark.parametrize(
    ("age", "upload_life", "result_life"), [(HOUR, HOUR, HOUR), (9 * HOUR, 3 * HOUR, 9 * HOUR), (9 * DAY, 3 * HOUR, 2 * DAY)]
)
async def test_the_operator_s_terms_are_a_limit(world: World, age: timedelta, upload_life: timedelta, result_life: timedelta) -> None:
    account = world.account()
    await RetentionStore(Database(world.engine)).set_terms(account, RetentionTerms(temporary=3 * HOUR, output=2 * DAY))
    before = await upload(world, account), await result(world, account)
    await limit(world, account, age)
    after = await upload(world, account), await result(world, account)
    assert await lives(world, *before, *after) == [upload_life, result_life] * 2
    await limit(world, account, None)
    assert await lives(world, *before, *after) == [3 * HOUR, 2 * DAY] * 2


async def test_an_upload_that_is_used_late_has_its_age_all_the_same(world: World) -> None:
    account = world.account()
    await limit(world, account, 9 * HOUR)
    [created] = await world.files.uploads.create(account, [NewUpload("late.png", len(PICTURE), surface=API)])
    await world.put(created.url, PICTURE)
    world.clock.move(hours=5)
    await world.sweep()
    assert await life(world, created.file.id) == 9 * HOUR
    await world.files.uploads.complete(account, created.file.id, [])
    assert await life(world, created.file.id) == 9 * HOUR


async def test_what_an_open_task_needs_stays_until_its_end(world: World) -> None:
    account, task = world.account(), world.task()
    file_id = await upload(world, account)
    await world.files.task_files.pin(account, task, [file_id])
    world.clock.move(hours=2)
    await limit(world, account, HOUR)
    await world.sweep()
    assert [opened.file.id for opened in await world.files.task_files.open_inputs(account, task, [file_id])] == [file_id]
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == []


async def test_the_same_age_again_changes_nothing(world: World) -> None:
    account = world.account()
    store = AgeStore(Database(world.engine))
    assert await store.set(account, API, None) is False
    assert [await store.set(account, API, HOUR) for _ in range(2)] == [True, False]
    await limit(world, account, HOUR)
    assert await world.files.ages.redate() is False


async def test_many_files_are_dated_page_by_page(world: World) -> None:
    account, store = world.account(), AgeStore(Database(world.engine))
    files = [await upload(world, account, API if number % 2 else "") for number in range(7)]
    await store.set(account, API, HOUR)
    pages = 0
    while await store.redate(7 * DAY, DAY, 2):
        pages += 1
        if pages == 2:
            # The next page begins anew.
            await store.set(account, API, 2 * HOUR)
    assert await lives(world, *files) == [DAY, 2 * HOUR, DAY, 2 * HOUR, DAY, 2 * HOUR, DAY]


async def test_a_bundle_lasts_as_long_as_its_files(world: World) -> None:
    account, bundles = world.account(), world.files.bundles
    await limit(world, account, 3 * DAY)
    bundle = await bundles.make(account, [BundledFile(await upload(world, account), "a.png")])

    async def there() -> bool:
        return await bundles.download(account, bundle, "a.png", "image/png") is not None

    async def recorded() -> int:
        async with world.engine.connect() as connection:
            return int((await connection.exec_driver_sql("SELECT count(*) FROM bundle")).scalar_one())

    world.clock.move(days=2)
    await bundles.sweep()
    assert await there()
    world.clock.move(days=1, minutes=1)
    assert not await there()
    await bundles.sweep()
    assert await recorded() == 0
