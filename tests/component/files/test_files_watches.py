"""Watches of storages: real PostgreSQL and a second bucket of real object storage. Only the tasks are made up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.files import cli
from services.files.domain.watching import Watching
from services.files.presign import Presigner
from services.files.tasks_client import TaskFailure
from services.files.watches import Watch, WatchId
from services.platform.errors import DarkroomError, ErrorReason
from tests.component.files.world import World
from tests.harness.parts import stack_with
from tests.harness.storage_proxy import StorageProxy, storage_proxy
from tests.stacks import ObjectStorage

CUT = WatchId("incoming", "cut")


@dataclass
class Tasks:
    """Tasks by the names that they are created under, which make the same one of the same name."""

    created: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    ended: dict[int, DarkroomError | None] = field(default_factory=dict)
    refusal: DarkroomError | None = None
    loses_answers: bool = False

    async def start_watched(self, watch: Watch, url: str, destination: str, name: str) -> int:
        if self.refusal is not None:
            raise self.refusal
        task_id = self.created.setdefault(name, (len(self.created) + 1, url, destination))[0]
        if self.loses_answers:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        return task_id

    async def has_ended(self, account_id: int, task_id: int) -> bool:
        if task_id in self.ended and (error := self.ended[task_id]) is not None:
            raise TaskFailure(error.reason, error.message)
        return task_id in self.ended

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The inputs and destinations, in order."""
        return [(url.removeprefix("storage://incoming/"), to.removeprefix("storage://shop/")) for _, url, to in self.created.values()]


@dataclass
class Scene:
    """Two replicas that watch the folder `new/` of a bucket."""

    world: World
    replicas: list[Watching]
    tasks: Tasks
    theirs: ObjectStorage
    proxy: StorageProxy

    @property
    def _urls(self) -> Presigner:
        return Presigner(self.theirs.endpoint, self.theirs.bucket, "us-east-1", self.theirs.access_key, self.theirs.secret_key)

    async def put(self, **objects: bytes) -> None:
        for name, content in objects.items():
            await self.world.put(self._urls.put(f"in/new/{name.replace('__', '/')}.jpg", 60), content)

    async def delete(self, name: str) -> None:
        await self.world.http.delete(self._urls.delete(f"in/new/{name}.jpg", 60))

    async def content(self, key: str) -> bytes | None:
        reply = await self.world.http.get(self._urls.get(key, 60))
        return reply.content if reply.status_code == 200 else None

    async def list(self, times: int = 1) -> None:
        """As loops do, all replicas at the same time."""
        for _ in range(times):
            self.world.clock.move(seconds=30)
            await asyncio.gather(*(each.list(CUT) for each in self.replicas))

    async def work(self, **later: float) -> None:
        self.world.clock.move(**(later or {"seconds": 5}))
        await asyncio.gather(*(each.work() for each in self.replicas))

    async def objects(self) -> dict[str, int]:
        """How many are in each state that there are some in."""
        return {state: number for state, number in (await self.report())["objects"].items() if number}

    async def report(self) -> Any:
        options = cli.parser().parse_args(["watches"])
        found: Any = await cli.watches(options, self.world.settings)
        [watch] = found["watches"]
        return watch


@pytest.fixture
async def scene(world: World, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    theirs, account, tasks = stack_with(request, "s3").create_bucket(), world.account(), Tasks()
    async with storage_proxy(theirs.endpoint) as proxy:
        bucket = f'type = "s3"\nbucket = "{theirs.bucket}"\naccess_key = "{theirs.access_key}"\nsecret_key = "{theirs.secret_key}"\n'
        file = tmp_path / "storages.toml"
        file.write_text(
            f'[shop]\n{bucket}endpoint = "{theirs.endpoint}"\npath = "out"\nwritable = true\n'
            f'[incoming]\n{bucket}endpoint = "{proxy.endpoint}"\npath = "in"\n'
            f'[incoming.watches.cut]\nprefix = "new/"\naccount = {account}\noperations = [{{ rotate = {{ angle = 90 }} }}]\n'
            'destination = "storage://shop/done/"\nfailed = "storage://shop/failed/"\ntasks_at_once = 3\n'
        )
        replicas = [world.again(storages_file=file).watching(world.writer.http, tasks, world.clock) for _ in range(2)]
        yield Scene(world, replicas, tasks, theirs, proxy)


async def test_each_content_is_done_once(scene: Scene) -> None:
    await scene.put(a=b"one", b=b"two", red__c=b"three", same=b"one", empty=b"")
    await scene.list()
    await scene.work()
    assert (scene.tasks.asked, await scene.objects()) == ([], {"seen": 3}), "they may be half-written"
    await scene.list()
    await scene.work()
    assert sorted(scene.tasks.asked) == [("new/a.jpg", "done/"), ("new/b.jpg", "done/"), ("new/red/c.jpg", "done/red/")]
    assert await scene.objects() == {"running": 3}
    scene.tasks.ended = dict.fromkeys((1, 2, 3))
    await scene.work()
    assert await scene.objects() == {"done": 3}
    await scene.put(a=b"another", later=b"two")
    await scene.list(2)
    await scene.work()
    assert scene.tasks.asked[3:] == [("new/a.jpg", "done/")], "its content is new, that of `later` is not"


async def test_what_changes_between_listings_is_not_taken(scene: Scene) -> None:
    for content in (b"ha", b"half", b"half of"):
        await scene.put(a=content)
        await scene.list()
        await scene.work()
    assert scene.tasks.asked == []
    await scene.list()
    await scene.work()
    assert scene.tasks.asked == [("new/a.jpg", "done/")]
    scene.world.clock.move(days=2)
    await scene.list()
    assert await scene.objects() == {"running": 1}, "what was overwritten is forgotten"


async def test_a_lost_answer_and_a_crash_make_no_other_task(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.put(a=b"one")
    await scene.list(2)
    scene.tasks.loses_answers = True
    await scene.work()
    await scene.work(hours=1)
    scene.tasks.loses_answers = False

    async def dies(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        for each in scene.replicas:
            patched.setattr(each, "_store", SimpleNamespace(check=each._store.check, start=each._store.start, note_task=dies))
        with pytest.raises(RuntimeError):
            await scene.work(hours=1)
    await scene.work(minutes=1)
    assert await scene.objects() == {"running": 1}, "the claim lasts"
    await scene.work(minutes=2)
    scene.tasks.ended = {1: None}
    await scene.work(minutes=2)
    assert (len(scene.tasks.created), await scene.objects()) == (1, {"done": 1})


async def test_failures_are_set_aside_and_the_rest_goes_on(scene: Scene) -> None:
    await scene.put(a=b"one", b=b"two", c=b"three", d=b"four", red__e=b"five")
    await scene.list(2)
    await scene.work()
    assert len(scene.tasks.asked) == 3, "as many as may be open"
    scene.tasks.ended = {number: DarkroomError(ErrorReason.FILE_CORRUPT, "It is damaged.") for number in range(1, 6)}
    await scene.work()
    await scene.work()
    await scene.work()
    assert await scene.objects() == {"failed": 5}
    told = json.loads(await scene.content("out/failed/red/e.jpg.error.json") or b"{}")
    assert told.pop("task_id").isdecimal()
    assert told == {"object": "storage://incoming/new/red/e.jpg", "reason": "FILE_CORRUPT", "message": "It is damaged."}
    assert {each["error"] for each in (await scene.report())["errors"]} == {"FILE_CORRUPT: It is damaged."}
    retried = await cli.watches(cli.parser().parse_args(["watches", "--retry", "incoming.cut"]), scene.world.settings)
    assert retried["retried"] == 5
    await scene.work()
    assert len(scene.tasks.created) == 8, "with tasks of their own"


@pytest.mark.parametrize("reason", [ErrorReason.INSUFFICIENT_CREDITS, ErrorReason.TOO_MANY_TASKS, ErrorReason.UNAVAILABLE])
@pytest.mark.cases(3)
async def test_refusals_that_pass_are_tried_again(scene: Scene, reason: ErrorReason) -> None:
    await scene.put(a=b"one")
    await scene.list(2)
    scene.tasks.refusal = DarkroomError(reason, "Not now.")
    for _ in range(8):
        await scene.work(hours=1)
    assert await scene.objects() == {"due": 1}
    assert (await scene.report())["errors"][0]["error"].endswith("Not now.")
    scene.tasks.refusal = None
    await scene.work(hours=1)
    assert await scene.objects() == {"running": 1}


async def test_a_backlog_is_not_sent_while_all_of_it_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.put(**{f"n{number}": b"%d" % number for number in range(9)})
    await scene.list(2)
    scene.tasks.refusal = DarkroomError(ErrorReason.INSUFFICIENT_CREDITS, "Not now.")
    now = scene.world.clock()
    with monkeypatch.context() as patched:
        for each in scene.replicas:
            patched.setattr(each, "_clock", lambda: now)
        for _ in range(5):
            await asyncio.gather(*(each.work() for each in scene.replicas))
    assert len((await scene.report())["errors"]) <= 6, "three of each replica"
    scene.tasks.refusal = None
    for _ in range(9):
        await scene.work(hours=1)
        scene.tasks.ended = dict.fromkeys(range(1, 10))
    assert await scene.objects() == {"done": 9}
    assert len(scene.tasks.created) == 9


async def test_tasks_that_fail_for_reasons_that_pass_are_repeated(scene: Scene) -> None:
    await scene.put(a=b"one", b=b"two", c=b"three")
    await scene.list(2)
    await scene.work()
    of = {url: number for number, url, _ in scene.tasks.created.values()}
    [a, b, c] = (of[f"storage://incoming/new/{name}.jpg"] for name in "abc")
    await scene.delete("b")
    scene.tasks.ended = {
        a: DarkroomError(ErrorReason.DELIVERY_FAILED, "The storage 'shop' cannot be reached."),
        b: DarkroomError(ErrorReason.URL_FETCH_FAILED, "Nothing is there."),
        c: DarkroomError(ErrorReason.WORKER_LOST, "The worker was lost."),
    }
    await scene.work()
    assert await scene.objects() == {"due": 2}, "the one that is gone is forgotten"
    for number in range(4, 20):
        scene.tasks.ended[number] = DarkroomError(ErrorReason.WORKER_LOST, "The worker was lost.")
    for _ in range(12):
        await scene.work(hours=1)
    assert await scene.objects() == {"failed": 2}, "a content that ends workers is not sent to them for ever"
    assert await scene.content("out/failed/c.jpg.error.json") is not None


async def test_a_storage_that_cannot_be_listed_is_told(scene: Scene) -> None:
    await scene.put(a=b"one")
    await scene.list()
    scene.proxy.says(lambda seen: seen.method == "GET", 403, "AccessDenied")
    await scene.list()
    told = await scene.report()
    assert told["listing_error"] == "The storage 'incoming' refuses storage://incoming/new/ (403 AccessDenied)."
    scene.proxy.said.clear()
    await scene.list()
    assert ((await scene.report())["listing_error"], await scene.objects()) == (None, {"due": 1})
