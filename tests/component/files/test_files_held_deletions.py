"""Objects stay while a backup copies them."""

from __future__ import annotations

import pytest

from deploy.admin.backup.moment import deletions_held
from services.files.store import deletions
from services.platform.database import Database
from services.platform.database_address import DatabaseAddress
from tests.component.files.test_files_tasks import ready_input
from tests.component.files.world import World


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "KNOWN_SECONDS", 0.0)


async def test_what_is_deleted_meanwhile_goes_afterwards(world: World) -> None:
    account = world.account()
    file = await ready_input(world, account)
    async with deletions_held(DatabaseAddress.parse(world.settings.database_url)):
        await world.files.library.delete(account, file.id)
        await world.sweep()
        assert [row["state"] for row in await world.rows()] == ["deleting"]
        assert await world.keys() == [file.object_key]
        # What was sent to the URL of an upload that is accepted now is left where it is.
        other = await ready_input(world, account)
        assert len([key for key in await world.keys() if key != file.object_key]) == 2
    world.clock.move(minutes=11)
    await world.sweep()
    await world.files.reconciler.sweep_uploads()
    assert await world.keys() == [other.object_key]


async def test_a_backup_waits_for_what_relies_on_its_absence(world: World) -> None:
    """The lock is what says that deletions wait: any other session that holds it is taken for a backup."""
    held = Database(world.engine)
    async with deletions_held(DatabaseAddress.parse(world.settings.database_url)):
        assert not await deletions.Deletions(held).allowed()
    assert await deletions.Deletions(held).allowed()
