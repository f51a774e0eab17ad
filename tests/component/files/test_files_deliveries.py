"""Results in storages of the operator, and the folders there: real object storage, a second bucket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.files.assembly import Files
from services.files.domain.task_files import NewOutput
from services.files.objects import ObjectStore
from services.files.presign import Presigner
from services.files.s3_client import S3Client
from services.platform import object_writing
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files.world import World
from tests.harness.parts import stack_with
from tests.harness.storage_proxy import StorageProxy, storage_proxy
from tests.stacks import ObjectStorage

PICTURES = frozenset({"jpg", "jpeg", "png"})
GRAIN = os.urandom(20 << 20)
"""More than is copied at one go."""


@dataclass
class Scene:
    """A files service whose operator has storages: `shop`, which is writable, and others that are not."""

    world: World
    files: Files
    theirs: ObjectStorage
    proxy: StorageProxy
    account: int

    async def output(self, task: int, name: str, content: bytes, attempt: int = 1) -> int:
        """An output that an attempt has stored and finalized."""
        made = self.files.task_files
        [created] = await made.create_outputs(self.account, task, attempt, [NewOutput(name, "image/png")])
        await self.world.put(created.url, content, **{"content-type": "image/png"})
        await made.finalize_outputs(self.account, task, attempt, [created.file.id])
        return created.file.id

    @property
    def _urls(self) -> Presigner:
        return Presigner(self.theirs.endpoint, self.theirs.bucket, "us-east-1", self.theirs.access_key, self.theirs.secret_key)

    async def put(self, *keys: str) -> None:
        """Objects in the operator's bucket."""
        for key in keys:
            await self.world.put(self._urls.put(key, 60), b"x")

    async def keys(self) -> list[str]:
        """Of all objects in the operator's bucket."""
        them = self.theirs
        client = S3Client(self.world.writer.http, them.endpoint, them.bucket, "us-east-1", them.access_key, them.secret_key)
        return [each.key async for page in ObjectStore(client).pages("made/") for each in page]

    async def content(self, key: str) -> bytes | None:
        """Of an object in the operator's bucket; None if there is none."""
        reply = await self.world.http.get(self._urls.get(key, 60))
        return reply.content if reply.status_code == 200 else None


@pytest.fixture
async def scene(world: World, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    theirs, account = stack_with(request, "s3").create_bucket(), world.account()
    async with storage_proxy(theirs.endpoint) as proxy:
        keys = f'access_key = "{theirs.access_key}"\nsecret_key = "{theirs.secret_key}"\n'
        bucket = f'type = "s3"\nbucket = "{theirs.bucket}"\npath = "/made/"\n'
        file = tmp_path / "storages.toml"
        file.write_text(
            f'[shop]\n{bucket}endpoint = "{theirs.endpoint}"\n{keys}writable = true\n'
            f'[own]\n{bucket}endpoint = "{theirs.endpoint}"\n{keys}writable = true\naccounts = [{account}]\n'
            f'[watched]\n{bucket}endpoint = "{proxy.endpoint}"\n{keys}writable = true\n'
            f'[locked]\n{bucket}endpoint = "{theirs.endpoint}"\naccess_key = "{theirs.access_key}"\nsecret_key = "wrong"\nwritable = true\n'
            f'[archive]\n{bucket}endpoint = "{theirs.endpoint}"\n{keys}'
            '[web]\ntype = "web_folder"\nbase_url = "http://127.0.0.1:9"\n'
        )
        yield Scene(world, world.again(storages_file=file), theirs, proxy, account)


async def test_results_arrive_as_they_are_however_often(scene: Scene) -> None:
    task = scene.world.task()
    small, large = await scene.output(task, "a b.png", b"small"), await scene.output(task, "large.tiff", GRAIN)
    for _ in range(2):
        delivered = await scene.files.deliveries.deliver(scene.account, task, 1, [small, large], "storage://shop/sets/")
    assert [(each.file_id, each.place.uri) for each in delivered] == [
        (small, "storage://shop/sets/a b.png"),
        (large, "storage://shop/sets/large.tiff"),
    ]
    assert [await scene.content(f"made/sets/{name}") for name in ("a%20b.png", "large.tiff")] == [b"small", GRAIN]
    delivered = await scene.files.deliveries.deliver(scene.account, task, 1, [small, large], "storage://own/one.jpg")
    assert [each.place.path for each in delivered] == ["one.jpg", "one-2.tiff"]
    assert (await scene.content("made/one.jpg"), await scene.content("made/one-2.tiff")) == (b"small", GRAIN)
    assert sorted(await scene.keys()) == ["made/one-2.tiff", "made/one.jpg", "made/sets/a b.png", "made/sets/large.tiff"]


async def test_a_storage_that_is_away_for_a_moment(scene: Scene) -> None:
    task = scene.world.task()
    file_id = await scene.output(task, "large.png", GRAIN)
    scene.proxy.says(lambda seen: seen.method == "PUT", 503, "SlowDown")
    scene.proxy.says(lambda seen: seen.method == "PUT", 500, "InternalError", passed_on=True)
    await scene.files.deliveries.deliver(scene.account, task, 1, [file_id], "storage://watched/large.png")
    assert await scene.content("made/large.png") == GRAIN
    assert len(scene.proxy.sees("PUT")) == 5, "three parts, two of them again"


REFUSES = "The storage '{0}' refuses storage://{0}/1.png (403"


async def test_a_storage_that_stays_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_writing, "_PATIENCE_SECONDS", 0.1)
    task = scene.world.task()
    file_id = await scene.output(task, "1.png", b"small")
    for status, code in ((503, "SlowDown"), (404, "NoSuchUpload")):
        scene.proxy.says(lambda seen: seen.method == "PUT", status, code, times=9)
        with pytest.raises(DarkroomError) as refused:
            await scene.files.deliveries.deliver(scene.account, task, 1, [file_id], "storage://watched/1.png")
        assert (refused.value.reason, refused.value.retry_after) == (ErrorReason.DELIVERY_FAILED, 5)
        assert refused.value.message == "The storage 'watched' cannot be reached. Try again later."
        scene.proxy.said.clear()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("locked", REFUSES.format("locked")),
        ("watched", REFUSES.format("watched") + " AccessDenied)."),
        ("archive", "destination: this server may not write to the storage 'archive': it may write to locked, own, shop, watched."),
    ],
)
@pytest.mark.cases(3)
async def test_a_storage_that_refuses(scene: Scene, name: str, message: str) -> None:
    task = scene.world.task()
    scene.proxy.says(lambda seen: seen.method in ("PUT", "POST"), 403, "AccessDenied", times=2)
    for content in (b"small", GRAIN):
        file_id = await scene.output(task, "1.png", content)
        with pytest.raises(DarkroomError) as refused:
            await scene.files.deliveries.deliver(scene.account, task, 1, [file_id], f"storage://{name}/1.png")
        assert (refused.value.reason, refused.value.message[: len(message)]) == (ErrorReason.DELIVERY_FAILED, message)
        assert scene.theirs.endpoint not in refused.value.message
        assert scene.theirs.bucket not in refused.value.message
    assert await scene.keys() == []


async def test_only_what_the_attempt_has_made_is_copied(scene: Scene) -> None:
    task = scene.world.task()
    file_id = await scene.output(task, "1.png", b"small")
    for account, of, attempt in ((scene.world.account(), task, 1), (scene.account, scene.world.task(), 1), (scene.account, task, 2)):
        with pytest.raises(DarkroomError) as refused:
            await scene.files.deliveries.deliver(account, of, attempt, [file_id], "storage://shop/1.png")
        assert refused.value.reason is ErrorReason.FILE_NOT_FOUND
    stranger = scene.world.account()
    with pytest.raises(DarkroomError, match="this server has no storage 'own'"):
        await scene.files.deliveries.deliver(stranger, task, 1, [file_id], "storage://own/1.png")


async def test_the_pictures_of_a_folder(scene: Scene) -> None:
    inside = ("b.JPG", "a%20b.png", "notes.txt", "more/c.jpeg", "more/d.PNG")
    await scene.put(*(f"made/in/{name}" for name in inside), "other/in/x.jpg")
    listed = scene.files.deliveries.list_folder
    account, folder = scene.account, "storage://archive/in/"
    assert await listed(account, folder, "input", PICTURES, 4, recursive=False) == ["a b.png", "b.JPG"]
    deep = await listed(account, folder, "input", PICTURES, 4, recursive=True)
    assert deep == ["a b.png", "b.JPG", "more/c.jpeg", "more/d.PNG"]
    assert await listed(account, "storage://archive/", "input", PICTURES, 4, recursive=True) == [f"in/{name}" for name in deep]
    assert await listed(account, "storage://archive/none/", "input", PICTURES, 4, recursive=True) == []
    for url, most, reason, message in (
        (folder, 3, ErrorReason.FIELD_INVALID, "input: the folder holds more than 3 pictures"),
        ("storage://web/in/", 4, ErrorReason.FIELD_INVALID, "input: the files of the storage 'web' cannot be listed"),
        ("storage://archive/in", 4, ErrorReason.FIELD_INVALID, "input: must name a folder of the storage: storage://archive/path/"),
        ("storage://none/", 4, ErrorReason.FIELD_INVALID, "input: this server has no storage 'none'"),
        ("storage://locked/in/", 4, ErrorReason.URL_FETCH_FAILED, "The storage 'locked' refuses storage://locked/in/ (403"),
    ):
        with pytest.raises(DarkroomError) as refused:
            await listed(account, url, "input", PICTURES, most, recursive=True)
        assert (refused.value.reason, refused.value.field, refused.value.message[: len(message)]) == (
            reason,
            "input" if reason is ErrorReason.FIELD_INVALID else None,
            message,
        )


async def test_copies_take_turns(scene: Scene) -> None:
    task = scene.world.task()
    made = [await scene.output(task, f"{number}.png", b"%d" % number) for number in range(6)]
    await asyncio.gather(*(scene.files.deliveries.deliver(scene.account, task, 1, [file_id], "storage://shop/six/") for file_id in made))
    assert [await scene.content(f"made/six/{number}.png") for number in range(6)] == [b"%d" % number for number in range(6)]
