"""How long files of single accounts are kept, set by the operator."""

from __future__ import annotations

from datetime import timedelta

from services.files import cli
from services.files.records import EndedTask, File
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World


async def retention(world: World, account: int, *options: str) -> dict[str, str | float | None]:
    """What the operator's command shows."""
    return await cli.retention(cli.parser().parse_args(["retention", "--account", str(account), *options]), world.settings)


async def shown_output(world: World, account: int) -> File:
    """An output of a task that has just succeeded."""
    task = world.task()
    file_id = await output(world, account, task)
    await world.files.task_files.settle([EndedTask(task, (file_id,))])
    return await world.files.library.get(account, file_id)


def life(world: World, file: File) -> timedelta:
    """How long the file is still kept, to the hour."""
    assert file.expires_at is not None
    return timedelta(hours=round((file.expires_at - world.clock()) / timedelta(hours=1)))


async def test_an_account_has_its_files_kept_as_the_operator_says(world: World) -> None:
    account, other = world.account(), world.account()
    before = await ready_input(world, account)
    default = {"account_id": str(account), "temporary_days": None, "output_days": None}
    assert await retention(world, account) == default
    assert await retention(world, account, "--output-days", "30") == {**default, "output_days": 30}
    assert await retention(world, account, "--temporary-days", "0.5") == {**default, "temporary_days": 0.5, "output_days": 30}
    assert life(world, await ready_input(world, account)) == timedelta(hours=12)
    assert life(world, await shown_output(world, account)) == timedelta(days=30)
    # What was promised before, and to others, stays.
    assert life(world, await world.files.library.get(account, before.id)) == timedelta(days=1)
    assert life(world, await ready_input(world, other)) == timedelta(days=1)
    assert life(world, await shown_output(world, other)) == timedelta(days=7)
    # An upload whose first use is late.
    late = await world.uploaded(account, "late.png", b"not looked at yet")
    world.clock.move(hours=5)
    await world.sweep()
    assert life(world, await world.files.library.get(account, late.id)) == timedelta(hours=7)
    assert await retention(world, account, "--output-days", "default", "--temporary-days", "default") == default
    assert life(world, await shown_output(world, account)) == timedelta(days=7)
