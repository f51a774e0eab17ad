"""Pictures that were made for URLs: how long they are kept, and which of them make room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.files.records import File, FileState
from services.files.store import PictureStore
from services.platform.database import Database
from tests.component.files.test_files_tasks import ready_input
from tests.component.files.world import World

LIFE, SOURCE_LIFE = timedelta(days=30), timedelta(days=1)


@pytest.fixture
def pictures(world: World) -> PictureStore:
    return PictureStore(Database(world.engine))


async def test_a_picture_stays_while_it_is_asked_for(world: World, pictures: PictureStore) -> None:
    account = world.account()
    source, file = await ready_input(world, account), await ready_input(world, account)
    await pictures.keep(account, b"one", file.id, source.id, world.clock(), LIFE)
    for days in (20, 20, 20):
        # The source outlives its own day.
        await keep_forever(world, source)
        world.clock.move(days=days)
        found = await pictures.open(account, b"one", world.clock(), LIFE, SOURCE_LIFE)
        assert found is not None
        assert found.file.id == file.id
    assert await pictures.open(account, b"two", world.clock(), LIFE, SOURCE_LIFE) is None
    assert await pictures.open(world.account(), b"one", world.clock(), LIFE, SOURCE_LIFE) is None
    world.clock.move(days=31)
    await world.sweep()
    assert await world.row(file.id) is None
    assert await pictures.open(account, b"one", world.clock(), LIFE, SOURCE_LIFE) is None


async def test_what_was_fetched_is_made_again_after_a_day(world: World, pictures: PictureStore) -> None:
    account = world.account()
    for _ in range(2):
        file = await ready_input(world, account)
        await pictures.keep(account, b"one", file.id, None, world.clock(), LIFE)
        found = await pictures.open(account, b"one", world.clock(), LIFE, SOURCE_LIFE)
        assert found is not None
        assert found.file.id == file.id
        world.clock.move(hours=25)
        assert await pictures.open(account, b"one", world.clock(), LIFE, SOURCE_LIFE) is None


async def test_the_least_recently_used_make_room_and_those_without_a_source_go(world: World, pictures: PictureStore) -> None:
    account, other = world.account(), world.account()
    source = await ready_input(world, account)
    files = [await ready_input(world, account) for _ in range(4)]
    foreign = await ready_input(world, other)
    for index, file in enumerate(files):
        await pictures.keep(account, bytes([index]), file.id, source.id if index == 3 else None, world.clock(), LIFE)
        world.clock.move(minutes=1)
    await pictures.keep(other, b"one", foreign.id, None, world.clock(), LIFE)
    world.clock.move(hours=2)
    await pictures.open(account, bytes([0]), world.clock(), LIFE, SOURCE_LIFE)
    size = files[0].size_bytes
    # Three fit: the one that was used longest ago goes, and not the one that was made first.
    assert await pictures.evict(3 * size, world.clock(), 100) == 1
    assert [await state(world, file) for file in files] == ["ready", "deleting", "ready", "ready"]
    await world.files.library.delete(account, source.id)
    assert await pictures.evict(3 * size, world.clock(), 100) == 1
    assert [await state(world, file) for file in files] == ["ready", "deleting", "ready", "deleting"]
    assert await pictures.evict(3 * size, world.clock(), 100) == 0
    assert await state(world, foreign) == "ready"


async def keep_forever(world: World, file: File) -> None:
    await world.files.task_files.keep(file.account_id, [file.id])


async def state(world: World, file: File) -> str:
    return str(FileState((await world.row(file.id))["state"]))
