"""Inputs and outputs of tasks, and what is left when a task ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from darkroom.tasks.v1 import task_pb2
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import UploadMode
from services.files.records import EndedTask, File, FileState, StoredOutput
from services.files.store import FileStore
from services.files.store.task_files import SETTLE
from services.files.transfers import Transfers
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files import content
from tests.component.files.world import World


async def ready_input(world: World, account: int) -> File:
    """An accepted upload."""
    file = await world.uploaded(account, "input.png", content.png())
    return await world.files.uploads.complete(account, file.id, [])


async def output(world: World, account: int, task: int, attempt: int = 1, *, finalize: bool = True) -> int:
    """An output that an attempt has stored."""
    [created] = await world.files.task_files.create_outputs(account, task, attempt, [NewOutput("out.png", "image/png", 40, 30, 1)])
    await world.put(created.url, content.png(), **{"content-type": "image/png"})
    if finalize:
        await world.files.task_files.finalize_outputs(account, task, attempt, [created.file.id])
    return created.file.id


async def not_found(world: World, account: int, file_id: int) -> bool:
    """Whether the account has no such file."""
    try:
        await world.files.library.get(account, file_id)
    except DarkroomError as error:
        return error.reason is ErrorReason.FILE_NOT_FOUND
    return False


async def test_workers_read_pinned_inputs_with_their_etag(world: World) -> None:
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    [opened] = await world.files.task_files.open_inputs(account, task, [file.id])
    reply = await world.http.get(opened.url)
    assert (reply.content, reply.headers["etag"]) == (content.png(), opened.file.etag)
    for wrong_account, wrong_task in ((world.account(), task), (account, world.task())):
        with pytest.raises(DarkroomError) as raised:
            await world.files.task_files.open_inputs(wrong_account, wrong_task, [file.id])
        assert raised.value.reason is ErrorReason.FILE_NOT_FOUND


async def test_pinning_and_unpinning_again_changes_nothing(world: World) -> None:
    account, task, other = world.account(), world.task(), world.task()
    file = await ready_input(world, account)
    for _ in range(3):
        await world.files.task_files.pin(account, task, [file.id])
    await world.files.task_files.pin(account, other, [file.id])
    assert (await world.row(file.id))["pins"] == 2
    for _ in range(3):
        await world.files.task_files.settle([EndedTask(task)])
    assert (await world.row(file.id))["pins"] == 1
    await world.files.task_files.settle([EndedTask(task), EndedTask(other)])
    assert (await world.row(file.id))["pins"] == 0


async def test_a_file_loses_several_pins_in_one_batch(world: World) -> None:
    account, tasks = world.account(), [world.task() for _ in range(5)]
    file = await ready_input(world, account)
    await asyncio.gather(*(world.files.task_files.pin(account, task, [file.id]) for task in tasks))
    assert (await world.row(file.id))["pins"] == 5
    await asyncio.gather(*(world.files.task_files.settle([EndedTask(task) for task in tasks]) for _ in range(3)))
    assert (await world.row(file.id))["pins"] == 0


async def test_an_output_stays_hidden_until_its_task_has_succeeded(world: World) -> None:
    account, task = world.account(), world.task()
    file_id = await output(world, account, task)
    world.tasks.put(task, task_pb2.TASK_STATE_RUNNING)
    assert await not_found(world, account, file_id)
    assert (await world.files.library.page(account, 0, "")).files == []
    await world.files.task_files.settle([EndedTask(task, (file_id,))])
    shown = await world.files.library.get(account, file_id)
    assert (shown.name, shown.media_type, shown.width, shown.size_bytes) == ("out.png", "image/png", 40, len(content.png()))
    assert shown.expires_at is not None and (shown.expires_at - world.clock()).days == 6
    [download] = await world.files.library.downloads(account, [file_id])
    reply = await world.http.get(download.url)
    assert reply.content == content.png()
    assert reply.headers["content-disposition"].startswith("attachment;")
    assert reply.headers["content-type"] == "image/png"


async def test_the_winner_is_kept_and_the_other_attempts_are_removed(world: World) -> None:
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    loser, lost = await output(world, account, task, 1), await output(world, account, task, 1, finalize=False)
    winner, surplus = await output(world, account, task, 2), await output(world, account, task, 2)
    for _ in range(2):  # events may come twice
        await world.files.task_files.settle([EndedTask(task, (winner,))])
        await world.sweep()
    assert {row["id"] for row in await world.rows()} == {file.id, winner}
    assert len(await world.keys()) == 2
    assert (await world.row(file.id))["pins"] == 0
    for gone in (loser, lost, surplus):
        assert await not_found(world, account, gone)


async def test_outputs_of_a_failed_task_are_removed(world: World) -> None:
    account, task = world.account(), world.task()
    file_id = await output(world, account, task)
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == [] and await world.keys() == []
    with pytest.raises(DarkroomError):
        await world.files.task_files.finalize_outputs(account, task, 1, [file_id])


async def test_finalizing(world: World) -> None:
    account, task = world.account(), world.task()
    [created] = await world.files.task_files.create_outputs(account, task, 1, [NewOutput("out.png", "image/png")])
    finalize = world.files.task_files.finalize_outputs
    with pytest.raises(DarkroomError) as raised:
        await finalize(account, task, 1, [created.file.id])
    assert raised.value.reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    assert (await world.http.put(created.url, content=b"x", headers={"content-type": "text/html"})).status_code == 403
    await world.put(created.url, content.png(), **{"content-type": "image/png"})
    first, second = await asyncio.gather(finalize(account, task, 1, [created.file.id]), finalize(account, task, 1, [created.file.id]))
    assert first == second and first[0].state is FileState.READY
    for wrong in ((world.account(), task, 1), (account, world.task(), 1), (account, task, 2)):
        with pytest.raises(DarkroomError) as raised:
            await finalize(*wrong, [created.file.id])
        assert raised.value.reason is ErrorReason.FILE_NOT_FOUND


async def test_the_storage_is_not_asked_about_what_it_has_answered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, task = world.account(), world.task()
    told, asked = [await output(world, account, task, finalize=False) for _ in range(2)]
    looked: list[str] = []

    async def look(self: Transfers, key: str, look: Callable[..., Awaitable[Any]] = Transfers.look) -> Any:
        looked.append(key)
        return await look(self, key)

    monkeypatch.setattr(Transfers, "look", look)
    stored = [StoredOutput(told, '"e"', 7)]
    for wrong in ((world.account(), task, 1), (account, world.task(), 1), (account, task, 2)):
        with pytest.raises(DarkroomError) as raised:
            await world.files.task_files.finalize_outputs(*wrong, [told], stored)
        assert raised.value.reason is ErrorReason.FILE_NOT_FOUND
    for _ in range(2):
        found = await world.files.task_files.finalize_outputs(account, task, 1, [asked, told], stored)
        assert [(file.id, file.state) for file in found] == [(asked, FileState.READY), (told, FileState.READY)]
        assert (found[1].etag, found[1].size_bytes, found[1].visible) == ('"e"', 7, False)
    assert looked == [(await world.row(asked))["object_key"]]
    await world.files.task_files.settle([EndedTask(task, (asked, told))])
    assert not await not_found(world, account, told)


async def test_tasks_that_end_at_once_lose_their_pins_once(world: World) -> None:
    account, tasks = world.account(), [world.task() for _ in range(3)]
    file = await ready_input(world, account)
    for task in tasks:
        await world.files.task_files.pin(account, task, [file.id])
    won, lost = [[await output(world, account, task) for task in tasks[:2]] for _ in range(2)]
    ended = [EndedTask(task, (winner,)) for task, winner in zip(tasks, won, strict=False)]
    claims = [world.files.task_files.sign_downloads(account, [winner]) for winner in won]
    await asyncio.gather(*(world.files.task_files.settle(ended) for _ in range(4)), *claims)
    assert (await world.row(file.id))["pins"] == 1
    assert [(await world.row(winner))["visible"] for winner in won] == [True, True]
    assert [(await world.row(other))["state"] for other in lost] == ["deleting", "deleting"]


async def test_downloads_that_tasks_asks_for_do_not_wait_for_the_event(world: World) -> None:
    account, task = world.account(), world.task()
    file_id = await output(world, account, task)
    expired = await ready_input(world, account)
    world.clock.move(hours=25)
    downloads = await world.files.task_files.sign_downloads(account, [expired.id, file_id, 12345])
    assert [download.file.id for download in downloads] == [file_id]
    assert (await world.http.get(downloads[0].url)).content == content.png()
    assert not await not_found(world, account, file_id)
    assert await world.files.task_files.sign_downloads(world.account(), [file_id]) == []


async def test_an_output_may_be_named_before_its_event_has_arrived(world: World) -> None:
    account, task = world.account(), world.task()
    winner, loser = await output(world, account, task, 2), await output(world, account, task, 1)
    world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, winner)
    [pinned] = await world.files.task_files.pin(account, world.task(), [winner])
    assert pinned.visible
    assert await not_found(world, account, loser)
    world.tasks.asked.clear()
    assert not await not_found(world, account, winner)
    assert world.tasks.asked == []


async def test_a_deleted_file_stays_readable_for_the_task_that_pinned_it(world: World) -> None:
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    await world.files.library.delete(account, file.id)
    await world.sweep()
    assert await not_found(world, account, file.id)
    with pytest.raises(DarkroomError):
        await world.files.library.delete(account, file.id)
    with pytest.raises(DarkroomError):
        await world.files.task_files.pin(account, world.task(), [file.id])
    [opened] = await world.files.task_files.open_inputs(account, task, [file.id])
    assert (await world.http.get(opened.url)).content == content.png()
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.rows() == [] and await world.keys() == []


async def test_deleting_an_unfinished_multipart_upload_drops_its_parts(world: World) -> None:
    account = world.account()
    created = await world.create(account, "large.png", 12 * 1024 * 1024, mode=UploadMode.MULTIPART)
    await world.put(created.part_urls[0], bytes(10 * 1024 * 1024))
    await world.files.library.delete(account, created.file.id)
    await world.sweep()
    assert await world.rows() == []
    assert await world.objects.uploads("files/") == []


async def test_pages_hold_every_visible_file_once_newest_first(world: World) -> None:
    account, task = world.account(), world.task()
    uploads = [await world.create(account, f"{index}.png") for index in range(5)]
    hidden = await output(world, account, task)
    seen, token = [], ""
    while True:
        page = await world.files.library.page(account, 2, token)
        seen += [row.id for row in page.files]
        if not (token := page.next_token):
            break
    assert seen == sorted((created.file.id for created in uploads), reverse=True)
    assert hidden not in seen
    for token in ("x", "-1", "1" * 30, "１"):
        with pytest.raises(DarkroomError) as raised:
            await world.files.library.page(account, 2, token)
        assert raised.value.field == "page_token"


async def test_downloads_accept_a_fresh_file_and_name_a_missing_one(world: World) -> None:
    account = world.account()
    file = await world.uploaded(account, "été 水印.png", content.png())
    [first, second] = await world.files.library.downloads(account, [file.id, file.id])
    assert first.file.state is FileState.READY and second.file == first.file
    reply = await world.http.get(first.url)
    assert "filename*=UTF-8''%C3%A9t%C3%A9%20%E6%B0%B4%E5%8D%B0.png" in reply.headers["content-disposition"]
    with pytest.raises(DarkroomError) as raised:
        await world.files.library.downloads(account, [file.id, 4])
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FILE_NOT_FOUND, "file_ids[1]")


async def test_a_deleted_tasks_outputs_go_and_no_other_file(world: World) -> None:
    account, task, other = world.account(), world.task(), world.task()
    shown, hidden = await output(world, account, task), await output(world, account, task)
    await world.files.task_files.settle([EndedTask(task, (shown,))])
    kept = [await output(world, account, other), (await ready_input(world, account)).id]
    used = await output(world, account, task, attempt=2)
    await world.files.task_files.sign_downloads(account, [used])
    await world.files.task_files.pin(account, other, [used])
    for caller in (world.account(), account, account):
        await world.files.task_files.delete_outputs(caller, task, [shown, hidden, used, *kept, 5])
    assert all([await not_found(world, account, file_id) for file_id in (shown, hidden, used)])
    await world.sweep()
    # An open task works on one of them.
    assert [row["id"] for row in await world.rows()] == sorted([*kept, used])
    await world.files.task_files.settle([EndedTask(other, (kept[0],))])
    await world.sweep()
    assert [row["id"] for row in await world.rows()] == sorted(kept)


async def test_what_an_attempt_keeps_is_there_for_the_next_and_goes_with_the_task(world: World) -> None:
    account, task = world.account(), world.task()
    task_files = world.files.task_files

    async def keep(attempt: int, key: str, *, finalize: bool = True) -> int:
        [created] = await task_files.create_outputs(account, task, attempt, [NewOutput("kept.png", "image/png", keep_as=key)])
        await world.put(created.url, content.png(), **{"content-type": "image/png"})
        if finalize:
            await task_files.finalize_outputs(account, task, attempt, [created.file.id])
        return created.file.id

    first, old = await keep(1, "a"), await keep(1, "b")
    newer = await keep(2, "b")
    await keep(2, "c", finalize=False)
    result = await output(world, account, task, attempt=2)
    kept = await task_files.open_kept(account, task)
    assert [(each.file.kept_as, each.file.id) for each in kept] == [("a", first), ("b", newer)]
    reply = await world.http.get(kept[0].url)
    assert (reply.content, reply.headers["etag"]) == (content.png(), kept[0].file.etag)
    assert await task_files.open_kept(world.account(), task) == []
    assert await task_files.open_kept(account, world.task()) == []
    # Even a task that names one as its output does not show it.
    await task_files.settle([EndedTask(task, (result, first))])
    assert [await not_found(world, account, file_id) for file_id in (result, first, old, newer)] == [False, True, True, True]
    assert await task_files.open_kept(account, task) == []


async def test_an_output_that_is_known_to_be_large_is_stored_in_parts(world: World) -> None:
    account, task = world.account(), world.task()
    small = world.again(part_bytes=10 << 20).task_files
    size = (10 << 20) + 5
    [created] = await small.create_outputs(account, task, 1, [NewOutput("all.zip", "application/zip", size_bytes=size)])
    assert (created.url, created.part_bytes) == ("", 10 << 20)
    first, second = await small.sign_output_parts(account, task, 1, created.file.id, [1, 2])
    await world.put(first, bytes(10 << 20))
    with pytest.raises(DarkroomError) as early:
        await small.finalize_outputs(account, task, 1, [created.file.id])
    assert early.value.reason is ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    await world.put(second, b"12345")
    for _ in range(2):
        [done] = await small.finalize_outputs(account, task, 1, [created.file.id])
        assert (done.size_bytes, done.state) == (size, FileState.READY)
    with pytest.raises(DarkroomError) as foreign:
        await small.sign_output_parts(world.account(), task, 1, created.file.id, [1])
    assert foreign.value.reason is ErrorReason.FILE_NOT_FOUND


async def test_parts_of_an_output_that_lost_are_dropped(world: World) -> None:
    account, task = world.account(), world.task()
    [created] = await world.files.task_files.create_outputs(account, task, 1, [NewOutput("all.zip", "application/zip", size_bytes=1 << 30)])
    [url] = await world.files.task_files.sign_output_parts(account, task, 1, created.file.id, [1])
    await world.put(url, bytes(10 << 20))
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.row(created.file.id) is None
    assert await world.objects.uploads("") == []


async def test_what_is_recorded_about_files_is_told_as_long_as_there_are_records(world: World) -> None:
    account, task = world.account(), world.task()
    file, other = await ready_input(world, account), await ready_input(world, world.account())
    await world.files.task_files.pin(account, task, [file.id])
    await world.files.library.delete(account, file.id)
    unclaimed = await output(world, account, task)
    pending = await world.create(account, "unsent.png")
    asked = [file.id, unclaimed, other.id, pending.file.id, 1]
    described = {each.id: each for each in await world.files.task_files.describe(account, asked)}
    assert {file_id: (each.name, each.width, each.height) for file_id, each in described.items()} == {
        file.id: ("input.png", 40, 30),
        unclaimed: ("out.png", 40, 30),
    }
    await world.files.task_files.settle([EndedTask(task)])
    await world.sweep()
    assert await world.files.task_files.describe(account, asked) == []


async def test_a_small_output_is_stored_by_the_call_that_creates_it(world: World) -> None:
    account, task, png = world.account(), world.task(), content.png()
    outputs = [NewOutput("out.png", "image/png", 40, 30, 1, content=png), NewOutput("other.png", "image/png")]
    complete, open_ = await world.files.task_files.create_outputs(account, task, 1, outputs)
    assert (complete.url, bool(open_.url)) == ("", True)
    row = await world.row(complete.file.id)
    assert (row["state"], row["visible"], row["size_bytes"], row["expires_at"]) == ("ready", False, len(png), None)
    assert row["sweep_at"] is not None
    stored = await world.objects.head(row["object_key"])
    assert stored is not None
    assert (stored.etag, stored.size_bytes) == (row["etag"], len(png))
    # A version that does not know this finalizes it nevertheless.
    [again] = await world.files.task_files.finalize_outputs(account, task, 1, [complete.file.id])
    assert again.state is FileState.READY
    # The call was repeated, and the task succeeds with what it made then.
    [repeated] = await world.files.task_files.create_outputs(account, task, 1, outputs[:1])
    await world.files.task_files.settle([EndedTask(task, (repeated.file.id,))])
    await world.sweep()
    assert [row["id"] for row in await world.rows()] == [repeated.file.id]
    assert len(await world.keys()) == 1


async def test_an_input_that_was_stored_just_now_comes_with_the_call(world: World) -> None:
    account, task, png = world.account(), world.task(), content.png()
    files = [await ready_input(world, account), await ready_input(world, account)]
    ids = [file.id for file in files]
    await world.files.task_files.pin(account, task, ids)
    first, second = await world.files.task_files.open_inputs(account, task, ids, len(png) + 1)
    assert (first.content, first.url) == (png, "")
    # There is no room for another one.
    assert second.content == b""
    assert (await world.http.get(second.url)).content == png
    with pytest.raises(DarkroomError):
        await world.files.task_files.open_inputs(account, world.task(), ids, 1 << 20)
    # Another replica does not have it.
    [elsewhere] = await world.again().task_files.open_inputs(account, task, ids[:1], 1 << 20)
    assert elsewhere.content == b""
    assert elsewhere.url


_MANY = text("""
INSERT INTO file (
  id, account_id, origin, state, visible, object_key, name, media_type, size_bytes, etag, permanent, task_id, attempt, pins, created_at
)
SELECT number, 1, 'task', 'ready', true, 'key ' || number, 'a.png', 'image/png', 1, 'tag', true, number, 1, 0, now()
FROM generate_series(1, 3000) AS number
""")


async def test_the_end_of_a_task_reads_the_files_of_that_task_alone(world: World) -> None:
    values = {"task_ids": [5000], "winners": [5000], "now": world.clock(), "life": timedelta(days=1)}
    async with world.engine.connect() as connection:
        await connection.execute(_MANY)
        await connection.execute(text("ANALYZE file"))
        plan = (await connection.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + SETTLE.text), values)).scalar_one()
        await connection.rollback()
    assert _rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]) < 10


def _rows_read(plan: Any) -> int:
    """Rows of `file` that scans have read, those included that they have dropped."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if plan.get("Relation Name") == "file" else 0
    return round(own * plan["Actual Loops"]) + sum(map(_rows_read, plan.get("Plans", [])))


async def test_the_id_of_an_output_comes_with_the_inputs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, task, asked = world.account(), world.task(), list[int]()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    new_ids = FileStore.new_ids

    async def counted(store: FileStore, count: int) -> list[int]:
        asked.append(count)
        return await new_ids(store, count)

    monkeypatch.setattr(FileStore, "new_ids", counted)
    await world.files.task_files.open_inputs(account, task, [file.id])
    made = [await output(world, account, task)]
    assert asked == []
    # Each id is for one file.
    made += [await output(world, account, task), await output(world, account, world.task())]
    assert asked == [1, 1]
    assert made == sorted(set(made))
    # One that is kept for later attempts is newer than the one before.
    await world.files.task_files.open_inputs(account, task, [file.id])
    await world.files.task_files.create_outputs(account, task, 1, [NewOutput("kept", "image/png", keep_as="kept")])
    assert asked == [1, 1, 1]
    # An id does not wait for long.
    await world.files.task_files.open_inputs(account, task, [file.id])
    monkeypatch.setattr("services.files.domain.output_ids._SECONDS", 0)
    await output(world, account, task)
    assert asked == [1, 1, 1, 1]
