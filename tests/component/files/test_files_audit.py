"""What the files service enters into the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.files import cli
from services.files.domain.new_versions import NewVersion
from services.files.records import OwnLimits, RetentionTerms, StoredVersion, Viewer
from services.files.store import RetentionStore, StorageStore
from services.platform.audit.actor import ActorKind
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.database import Database
from services.platform.errors import DarkroomError
from services.platform.identity import Client, Identity
from tests.component.files.test_files_tasks import ready_input
from tests.component.files.world import World
from tests.harness.callers import calling
from tests.harness.refusing_log import Change, assert_none_without_an_entry


async def entries(world: World, account: int) -> list[AuditEntry]:
    """The account's entries, oldest first."""
    log = AuditLog(Database(world.engine), timedelta(days=1), world.clock)
    return (await log.page(AuditQuery(account_id=account), 100))[::-1]


async def test_who_deleted_a_file_and_who_set_its_life(world: World) -> None:
    account = world.account()
    file = await ready_input(world, account)
    with calling(Identity(account, 7, key_name="ci"), Client("203.0.113.7", "curl/8")):
        with pytest.raises(DarkroomError):
            await world.files.library.delete(account + 1, file.id)
        await world.files.library.delete(account, file.id)
        with pytest.raises(DarkroomError):
            await world.files.library.delete(account, file.id)
    for _ in range(2):
        await cli.retention(cli.parser().parse_args(["retention", "--account", str(account), "--output-days", "30"]), world.settings)
    await cli.quota(cli.parser().parse_args(["quota", "--account", str(account), "--files", "3"]), world.settings)
    deleted, kept, limited = await entries(world, account)
    assert (deleted.action, deleted.resource_id, deleted.details) == ("file.deleted", file.id, {"media_type": file.media_type})
    assert (deleted.actor.kind, deleted.actor.name, deleted.actor.address) == (ActorKind.KEY, "ci", "203.0.113.7")
    assert (kept.action, kept.resource_id, kept.details) == (
        "account.retention_set",
        account,
        {"output": "30 days", "before": "{}", "after": '{"output": "30 days"}'},
    )
    assert (limited.action, limited.resource_id, limited.details) == (
        "account.limits_set",
        account,
        {"files": "3", "before": "{}", "after": '{"files": 3}'},
    )


async def test_no_change_without_an_entry(world: World) -> None:
    account, database = world.account(), Database(world.engine)
    ann = Viewer(account, "ann", sees_all=False)
    plain, first, second = [await ready_input(world, account) for _ in range(3)]
    shelf, storage, retention = world.files.shelf, StorageStore(database), RetentionStore(database)
    versions: list[StoredVersion] = []

    async def save(*new: NewVersion) -> None:
        versions.extend(await shelf.add(ann, new))

    changes: dict[str, Change] = {
        "file.deleted": lambda: world.files.library.delete(account, plain.id),
        "library.uploaded": lambda: save(NewVersion(first.id)),
        "library.saved": lambda: save(NewVersion(second.id, "new.png", str(versions[0].entry.id), "crop")),
        "library.deleted": lambda: shelf.delete(ann, [str(versions[0].entry.id)]),
        "account.retention_set": lambda: retention.set_terms(account, RetentionTerms(output=timedelta(days=3))),
        "account.limits_set": lambda: storage.set_limits(account, OwnLimits(files=3)),
    }
    with calling(Identity(account, 7, key_name="ci"), Client("203.0.113.7", "curl/8")):
        await assert_none_without_an_entry(database, changes, lambda: _actions(world, account))


async def _actions(world: World, account: int) -> list[str]:
    return [entry.action for entry in await entries(world, account)]
