"""Files from URLs, as the account has them afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from services.files.assembly import Files
from services.files.presign import Presigner
from services.files.records import File, FileState
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from tests.component.files import content
from tests.component.files.world import World
from tests.origin import Origin, redirect, response

ALLOWED = (ip_network("127.0.0.0/8"),)
PICTURE = content.png(padding=20_000)


@dataclass
class Scene:
    """An account that fetches from an origin."""

    world: World
    origin: Origin
    account: int

    def files(self, **settings: Any) -> Files:
        return self.world.again(fetch_allowed_networks=ALLOWED, **settings)

    async def stored(self, file: File) -> bytes:
        [download] = await self.world.files.library.downloads(self.account, [file.id])
        return (await self.world.http.get(download.url)).content

    async def names(self) -> list[str]:
        return [file.name for file in (await self.world.files.library.page(self.account, 0, "")).files]

    def call(self, key: str, digest: bytes = b"same") -> IdempotentCall:
        return IdempotentCall(self.account, "/test/Import", key, digest)


@pytest.fixture
async def scene(world: World) -> AsyncIterator[Scene]:
    async with Origin({"/photo.png": response(PICTURE)}) as origin:
        yield Scene(world, origin, world.account())


async def test_a_file_is_fetched_examined_and_kept_like_an_upload(scene: Scene) -> None:
    file = await scene.files().imports.fetch(scene.account, scene.origin.url("/photo.png"))
    assert (file.state, file.name, file.media_type, file.size_bytes) == (FileState.READY, "photo.png", "image/png", len(PICTURE))
    assert (file.width, file.height, file.visible, file.permanent) == (40, 30, True, False)
    assert await scene.stored(file) == PICTURE
    # No URL for writing to this name was ever handed out.
    assert file.object_key.startswith("files/")


async def test_a_large_file_goes_to_storage_in_parts(scene: Scene) -> None:
    large = content.png(padding=17 << 20)
    scene.origin.pages["/large.png"] = response(large)
    file = await scene.files().imports.fetch(scene.account, scene.origin.url("/large.png"))
    assert (file.state, file.size_bytes) == (FileState.READY, len(large))
    assert await scene.stored(file) == large


async def test_it_is_named_by_the_url_and_by_what_it_is(scene: Scene) -> None:
    imports = scene.files().imports
    for path, given, name in [
        ("/a/b/photo.png?x=/c.pdf", "", "photo.png"),
        ("/", "", "file.png"),
        ("/render", "", "render.png"),
        ("/photo.jpg", "", "photo.png"),
        ("/v1.5", "", "v1.5.png"),
        ("/%2e%2e%2f%2e%2e%2fetc%00%0a.png", "", "etc.png"),
        ("/Stra%C3%9Fe.PNG", "", "Straße.PNG"),
        ("/a.png", "mine.png", "mine.png"),
        ("/a.png", "mine", "mine.png"),
    ]:
        scene.origin.pages[path.partition("?")[0]] = response(PICTURE)
        assert (await imports.fetch(scene.account, scene.origin.url(path), name=given)).name == name


async def test_a_name_does_not_excuse_the_url(scene: Scene) -> None:
    with pytest.raises(DarkroomError) as raised:
        await scene.files().imports.fetch(scene.account, "file:///etc/passwd", name="a.png")
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "url")


async def test_nothing_is_left_of_what_is_refused(scene: Scene) -> None:
    scene.origin.pages |= {
        "/broken.png": response(PICTURE[:60]),
        "/bomb.png": response(content.bomb()),
        "/locked.pdf": response(content.pdf(password="open")),
        "/page": response(b"<!doctype html><p>"),
        "/inside": redirect("http://169.254.169.254/"),
        "/late.png": response(PICTURE[:9000], length=len(PICTURE)),
    }
    reasons = {}
    for path in [*scene.origin.pages, "/nothing"]:
        if path == "/photo.png":
            continue
        with pytest.raises(DarkroomError) as raised:
            await scene.files().imports.fetch(scene.account, scene.origin.url(path), field="image_url")
        assert raised.value.field == "image_url"
        reasons[path] = raised.value.reason.value
    assert reasons == {
        "/broken.png": "FILE_CORRUPT",
        "/bomb.png": "MEDIA_LIMIT_EXCEEDED",
        "/locked.pdf": "FILE_ENCRYPTED",
        "/page": "MEDIA_UNSUPPORTED",
        "/inside": "FIELD_INVALID",
        "/late.png": "URL_FETCH_FAILED",
        "/nothing": "URL_FETCH_FAILED",
    }
    assert await scene.names() == []


async def test_private_networks_are_closed_unless_the_operator_opens_them(scene: Scene) -> None:
    with pytest.raises(DarkroomError, match="DARKROOM_FETCH_ALLOWED_NETWORKS") as raised:
        await scene.world.files.imports.fetch(scene.account, scene.origin.url("/photo.png"))
    assert raised.value.reason is ErrorReason.FIELD_INVALID
    assert scene.origin.requests == []


async def test_it_takes_no_more_room_than_there_is(scene: Scene) -> None:
    too_much: list[tuple[dict[str, int], ErrorReason, int]] = [
        ({"max_file_bytes": 10_000}, ErrorReason.FILE_TOO_LARGE, 1),
        ({"quota_bytes": 10_000}, ErrorReason.QUOTA_EXCEEDED, 1),
        ({"quota_bytes": 0}, ErrorReason.QUOTA_EXCEEDED, 0),
        ({"quota_files": 0}, ErrorReason.QUOTA_EXCEEDED, 0),
    ]
    for limits, reason, asked in too_much:
        before = len(scene.origin.requests)
        with pytest.raises(DarkroomError) as raised:
            await scene.files(**limits).imports.fetch(scene.account, scene.origin.url("/photo.png"))
        assert (raised.value.reason, len(scene.origin.requests) - before) == (reason, asked)
    assert await scene.names() == []


async def test_a_repeat_with_the_same_key_fetches_nothing(scene: Scene) -> None:
    imports, url = scene.files().imports, scene.origin.url("/photo.png")
    first = await imports.fetch(scene.account, url, call=scene.call("a"))
    again = await scene.files().imports.fetch(scene.account, url, call=scene.call("a"))
    assert (again.id, len(scene.origin.requests), await scene.names()) == (first.id, 1, ["photo.png"])
    with pytest.raises(DarkroomError) as raised:
        await imports.fetch(scene.account, scene.origin.url("/other.png"), call=scene.call("a", b"other"))
    assert raised.value.reason is ErrorReason.IDEMPOTENCY_KEY_MISMATCH
    await scene.world.files.library.delete(scene.account, first.id)
    with pytest.raises(DarkroomError) as raised:
        await imports.fetch(scene.account, url, call=scene.call("a"))
    assert (raised.value.reason, len(scene.origin.requests)) == (ErrorReason.FILE_NOT_FOUND, 1)


async def test_what_fails_may_be_tried_again_with_its_key(scene: Scene) -> None:
    imports, url = scene.files().imports, scene.origin.url("/later.png")
    with pytest.raises(DarkroomError):
        await imports.fetch(scene.account, url, call=scene.call("b"))
    scene.origin.pages["/later.png"] = response(PICTURE)
    assert (await imports.fetch(scene.account, url, call=scene.call("b"))).name == "later.png"


async def test_of_two_calls_with_one_key_one_files_remains(scene: Scene) -> None:
    both = [scene.files().imports.fetch(scene.account, scene.origin.url("/photo.png"), call=scene.call("c")) for _ in range(2)]
    one, other = await asyncio.gather(*both)
    assert (one.id, await scene.names()) == (other.id, ["photo.png"])


async def test_an_account_cannot_fetch_everything_at_once(scene: Scene) -> None:
    holding, let_go = asyncio.Semaphore(0), asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        holding.release()
        await let_go.wait()
        writer.write(response(PICTURE))
        await writer.drain()

    scene.origin.pages["/held.png"] = held
    imports, url = scene.files(fetch_concurrency=3, fetch_concurrency_each=2).imports, scene.origin.url("/held.png")
    under_way = [asyncio.create_task(imports.fetch(scene.account, url)) for _ in range(2)]
    await holding.acquire()
    await holding.acquire()
    with pytest.raises(DarkroomError) as raised:
        await imports.fetch(scene.account, url)
    assert (raised.value.reason, raised.value.advised_wait) == (ErrorReason.RATE_LIMITED, 2)
    under_way.append(asyncio.create_task(imports.fetch(scene.world.account(), url)))
    await holding.acquire()
    with pytest.raises(DarkroomError) as raised:
        await imports.fetch(scene.world.account(), url)
    assert raised.value.reason is ErrorReason.UNAVAILABLE
    let_go.set()
    assert {file.name for file in await asyncio.gather(*under_way)} == {"held.png"}


async def test_a_caller_who_leaves_leaves_nothing(scene: Scene) -> None:
    begun = asyncio.Event()

    async def hanging(writer: asyncio.StreamWriter) -> None:
        # More than a block, so that a record exists.
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE + bytes(17 << 20))
        await writer.drain()
        begun.set()
        await asyncio.Event().wait()

    scene.origin.pages["/hanging.png"] = hanging
    fetching = asyncio.create_task(scene.files().imports.fetch(scene.account, scene.origin.url("/hanging.png")))
    await begun.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert await scene.names() == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://example.com/a.png", "must begin with https:// or http://"),
        ("https://user:secret@example.com/a.png", "user name"),
        ("http://10.0.0.1/a.png", "may not be fetched from"),
        ("http://[::ffff:169.254.169.254]/a.png", "may not be fetched from"),
        ("https://example.com/" + "a" * 8000, "at most 8,000 characters"),
    ],
)
async def test_what_a_url_shows_by_itself_is_seen_without_the_network(scene: Scene, url: str, told: str) -> None:
    with pytest.raises(DarkroomError, match=told) as raised:
        scene.files().imports.check(scene.account, url, "url")
    assert (raised.value.reason, raised.value.field, "secret" in str(raised.value)) == (ErrorReason.FIELD_INVALID, "url", False)


async def test_a_name_and_an_allowed_address_may_be_fetched_from(scene: Scene) -> None:
    for url in ("https://nowhere.invalid/a.png?x=1#y", "http://127.0.0.1/a.png", "http://1.1.1.1/"):
        scene.files().imports.check(scene.account, url, "url")


async def test_content_that_came_with_a_request_becomes_a_file(scene: Scene) -> None:
    file = await scene.files().imports.store(scene.account, PICTURE, "image")
    assert (file.state, file.name, file.media_type, file.size_bytes, file.width) == (
        FileState.READY,
        "input.png",
        "image/png",
        len(PICTURE),
        40,
    )
    assert await scene.stored(file) == PICTURE
    large = content.png(padding=9 << 20)
    assert await scene.stored(await scene.files().imports.store(scene.account, large, "image")) == large
    assert (await scene.files().imports.store(scene.account, content.jpeg(), "image")).name == "input.jpg"


async def test_content_is_refused_like_any_upload(scene: Scene) -> None:
    wrong = {
        b"": ErrorReason.FILE_CORRUPT,
        b"<!doctype html>": ErrorReason.MEDIA_UNSUPPORTED,
        PICTURE[:60]: ErrorReason.FILE_CORRUPT,
        content.pdf(password="open"): ErrorReason.FILE_ENCRYPTED,
        content.bomb(): ErrorReason.MEDIA_LIMIT_EXCEEDED,
    }
    for sent, reason in wrong.items():
        with pytest.raises(DarkroomError) as raised:
            await scene.files().imports.store(scene.account, sent, "image")
        assert (raised.value.reason, raised.value.field) == (reason, "image")
    with pytest.raises(DarkroomError, match="most that are allowed") as raised:
        await scene.files(max_file_bytes=1000).imports.store(scene.account, PICTURE, "image")
    assert raised.value.reason is ErrorReason.FILE_TOO_LARGE
    with pytest.raises(DarkroomError, match="may still store"):
        await scene.files(quota_bytes=1000).imports.store(scene.account, PICTURE, "image")
    assert await scene.names() == []


async def test_files_of_the_operators_storages(scene: Scene, tmp_path: Path) -> None:
    settings = scene.world.settings
    file = tmp_path / "storages.toml"
    file.write_text(
        f'[web]\ntype = "web_folder"\nbase_url = "{scene.origin.url("/folder")}"\n'
        f'[bucket]\ntype = "s3"\nendpoint = "{settings.s3_endpoint}"\nbucket = "{settings.s3_bucket}"\npath = "photos"\n'
        f'access_key = "{settings.s3_access_key}"\nsecret_key = "{settings.s3_secret_key.get_secret_value()}"\n'
    )
    # Their hosts are where no client may send the server.
    imports = scene.world.again(storages_file=file).imports
    scene.origin.pages |= {"/folder/a%20b.png": response(PICTURE), "/folder/away.png": redirect(scene.origin.url("/photo.png"))}
    url = Presigner(
        settings.s3_endpoint, settings.s3_bucket, settings.s3_region, settings.s3_access_key, settings.s3_secret_key.get_secret_value()
    ).put("photos/c%20d.png", 60)
    assert (await scene.world.http.put(url, content=PICTURE)).status_code == 200
    for named in ("storage://web/a b.png", "storage://bucket/c d.png"):
        imports.check(scene.account, named, "input")
        assert await scene.stored(await imports.fetch(scene.account, named)) == PICTURE
    for named, reason in (
        ("storage://web/away.png", ErrorReason.URL_FETCH_FAILED),
        ("storage://bucket/none.png", ErrorReason.URL_FETCH_FAILED),
        ("storage://other/a.png", ErrorReason.FIELD_INVALID),
        (scene.origin.url("/photo.png"), ErrorReason.FIELD_INVALID),
    ):
        with pytest.raises(DarkroomError) as refused:
            await imports.fetch(scene.account, named)
        assert refused.value.reason is reason, named
