"""Open tasks of a pool, such as those that single calls of the JSON API create, have a limit of their own."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model import Task
from services.tasks.model.records import PolicyChange
from services.tasks.store.policies import PolicyStore
from tests.component.tasks.scene import ACCOUNT, Scene


async def refused(scene: Scene) -> dict[str, str]:
    with pytest.raises(DarkroomError) as caught:
        await scene.try_or_raise(max_pooled=2)
    assert caught.value.reason is ErrorReason.TOO_MANY_TASKS
    return dict(caught.value.metadata)


async def test_only_tasks_of_the_pool_count(scene: Scene) -> None:
    for _ in range(5):
        await scene.create()
    for _ in range(2):
        await scene.create(max_pooled=2)
    assert await refused(scene) == {"max_open": "2"}
    await scene.create()


@pytest.mark.parametrize("name", ["complete", "fail", "cancel"])
async def test_an_end_makes_room_in_the_pool_and_one_outside_does_not(scene: Scene, name: str) -> None:
    end = partial(scene.fail, attempts_allowed=1) if name == "fail" else getattr(scene, name)
    outside, inside = await scene.running(), await scene.running(max_pooled=2)
    await scene.create(max_pooled=2)
    assert await end(outside)
    await refused(scene)
    assert await end(inside)
    await scene.create(max_pooled=2)
    await refused(scene)


async def test_creates_at_once_never_pass_the_limit(scene: Scene) -> None:
    made = await asyncio.gather(*(scene.create(max_pooled=2) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, Task) for one in made) == 2


async def test_an_account_s_own_limit_is_the_only_one(scene: Scene, clean_engine: AsyncEngine) -> None:
    await scene.create(max_pooled=1)
    await PolicyStore(Database(clean_engine)).change(ACCOUNT, PolicyChange(max_open=3))
    for _ in range(2):
        await scene.create(max_pooled=1)
    with pytest.raises(DarkroomError):
        await scene.try_or_raise(max_pooled=1)
