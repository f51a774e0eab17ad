"""The library: versions in chains, who sees them, and that nothing is lost or left behind when calls meet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import pytest

from darkroom.tasks.v1 import task_pb2
from services.files.assembly import Files
from services.files.domain.new_versions import NewVersion
from services.files.domain.task_files import NewOutput
from services.files.records import File, FileState, LibraryFile, OwnLimits, StoredVersion, Viewer
from services.files.store import StorageStore
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from tests.component.files import content
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World

UNKNOWN = "7b0d3c1e-5a52-4d5f-8f0e-1c2d3e4f5a6b"


@dataclass
class House:
    """An account with two people, and one who sees all."""

    world: World
    account: int

    @property
    def files(self) -> Files:
        return self.world.files

    @property
    def ann(self) -> Viewer:
        return Viewer(self.account, "ann", sees_all=False)

    @property
    def bob(self) -> Viewer:
        return Viewer(self.account, "bob", sees_all=False)

    @property
    def all(self) -> Viewer:
        return Viewer(self.account, "editor", sees_all=True)

    async def upload(self) -> File:
        return await ready_input(self.world, self.account)

    async def add(self, viewer: Viewer | None = None, name: str = "", parent: str = "", tool: str = "") -> LibraryFile:
        file = await self.upload()
        [added] = await self.files.shelf.add(viewer or self.ann, [NewVersion(file.id, name, parent, tool)])
        return added.entry

    async def names(self, viewer: Viewer, search: str = "") -> list[str]:
        found, total = await self.files.shelf.page(viewer, search)
        assert total == len(found)
        return [each.entry.name for each in found]

    async def nothing_is_left(self) -> None:
        """No rows and no bytes, once what is due has been removed."""
        await self.world.sweep()
        assert await self.world.rows() == []
        assert await self.world.keys() == []


@pytest.fixture
def house(world: World) -> House:
    return House(world, world.account())


async def refused(reason: ErrorReason, call: Awaitable[object]) -> DarkroomError:
    with pytest.raises(DarkroomError) as raised:
        await call
    assert raised.value.reason is reason
    return raised.value


def ids(found: list[StoredVersion]) -> list[str]:
    return [str(each.entry.id) for each in found]


async def test_an_upload_is_moved_and_does_not_expire(house: House) -> None:
    file = await house.upload()
    [added] = await house.files.shelf.add(house.ann, [NewVersion(file.id)])
    assert (added.entry.name, added.entry.version, added.entry.parent, added.entry.tools) == ("input.png", 1, None, ())
    assert (added.file.width, added.file.height, added.file.media_type) == (40, 30, "image/png")
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.library.get(house.account, file.id))
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.library.delete(house.account, file.id))
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.task_files.pin(house.account, house.world.task(), [file.id]))
    assert (await house.files.library.page(house.account, 0, "")).files == []
    house.world.clock.move(days=400)
    await house.world.sweep()
    found, download = await house.files.shelf.download(house.ann, str(added.entry.id))
    assert (await house.world.http.get(download.url)).content == content.png()
    assert found.file.expires_at is None


async def test_an_output_is_copied_and_outlives_its_task(house: House) -> None:
    task = house.world.task()
    made = await output(house.world, house.account, task)
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, made)
    [added] = await house.files.shelf.add(house.ann, [NewVersion(made, "result.png")])
    assert added.file.id != made
    await house.files.task_files.delete_outputs(house.account, task, [made])
    await house.world.sweep()
    _, download = await house.files.shelf.download(house.ann, str(added.entry.id))
    reply = await house.world.http.get(download.url)
    assert reply.content == content.png()
    assert "result.png" in reply.headers["content-disposition"]


async def test_versions_and_their_tools(house: House) -> None:
    first = await house.add()
    second = await house.add(parent=str(first.id), tool="resize")
    third = await house.add(parent=str(second.id))
    again = await house.add(parent=str(second.id), tool="crop")
    assert [(each.version, each.tools) for each in (first, second, third, again)] == [
        (1, ()),
        (2, ("resize",)),
        (3, ("resize",)),
        (3, ("resize", "crop")),
    ]
    for each in (first, second, third, again):
        found, chain = await house.files.shelf.get(house.ann, str(each.id))
        assert found.entry == each
        assert [one.entry.id for one in chain] == [first.id, second.id, third.id, again.id]
    page, total = await house.files.shelf.page(house.ann)
    assert (ids(page), total) == ([str(again.id)], 1)


async def test_the_newest_comes_first_in_pages(house: House) -> None:
    for number in range(5):
        await house.add(name=f"{number}.png")
    assert await house.names(house.ann) == ["4.png", "3.png", "2.png", "1.png", "0.png"]
    page, total = await house.files.shelf.page(house.ann, "", 1, 2)
    assert ([each.entry.name for each in page], total) == (["3.png", "2.png"], 5)
    page, total = await house.files.shelf.page(house.ann, "", 7, 2)
    assert (page, total) == ([], 5)


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("%", ["50%_off.png"]),
        ("_", ["50%_off.png"]),
        ("OFF", ["50%_off.png"]),
        ("  cat ", ["Cat.png"]),
        ("\\", []),
        ("ä", ["äpfel.png"]),
        ("Ä", []),
        ("", ["äpfel.png", "Cat.png", "50%_off.png"]),
        ("png", ["äpfel.png", "Cat.png", "50%_off.png"]),
    ],
)
async def test_a_search_is_a_part_of_the_name(house: House, search: str, found: list[str]) -> None:
    for name in ("50%_off.png", "Cat.png", "äpfel.png"):
        await house.add(name=name)
    assert await house.names(house.ann, search) == found


async def test_people_see_their_own_and_some_see_all(house: House) -> None:
    hers, his = await house.add(house.ann, "hers.png"), await house.add(house.bob, "his.png")
    assert await house.names(house.ann) == ["hers.png"]
    assert await house.names(house.bob) == ["his.png"]
    assert await house.names(house.all) == ["his.png", "hers.png"]
    assert await house.names(Viewer(house.world.account(), "editor", sees_all=True)) == []
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.get(house.bob, str(hers.id)))
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.download(house.bob, str(hers.id)))
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.copy(house.bob, str(hers.id)))
    assert await house.files.shelf.delete(house.bob, [str(hers.id)]) == 0
    assert await house.files.shelf.delete(Viewer(house.account + 1, "editor", sees_all=True), [str(hers.id)]) == 0
    assert await house.files.shelf.delete(house.all, [str(hers.id), str(his.id)]) == 2
    await house.nothing_is_left()


async def test_a_version_of_somebody_elses_file(house: House) -> None:
    hers = await house.add(house.ann, "hers.png")
    file = await house.upload()
    [his] = await house.files.shelf.add(house.bob, [NewVersion(file.id, "his.png", str(hers.id), "crop")])
    assert (his.entry.owner, his.entry.version) == ("bob", 2)
    file = await house.upload()
    [of_parent] = await house.files.shelf.add(house.bob, [NewVersion(file.id, "third.png", str(his.entry.id), owned_as_parent=True)])
    assert of_parent.entry.owner == "bob"
    assert await house.names(house.ann) == ["hers.png"]
    assert await house.names(house.bob) == ["third.png"]
    assert await house.names(house.all) == ["third.png"]
    assert await house.files.shelf.delete(house.bob, [str(his.entry.id)]) == 2
    assert await house.names(house.all) == ["hers.png"]
    await house.add(house.bob, parent=str(hers.id))
    assert await house.files.shelf.delete(house.ann, [str(hers.id)]) == 2
    await house.nothing_is_left()


async def test_a_deletion_takes_whole_chains_and_skips_what_is_unknown(house: House) -> None:
    first = await house.add()
    second = await house.add(parent=str(first.id))
    kept = await house.add(name="kept.png")
    assert await house.files.shelf.delete(house.ann, [str(second.id), str(second.id), UNKNOWN, "nonsense", ""]) == 2
    assert await house.files.shelf.delete(house.ann, [str(first.id)]) == 0
    assert await house.names(house.ann) == ["kept.png"]
    assert await house.files.shelf.delete(house.ann, [str(kept.id)]) == 1
    await house.nothing_is_left()


async def test_all_that_somebody_has_goes(house: House) -> None:
    for viewer in (house.ann, house.ann, house.bob):
        await house.add(viewer)
    await house.files.shelf.delete_of(house.account, "ann")
    assert await house.names(house.all) == ["input.png"]
    assert len(await house.names(house.bob)) == 1


async def test_what_cannot_be_added(house: House) -> None:
    file = await house.upload()
    add = house.files.shelf.add
    for parent in (UNKNOWN, "nonsense", "{" + UNKNOWN + "}"):
        error = await refused(ErrorReason.FILE_NOT_FOUND, add(house.ann, [NewVersion(file.id), NewVersion(file.id + 1, parent=parent)]))
        assert error.field == "files[1].parent_id"
    error = await refused(ErrorReason.FILE_NOT_FOUND, add(house.ann, [NewVersion(file.id), NewVersion(1)]))
    assert error.field == "files[1].file_id"
    await refused(ErrorReason.FILE_NOT_FOUND, add(Viewer(house.account + 1, "ann", sees_all=True), [NewVersion(file.id)]))
    await refused(ErrorReason.FIELD_INVALID, add(house.ann, [NewVersion(file.id), NewVersion(file.id)]))
    await refused(ErrorReason.FIELD_INVALID, add(house.ann, [NewVersion(file.id, "a/b.png")]))
    await refused(ErrorReason.FIELD_INVALID, add(house.ann, [NewVersion(file.id, tool="a\0")]))
    unsent = (await house.world.create(house.account, "unsent.png")).file
    await refused(ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED, add(house.ann, [NewVersion(file.id), NewVersion(unsent.id)]))
    assert await house.names(house.all) == []
    await house.files.library.get(house.account, file.id)


async def test_a_repeated_call_adds_and_copies_nothing(house: House) -> None:
    task, other = house.world.task(), house.world.again()
    made = await output(house.world, house.account, task)
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, made)
    uploads = [await house.upload() for _ in range(2)]
    wanted = [NewVersion(uploads[1].id, "b.png"), NewVersion(made, "a.png"), NewVersion(uploads[0].id, "c.png")]
    call = IdempotentCall(house.account, "/Add", "key", b"digest")
    calls = [files.shelf.add(house.ann, wanted, call) for files in (house.files, other, house.files, other)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    [first, *others] = [each for each in outcomes if not isinstance(each, BaseException)]
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    assert all(isinstance(each, DarkroomError) and each.reason is ErrorReason.IDEMPOTENCY_IN_PROGRESS for each in refusals)
    for again in (*others, await house.files.shelf.add(house.ann, wanted, call)):
        assert ids(again) == ids(first)
    assert [each.entry.name for each in first] == ["b.png", "a.png", "c.png"]
    assert len(await house.names(house.ann)) == 3
    with pytest.raises(DarkroomError) as raised:
        await house.files.shelf.add(house.ann, wanted, IdempotentCall(house.account, "/Add", "key", b"other"))
    assert raised.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    copying = IdempotentCall(house.account, "/Copy", "key", b"digest")
    version = ids(first)[0]
    copies = [await files.shelf.copy(house.ann, version, copying) for files in (house.files, other)]
    assert copies[0].id == copies[1].id
    await house.files.shelf.delete(house.ann, ids(first))
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.add(house.ann, wanted, call))
    await house.files.library.delete(house.account, copies[0].id)
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.copy(house.ann, version, copying))
    await house.files.library.delete(house.account, made)
    await house.nothing_is_left()


async def test_a_chain_does_not_grow_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.files.domain.new_versions._MOST_VERSIONS", 3)
    monkeypatch.setattr("services.files.domain.new_versions._MOST_TOOLS", 10)
    first = await house.add()
    second = await house.add(parent=str(first.id), tool="x" * 6)
    file = await house.upload()
    long = house.files.shelf.add(house.ann, [NewVersion(file.id, parent=str(second.id), tool="x" * 5)])
    assert (await refused(ErrorReason.FIELD_INVALID, long)).field == "files[0].tool"
    await house.add(parent=str(second.id), tool="x" * 4)
    for parent in (first, second):
        error = await refused(ErrorReason.FIELD_INVALID, house.files.shelf.add(house.ann, [NewVersion(file.id, parent=str(parent.id))]))
        assert error.field == "files[0].parent_id"
    await house.add()


async def test_a_copy_counts_in_the_quota(house: House) -> None:
    task = house.world.task()
    made = await output(house.world, house.account, task)
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, made)
    await house.files.library.get(house.account, made)
    await StorageStore(Database(house.world.engine)).set_limits(house.account, OwnLimits(files=1))
    await refused(ErrorReason.QUOTA_EXCEEDED, house.files.shelf.add(house.ann, [NewVersion(made)]))
    assert len(await house.world.keys()) == 1
    await StorageStore(Database(house.world.engine)).set_limits(house.account, OwnLimits(files=2))
    [added] = await house.files.shelf.add(house.ann, [NewVersion(made)])
    stored, _ = await house.files.quotas.totals(house.account)
    assert stored.files == 2
    await house.files.shelf.delete(house.ann, [str(added.entry.id)])
    stored, _ = await house.files.quotas.totals(house.account)
    assert stored.files == 1


async def test_a_copy_for_tasks_expires(house: House) -> None:
    entry = await house.add()
    copy = await house.files.shelf.copy(house.ann, str(entry.id))
    task = house.world.task()
    await house.files.task_files.pin(house.account, task, [copy.id])
    [opened] = await house.files.task_files.open_inputs(house.account, task, [copy.id])
    assert (await house.world.http.get(opened.url)).content == content.png()
    assert copy.expires_at is not None or (await house.world.row(copy.id))["expires_at"] is not None


async def test_a_thumbnail_is_kept_once_and_goes_with_its_file(house: House) -> None:
    shelf, task = house.files.shelf, house.world.task()
    entry = await house.add()
    assert await shelf.thumbnail(house.account, str(entry.id)) is None
    first, second = [await output(house.world, house.account, task) for _ in range(2)]
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, first, second)
    await asyncio.gather(*(shelf.keep_thumbnail(house.account, str(entry.id), made) for made in (first, second)))
    found = await shelf.thumbnail(house.account, str(entry.id))
    assert found is not None
    reply = await house.world.http.get(found.url)
    assert (reply.content, reply.headers["content-type"]) == (content.png(), "image/jpeg")
    for made in (first, second):
        await refused(ErrorReason.FILE_NOT_FOUND, shelf.keep_thumbnail(house.account, str(entry.id), made))
    await house.files.task_files.delete_outputs(house.account, task, [first, second])
    await house.world.sweep()
    assert (await house.world.http.get(found.url)).status_code == 200
    assert len(await house.world.keys()) == 2
    assert await shelf.delete(house.ann, [str(entry.id)]) == 1
    assert await shelf.thumbnail(house.account, str(entry.id)) is None
    await house.nothing_is_left()


async def test_a_thumbnail_of_what_is_gone_is_not_kept(house: House) -> None:
    task = house.world.task()
    made = [await output(house.world, house.account, task) for _ in range(3)]
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, *made)
    entry = await house.add()
    await house.files.shelf.delete(house.ann, [str(entry.id)])
    for version, file_id in zip((str(entry.id), UNKNOWN, "nonsense"), made, strict=True):
        await house.files.shelf.keep_thumbnail(house.account, version, file_id)
    file = await house.upload()
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.keep_thumbnail(house.account, str(entry.id), file.id))
    await house.files.library.delete(house.account, file.id)
    await house.nothing_is_left()


async def test_two_versions_of_one_parent_at_once(house: House) -> None:
    first = await house.add()
    added = await asyncio.gather(*(house.add(parent=str(first.id), tool=f"tool-{number}") for number in range(6)))
    assert {each.version for each in added} == {2}
    _, chain = await house.files.shelf.get(house.ann, str(first.id))
    assert len(chain) == 7
    page, total = await house.files.shelf.page(house.ann)
    assert (len(page), total) == (1, 1)


async def test_one_upload_is_added_once(house: House) -> None:
    file, other = await house.upload(), house.world.again()
    calls = [files.shelf.add(house.ann, [NewVersion(file.id)]) for files in (house.files, other, house.files, other)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, BaseException)]
    assert len(errors) == 3
    assert all(isinstance(each, DarkroomError) and each.reason is ErrorReason.FILE_NOT_FOUND for each in errors)
    assert len(await house.names(house.ann)) == 1


async def test_a_deletion_while_versions_are_added(house: House) -> None:
    """Either a version is gone with its chain, or it was refused; no part of a chain is left, and no bytes."""
    other = house.world.again()
    for _ in range(8):
        first = await house.add()
        uploads = [await house.upload() for _ in range(4)]

        async def save(files: Files, file: File, parent: str = str(first.id)) -> None:
            try:
                await files.shelf.add(house.ann, [NewVersion(file.id, parent=parent)])
            except DarkroomError as error:
                assert error.reason is ErrorReason.FILE_NOT_FOUND
                assert error.field == "files[0].parent_id"
                await files.streamed_files.discard(house.account, [file.id])

        saves = [save(files, file) for files, file in zip((house.files, other) * 2, uploads, strict=True)]
        await asyncio.gather(*saves[:2], other.shelf.delete(house.ann, [str(first.id)]), *saves[2:])
        assert await house.names(house.all) == []
    await house.nothing_is_left()


async def test_deletions_of_the_same_chains_at_once(house: House) -> None:
    entries = [await house.add() for _ in range(6)]
    forward = [str(each.id) for each in entries]
    calls = [files.shelf.delete(house.ann, order) for files in (house.files, house.world.again()) for order in (forward, forward[::-1])]
    assert sum(await asyncio.gather(*calls)) == 6
    await house.nothing_is_left()


async def test_a_pinned_upload_can_be_added_and_deleted(house: House) -> None:
    file, task = await house.upload(), house.world.task()
    await house.files.task_files.pin(house.account, task, [file.id])
    [added] = await house.files.shelf.add(house.ann, [NewVersion(file.id)])
    assert await house.files.shelf.delete(house.ann, [str(added.entry.id)]) == 1
    await house.world.sweep()
    assert (await house.world.row(file.id))["state"] == FileState.DELETING
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED)
    house.world.clock.move(hours=2)
    while await house.files.sweeper.sweep_pins():
        pass
    await house.nothing_is_left()


async def test_the_thumbnail_of_a_version_whose_bytes_were_lost_goes(house: House) -> None:
    entry, task = await house.add(), house.world.task()
    [made] = await house.files.task_files.create_outputs(house.account, task, 1, [NewOutput("a.png", "image/png", content=content.png())])
    house.world.tasks.put(task, task_pb2.TASK_STATE_SUCCEEDED, made.file.id)
    await house.files.shelf.keep_thumbnail(house.account, str(entry.id), made.file.id)
    row = await house.world.row(entry.file_id)
    await house.world.objects.delete([row["object_key"]])
    assert await house.files.shelf.sweep() is False
    for _ in range(3):
        house.world.clock.move(days=30)
        while await house.files.reconciler.step():
            pass
        await house.world.sweep()
    await refused(ErrorReason.FILE_NOT_FOUND, house.files.shelf.get(house.ann, str(entry.id)))
    await house.files.shelf.sweep()
    await house.nothing_is_left()
