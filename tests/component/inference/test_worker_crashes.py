"""A worker dies, by SIGKILL, with a task that it was given."""

from __future__ import annotations

from services.inference.worker.attempt import AttemptRunner
from tests.component.inference.conftest import World
from tests.component.inference.test_worker_life import SHORT
from tests.dying import Point, dying


async def killed_worker(world: World, point: Point) -> None:
    """A worker in a process of its own, until it is dead and its streams are gone."""
    settings = world.settings(internal_listen=f"unix:{world.folder}/dying").model_dump(exclude_none=True)
    async with dying("inference", settings, point, world.folder / "dying.log") as process:
        await process.died()
    await world.tasks.until(lambda: not world.tasks.workers)


async def test_what_a_dead_worker_was_given_is_nobodys_until_its_lease_ends(world: World) -> None:
    task = await world.submit([SHORT])
    await killed_worker(world, Point(AttemptRunner, "run", before=True))
    assert len(task.starts) == 1
    async with world.worker():
        after = await world.submit([SHORT])
        await world.finished(after)
    # Another worker's slots are others: from here on the lease alone decides.
    assert not task.reported
