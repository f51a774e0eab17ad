"""A worker dies, by SIGKILL, between taking a hint and acknowledging it."""

from __future__ import annotations

import pytest

from services.inference.worker import lane
from services.inference.worker.client import AttemptClient
from tests.component.inference.conftest import World
from tests.component.inference.test_worker_life import SHORT
from tests.dying import Point, dying


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The survivor does not wait long for what the dead one had in its hand."""
    monkeypatch.setattr(lane, "_ACK_SECONDS", 1)


async def killed_worker(world: World, point: Point) -> None:
    """A worker in a process of its own, until it is dead."""
    settings = world.settings(internal_listen=f"unix:{world.folder}/dying").model_dump(exclude_none=True)
    async with dying("inference", settings, point, world.folder / "dying.log") as process:
        await process.died()


async def test_a_hint_that_a_worker_took_and_did_not_ask_about_goes_to_another(world: World) -> None:
    task = await world.submit([SHORT])
    await killed_worker(world, Point(AttemptClient, "start", before=True))
    assert not task.starts
    async with world.worker():
        await world.finished(task)
        await world.queue_empty("system")
    assert task.completed is not None
    assert len(task.starts) == 1


async def test_a_hint_that_was_admitted_and_not_acknowledged_is_dropped_by_the_next(world: World) -> None:
    task = await world.submit([SHORT])
    await killed_worker(world, Point(AttemptClient, "start"))
    assert len(task.starts) == 1
    async with world.worker():
        await world.tasks.until(lambda: len(task.starts) == 2)
        await world.queue_empty("system")
    # The second run was refused: from here on the lease alone decides.
    assert not task.reported
