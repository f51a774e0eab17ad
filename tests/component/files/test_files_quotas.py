"""How much an account may store, and begin to store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import astuple
from urllib.parse import parse_qs, urlsplit

import pytest

from darkroom.internal.system.v1 import part_pb2
from darkroom.tasks.v1 import task_pb2
from services.files import cli
from services.files.assembly import Files
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import NewUpload, UploadMode
from services.files.records import EndedTask, OwnLimits
from services.files.store import StorageStore
from services.platform.account_usage import Amount
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World

MEBIBYTE = 1024 * 1024
PICTURE = content.png(10, 10)


async def refusal(attempt: Awaitable[object]) -> dict[str, str]:
    """What an error says about the limit."""
    with pytest.raises(DarkroomError) as raised:
        await attempt
    assert raised.value.reason is ErrorReason.QUOTA_EXCEEDED, raised.value
    named = {name: raised.value.metadata[name] for name in ("limit", "used", "allowed", "added")}
    assert named["used"] in raised.value.message and named["allowed"] in raised.value.message
    return named


def told(limit: str, used: int, allowed: int, added: int) -> dict[str, str]:
    return {"limit": limit, "used": str(used), "allowed": str(allowed), "added": str(added)}


async def stored(world: World, account: int) -> tuple[int, ...]:
    """Bytes, files, uploads, uploads in parts; compared with the rows."""
    counted, _ = await StorageStore(Database(world.engine)).totals(account)
    rows = [row for row in await world.rows() if row["account_id"] == account and row["visible"] and row["state"] != "deleting"]
    unfinished = [row for row in rows if row["state"] != "ready"]
    parted = [row for row in unfinished if row["upload_id"]]
    sizes = [max(row["size_bytes"], row["arriving_bytes"] if row in unfinished else 0) for row in rows]
    assert astuple(counted) == (sum(sizes), len(rows), len(unfinished), len(parted))
    return astuple(counted)


async def many(files: Files, account: int, count: int, size: int = 0) -> object:
    return await files.uploads.create(account, [NewUpload(f"{index}.png", size) for index in range(count)])


async def test_what_is_stored_is_counted_at_every_turn(world: World) -> None:
    account, task = world.account(), world.task()
    assert await stored(world, account) == (0, 0, 0, 0)
    simple = await world.create(account, "photo.png", 1000)
    parted = await world.create(account, "large.png", 12 * MEBIBYTE, UploadMode.MULTIPART)
    assert await stored(world, account) == (1000 + 12 * MEBIBYTE, 2, 2, 1)
    await world.put(simple.url, PICTURE)
    await world.files.uploads.complete(account, simple.file.id, [])
    assert await stored(world, account) == (len(PICTURE) + 12 * MEBIBYTE, 2, 1, 1)
    await world.files.unfinished_uploads.abort(account, parted.file.id)
    assert await stored(world, account) == (len(PICTURE), 1, 0, 0)
    shown, _hidden = await output(world, account, task), await output(world, account, task)
    assert await stored(world, account) == (len(PICTURE), 1, 0, 0)
    await world.files.task_files.settle([EndedTask(task, (shown,))])
    assert await stored(world, account) == (len(PICTURE) + len(content.png()), 2, 0, 0)
    await world.files.library.delete(account, simple.file.id)
    assert await stored(world, account) == (len(content.png()), 1, 0, 0)
    refused = await world.uploaded(account, "text.png", content.TEXT)
    with pytest.raises(DarkroomError):
        await world.files.uploads.complete(account, refused.id, [])
    assert await stored(world, account) == (len(content.png()) + len(content.TEXT), 2, 1, 0)
    world.clock.move(days=8)
    await world.sweep()
    assert await stored(world, account) == (0, 0, 0, 0)


async def test_each_limit_is_told_with_what_is_used(world: World) -> None:
    account, other = world.account(), world.account()
    strict = world.again(quota_bytes=20 * MEBIBYTE, quota_files=9, quota_uploads=5, quota_uploads_in_parts=2)
    await many(strict, account, 3, 1000)
    assert await refusal(many(strict, account, 3)) == told("uploads", 3, 5, 3)
    assert await refusal(many(strict, account, 1, 20 * MEBIBYTE)) == told("bytes", 3000, 20 * MEBIBYTE, 20 * MEBIBYTE)
    await many(strict, account, 2, 6 * MEBIBYTE)
    for _ in range(4):
        await ready_input(world, account)
    assert await refusal(many(strict, account, 1)) == told("files", 9, 9, 1)
    assert await refusal(many(strict, other, 3, 6 * MEBIBYTE)) == told("uploads_in_parts", 0, 2, 3)
    assert await stored(world, other) == (0, 0, 0, 0)
    assert len(await world.objects.uploads("files/")) == 2


async def test_what_is_used_is_told_by_the_names_of_the_limits(world: World) -> None:
    account = world.account()
    await many(world.files, account, 2, 1000)
    await StorageStore(Database(world.engine)).set_limits(account, OwnLimits(size_bytes=5000))
    by_settings = world.settings
    assert (await world.files.quotas.usage(account)).amounts == {
        "bytes": Amount(2000, 5000),
        "files": Amount(2, by_settings.quota_files),
        "uploads": Amount(2, by_settings.quota_uploads),
        "uploads_in_parts": Amount(0, by_settings.quota_uploads_in_parts),
    }


async def test_concurrent_calls_do_not_pass_a_limit_together(world: World) -> None:
    account = world.account()
    replicas = [world.again(quota_uploads=10, quota_uploads_in_parts=4) for _ in range(2)]
    calls = [many(replica, account, 2) for replica in replicas for _ in range(8)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, list) for each in done) == 5
    assert {each.reason for each in done if isinstance(each, DarkroomError)} == {ErrorReason.QUOTA_EXCEEDED}
    assert (await stored(world, account))[2] == 10

    other = world.account()
    calls = [many(replica, other, 1, 6 * MEBIBYTE) for replica in replicas for _ in range(8)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, list) for each in done) == 4
    assert await stored(world, other) == (24 * MEBIBYTE, 4, 4, 4)
    # What was begun in storage for calls that were refused is not left there.
    assert len(await world.objects.uploads("files/")) == 4


@pytest.mark.thorough
async def test_500_large_files_cannot_be_begun_twice(world: World) -> None:
    account, other = world.account(), world.account()
    generous = world.again(quota_bytes=10**13)
    assert await refusal(many(world.files, account, 500, 2048 * MEBIBYTE)) == told(
        "bytes", 0, world.settings.quota_bytes, 500 * 2048 * MEBIBYTE
    )
    await many(generous, account, 500, 6 * MEBIBYTE)
    assert await refusal(many(generous, account, 500, 6 * MEBIBYTE)) == told("uploads_in_parts", 500, 500, 500)
    await many(world.files, other, 500, 6 * MEBIBYTE)
    # Abandoned uploads free what they held.
    world.clock.move(hours=4)
    await world.sweep()
    assert await stored(world, account) == await stored(world, other) == (0, 0, 0, 0)
    assert await world.objects.uploads("files/") == []


async def test_what_arrives_counts_with_its_real_size(world: World) -> None:
    account = world.account()
    small = world.again(quota_bytes=3 * len(PICTURE))
    within, beyond = [(await small.uploads.create(account, [NewUpload("photo.png")]))[0] for _ in range(2)]
    await world.put(within.url, PICTURE)
    assert (await small.uploads.complete(account, within.file.id, [])).size_bytes == len(PICTURE)
    large = content.png(padding=3 * len(PICTURE))
    await world.put(beyond.url, large)
    assert await refusal(small.uploads.complete(account, beyond.file.id, [])) == told("bytes", len(PICTURE), 3 * len(PICTURE), len(large))
    assert await world.keys() == [(await world.row(within.file.id))["object_key"]]
    assert (await world.row(beyond.file.id))["state"] == "pending"
    await world.put(beyond.url, PICTURE)
    await small.uploads.complete(account, beyond.file.id, [])
    assert (await stored(world, account))[:2] == (2 * len(PICTURE), 2)


async def test_first_uses_at_once_do_not_pass_the_limit_together(world: World) -> None:
    account = world.account()
    replicas = [world.again(quota_bytes=3 * len(PICTURE)) for _ in range(3)]
    files = [await world.uploaded(account, "photo.png", PICTURE, declare=False) for _ in range(9)]
    uses = [replica.uploads.complete(account, file.id, []) for file, replica in zip(files, replicas * 3, strict=True)]
    done = await asyncio.gather(*uses, return_exceptions=True)
    assert {each.reason for each in done if isinstance(each, DarkroomError)} == {ErrorReason.QUOTA_EXCEEDED}
    accepted = [each for each in done if not isinstance(each, BaseException)]
    assert len(accepted) == 3
    assert (await stored(world, account))[0] == 3 * len(PICTURE)
    assert set(await world.keys()) == {file.object_key for file in accepted}


async def test_urls_take_what_the_account_has_left(world: World) -> None:
    account, small = world.account(), world.again(quota_bytes=40 * MEBIBYTE, max_file_bytes=30 * MEBIBYTE)
    [single] = await small.uploads.create(account, [NewUpload("photo.png")])
    assert most(single) == [30 * MEBIBYTE]
    [parted] = await small.uploads.create(account, [NewUpload("large.png", 12 * MEBIBYTE)])
    assert most(parted) == [10 * MEBIBYTE] * 3
    [single] = await small.uploads.create(account, [NewUpload("photo.png", 4 * MEBIBYTE)])
    assert most(single) == [28 * MEBIBYTE]
    [parted] = await small.uploads.create(account, [NewUpload("large.png", 24 * MEBIBYTE)])
    assert most(parted) == [5 * MEBIBYTE] * 5
    assert most((await small.unfinished_uploads.resume(account, single.file.id)).upload) == [4 * MEBIBYTE]


def most(created: CreatedUpload) -> list[int]:
    """How many bytes each of its URLs takes."""
    urls = created.part_urls or (created.url,)
    return [int(parse_qs(urlsplit(url).query)["x-darkroom-max-bytes"][0]) for url in urls if url]


async def test_what_has_arrived_beyond_the_limit_is_not_kept(world: World) -> None:
    account, other = world.account(), world.account()
    small = world.again(quota_bytes=4 * len(PICTURE) + 100)
    uploads = [NewUpload("announced.png", len(PICTURE)), NewUpload("little.png"), NewUpload("large.png", 100), NewUpload("none.png")]
    announced, little, large, _none = await small.uploads.create(account, uploads)
    theirs = await world.uploaded(other, "photo.png", PICTURE, declare=False)
    for created, data in ((announced, PICTURE), (little, PICTURE), (large, content.png(padding=10 * len(PICTURE)))):
        await world.put(created.url, data)
    await small.reconciler.sweep_uploads()
    assert set(await world.keys()) == {announced.file.object_key, little.file.object_key, theirs.object_key}
    with pytest.raises(DarkroomError) as raised:
        await small.uploads.complete(account, large.file.id, [])
    assert raised.value.reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    await small.uploads.complete(account, little.file.id, [])
    assert (await stored(world, account))[0] == 2 * len(PICTURE) + 100


async def test_an_account_has_limits_of_its_own(world: World) -> None:
    account, other = world.account(), world.account()

    async def quota(*options: str) -> dict[str, object]:
        return await cli.quota(cli.parser().parse_args(["quota", "--account", str(account), *options]), world.settings)

    nothing = {"bytes": None, "files": None, "uploads": None, "uploads_in_parts": None}
    assert (await quota())["limits"] == nothing
    assert (await quota("--uploads", "2", "--bytes", "10"))["limits"] == {**nothing, "uploads": 2, "bytes": 10}
    await many(world.files, account, 2)
    assert await refusal(many(world.files, account, 1)) == told("uploads", 2, 2, 1)
    assert await refusal(many(world.files, account, 1, 11)) == told("bytes", 0, 10, 11)
    await many(world.files, other, 3)
    assert await quota("--uploads", "default") == {
        "account_id": str(account),
        "stored": {"bytes": 0, "files": 2, "uploads": 2, "uploads_in_parts": 0},
        "limits": {**nothing, "bytes": 10},
    }
    await many(world.files, account, 1)


async def test_files_of_many_accounts_are_counted_without_deadlocks(world: World) -> None:
    accounts = [world.account() for _ in range(6)]
    tasks = {(account, turn): world.task() for account in accounts for turn in range(4)}
    won = {task: await output(world, account, task) for (account, _), task in tasks.items()}
    # A sweeper that comes before the event of a task asks how the task ended.
    for task, file_id in won.items():
        world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, file_id)
    inputs = {account: await ready_input(world, account) for account in accounts}
    world.clock.move(days=2)
    # Half of them in the reverse order of accounts.
    turns = [[tasks[account, turn] for account in accounts[:: 1 - 2 * (turn % 2)]] for turn in range(4)]
    orders = [[EndedTask(task, (won[task],)) for task in turn] for turn in turns]
    await asyncio.gather(
        *(world.files.task_files.settle(order) for order in orders),
        *(replica.sweeper.sweep_files() for replica in (world.files, world.again())),
        *(many(world.files, account, 3) for account in accounts),
    )
    await world.sweep()
    for account in accounts:
        assert await stored(world, account) == (4 * len(content.png()), 7, 3, 0)
        assert await world.row(inputs[account].id) is None


async def test_what_all_accounts_store_together(world: World) -> None:
    for size in (100, 20):
        await many(world.files, world.account(), 2, size)
    part = part_pb2.Part()
    await world.files.quotas.tell(part)
    assert (part.stored.size_bytes, part.stored.files) == (240, 4)
