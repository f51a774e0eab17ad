"""`darkroom-admin backup` of a deployment under load, and what is restored from it: one moment of all three databases, and its objects."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import asyncpg
import pyrage
import pytest
from sqlalchemy import make_url

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_pdf_watermark_pb2
from deploy.admin.backup import restoring, verifying
from deploy.admin.backup.members import Reader
from deploy.admin.backup.places import Places
from deploy.admin.commands import main
from deploy.admin.sources import Source
from deploy.local.backup import archive
from deploy.local.errors import StackError
from edge.topology import DATABASES
from services.platform.database_address import DatabaseAddress
from tests.harness.databases import MigratedDatabases
from tests.stacks import Account, ObjectStorage, StackUnderTest

CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
SHORT = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1, step_milliseconds=1))


@pytest.fixture
def deployment(stack: StackUnderTest) -> Places:
    """The one that is backed up."""
    return Places.of(Source({service: stack.settings(service) for service in DATABASES}, "the stack"))


@pytest.fixture
def elsewhere(
    stack: StackUnderTest, deployment: Places, database: str, migrated_databases: MigratedDatabases, object_storage: ObjectStorage
) -> Iterator[Places]:
    """An empty one on the same servers. A database has its tables already, or gets them with its rows; one has another time zone."""
    stack.run(stack._execute(f"ALTER DATABASE \"{make_url(database).database}\" SET TimeZone = 'Asia/Tokyo'"))
    with migrated_databases.new("accounts") as accounts, migrated_databases.new("files") as files:
        urls = {"accounts": accounts, "files": files, "tasks": database}
        databases = {service: DatabaseAddress.parse(url) for service, url in urls.items()}
        yield Places(databases, deployment.bucket.model_copy(update={"s3_bucket": object_storage.bucket}))


async def press(client: AsyncClient, report: bytes, stop: asyncio.Event) -> None:
    """Upload, run, and delete again, until told to stop."""
    chance = random.Random(1)
    while not stop.is_set():
        file = await client.upload(report)
        task = await client.create_task([file.id], [CLEAN])
        await client.create_task([], [SHORT])
        if chance.random() < 0.5:
            await client.wait(task.id)
            await client.delete_file(file.id)


async def fetch(places: Places, service: str, query: str) -> list[asyncpg.Record]:
    url = make_url(places.databases[service].url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def assert_one_moment(places: Places) -> None:
    """What one service's rows say of another's is so, and every charge has its task."""
    known = {row["id"]: row["state"] for row in await fetch(places, "files", "SELECT id, state FROM file")}
    open_tasks = await fetch(places, "tasks", "SELECT id, input_file_ids FROM task WHERE end_time IS NULL")
    assert [task["id"] for task in open_tasks for file in task["input_file_ids"] if file not in known] == []
    accounts = {row["id"] for row in await fetch(places, "accounts", "SELECT id FROM account")}
    assert {row["account_id"] for row in await fetch(places, "tasks", "SELECT account_id FROM task")} <= accounts
    pins = {row["task_id"] for row in await fetch(places, "files", "SELECT task_id FROM pin")}
    assert {task["id"] for task in open_tasks if task["input_file_ids"]} <= pins


async def test_a_restored_deployment_is_one_moment_of_the_other(
    stack: StackUnderTest, account: Account, native: AsyncClient, deployment: Places, elsewhere: Places, report: bytes, tmp_path: Path
) -> None:
    backup, key, identity = tmp_path / "backup.tar.age", tmp_path / "key.txt", pyrage.x25519.Identity.generate()
    key.write_text(str(identity))
    kept = (await native.upload(report)).id
    done = await native.wait((await native.create_task([kept], [CLEAN])).id)
    stop = asyncio.Event()
    pressing = asyncio.create_task(press(native, report, stop))
    try:
        command = ["backup", "--stack", str(stack.dir), str(backup), "--recipient", str(identity.to_public())]
        assert await asyncio.to_thread(main, command) == 0
    finally:
        stop.set()
    await pressing
    later = await native.create_task([], [SHORT])

    with archive.reading(backup, archive.identities(key)) as content:
        await restoring.restore(elsewhere, None, Reader(content, "backup"))
    with archive.reading(backup, archive.identities(key)) as content:
        wanted = verifying.read(Reader(content, "backup"))
    assert await verifying.compare(elsewhere, wanted) == []
    assert wanted.manifest["missing_objects"] == []
    [recorded] = await fetch(deployment, "files", "SELECT moment FROM last_backup")
    assert recorded["moment"] == datetime.fromisoformat(wanted.manifest["moment"])
    await assert_one_moment(elsewhere)
    tasks = {row["id"]: row for row in await fetch(elsewhere, "tasks", f"SELECT * FROM task WHERE account_id = {account.id}")}
    assert done.id in tasks and later.id not in tasks
    with archive.reading(backup, archive.identities(key)) as content, pytest.raises(StackError, match="is not empty"):
        await restoring.restore(elsewhere, None, Reader(content, "backup"))
