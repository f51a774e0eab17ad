"""Pictures by URL through the public port, as web pages ask for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from darkroom import AsyncClient, InvalidRequest, NotFound, PictureUrls
from tests.origin import Origin, response
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio
from tests.system.shell import Shell

PICTURE = encoded(disc(64, 48), "JPEG")
CROP = "crop:area=" + quote('{"left":100,"top":0,"width":20,"height":20}')
"""Outside of PICTURE."""
GONE_SECONDS = 15.0
BROWSER = {"accept": "image/avif,image/webp,*/*;q=0.8"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin({"/shop/disc.jpg": response(PICTURE), "/other/disc.jpg": response(PICTURE)}) as serving:
        yield serving


@pytest.fixture
async def urls(native: AsyncClient, stack: StackUnderTest) -> PictureUrls:
    key, secret = await native.picture_keys.create("shop")
    return PictureUrls(stack.url, key.id, secret)


async def photo(native: AsyncClient, content: bytes = PICTURE) -> int:
    return (await native.upload(content, name="photo.jpg", permanent=True)).id


async def refused(http: httpx.AsyncClient, url: str) -> tuple[int, str, str]:
    reply = await http.get(url)
    assert reply.headers["cache-control"] == "no-store"
    error = reply.json()["error"]
    return reply.status_code, error["code"], error.get("field", "")


async def test_a_browser_gets_the_picture_in_its_format(native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient) -> None:
    url = urls.url(await photo(native), "resize:width=32")
    for headers, media_type in ((BROWSER, "image/avif"), ({"accept": "image/webp"}, "image/webp"), ({"accept": "*/*"}, "image/jpeg")):
        reply = await http.get(url, headers=headers)
        assert (reply.status_code, reply.headers["content-type"]) == (200, media_type), reply.text
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert reply.headers["content-disposition"].startswith("inline; filename=")
        assert reply.headers["vary"] == "Accept"
        assert opened(reply.content).size == (32, 24)
    # Storage answers the first time, and the gateway's memory later.
    for _ in range(3):
        again = await http.get(url, headers={"if-none-match": reply.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", reply.headers["etag"])
        whole = await http.get(url)
        assert (whole.content, whole.headers["etag"]) == (reply.content, reply.headers["etag"])
        assert {"content-security-policy", "x-content-type-options", "vary"} <= whole.headers.keys()
    part = await http.get(url, headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, reply.content[:10])
    head = await http.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(reply.content)))


async def test_many_readers_cost_one_task(native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient) -> None:
    url = urls.url(await photo(native), "rotate:angle=90;format=png")
    replies = await asyncio.gather(*(http.get(url) for _ in range(100)))
    assert {(reply.status_code, reply.content == replies[0].content) for reply in replies} == {(200, True)}
    [made] = await native.list_tasks()
    assert made.price.charged_millicredits == made.price.millicredits > 0
    # Another text of the same URL is the same picture.
    other = urls.url(made.input_file_ids[0], "format=png;rotate:angle=90", expires=timedelta(days=1))
    assert (await http.get(other)).content == replies[0].content
    assert len(await native.list_tasks()) == 1


async def test_a_cut_out_stays_transparent(native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient) -> None:
    url = urls.url(await photo(native), "remove-background;resize:width=32")
    for headers, media_type in ((BROWSER, "image/avif"), ({}, "image/png")):
        reply = await http.get(url, headers=headers)
        assert (reply.status_code, reply.headers["content-type"]) == (200, media_type), reply.text
        assert opened(reply.content).mode == "RGBA"


async def test_urls_that_are_not_signed_so_are_refused(
    native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient, stack: StackUnderTest
) -> None:
    file_id = await photo(native)
    url = urls.url(file_id, "resize:width=32")
    for wrong in (
        url.replace("width=32", "width=33"),
        url.replace(f"/{file_id}", f"/{file_id + 1}"),
        url.replace("resize:width", "resize%3Awidth"),
        url.replace("/i/", "/i/9"),
        url.replace("/resize", "A/resize"),
        f"{stack.url}/i/x/-/{file_id}",
    ):
        assert await refused(http, wrong) == (403, "permission_denied", "")
    assert await refused(http, urls.url(file_id, expires=datetime.now(UTC) - timedelta(seconds=1))) == (403, "permission_denied", "expires")
    for path in ("/i", "/i/", "/i/a/b", "/i/a/b/"):
        assert await refused(http, stack.url + path) == (404, "route_not_found", "")


async def test_what_is_wrong_with_a_url_is_named(native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient) -> None:
    file_id = await photo(native)
    for operations, field in {
        "nothing": "operations",
        "resize:wide=3": "resize.wide",
        "resize:width=99999999": "operations[0].resize.width",
        "format=bmp": "format",
    }.items():
        assert await refused(http, urls.url(file_id, operations)) == (400, "field_invalid", field)
    assert "resize" in (await http.get(urls.url(file_id, "nothing"))).json()["error"]["allowed"]
    assert await refused(http, urls.url("https://example.com/a.jpg")) == (400, "field_invalid", "source")
    assert await refused(http, urls.url(1)) == (404, "file_not_found", "")
    document = await native.upload(Path("samples/report.pdf"))
    assert (await refused(http, urls.url(document.id)))[:2] == (400, "media_unsupported")


async def test_a_picture_of_an_allowed_origin(native: AsyncClient, stack: StackUnderTest, http: httpx.AsyncClient, origin: Origin) -> None:
    key, secret = await native.picture_keys.create("origin", [origin.url("/shop/")])
    urls = PictureUrls(stack.url, key.id, secret)
    replies = await asyncio.gather(*(http.get(urls.url(origin.url("/shop/disc.jpg"), "resize:width=32")) for _ in range(10)))
    assert {reply.status_code for reply in replies} == {200}, replies[0].text
    assert opened(replies[0].content).size == (32, 24)
    assert replies[0].headers["cache-control"].startswith("public, max-age=86")
    assert len(origin.requests) == 1
    # What was fetched is not kept: only the result is.
    assert [file.media_type for file in await native.list_files()] == ["image/jpeg"]
    assert await refused(http, urls.url(origin.url("/other/disc.jpg"))) == (400, "field_invalid", "source")
    assert await refused(http, urls.url(origin.url("/shop/none.jpg"))) == (400, "url_fetch_failed", "source")


async def test_a_source_that_failed_is_fetched_again(
    native: AsyncClient, stack: StackUnderTest, http: httpx.AsyncClient, origin: Origin
) -> None:
    key, secret = await native.picture_keys.create("origin", [origin.url("/shop/")])
    url = PictureUrls(stack.url, key.id, secret).url(origin.url("/shop/disc.jpg"), CROP)
    assert (await http.get(url)).status_code >= 400
    origin.pages["/shop/disc.jpg"] = response(encoded(disc(256, 192), "JPEG"))
    reply = await http.get(url)
    assert (reply.status_code, len(origin.requests)) == (200, 2), reply.text
    assert opened(reply.content).size == (20, 20)


async def test_nothing_is_shown_of_what_was_deleted(native: AsyncClient, urls: PictureUrls, http: httpx.AsyncClient) -> None:
    files = [await photo(native) for _ in range(3)]
    shown = [urls.url(file_id, "resize:width=32") for file_id in files]
    for url in (*shown, *shown):
        assert (await http.get(url)).status_code == 200
    await native.delete_file(files[0])
    async with asyncio.timeout(GONE_SECONDS):
        while (status := (await http.get(shown[0])).status_code) == 200:
            await asyncio.sleep(0.5)
    assert status == 404
    for key in await native.picture_keys.list():
        await native.picture_keys.delete(key.id)
    async with asyncio.timeout(GONE_SECONDS):
        while (status := (await http.get(shown[1])).status_code) == 200:
            await asyncio.sleep(0.5)
    assert status == 403


async def test_keys(native: AsyncClient, pilio: Pilio, other_pilio: Pilio) -> None:
    made = [await native.picture_keys.create("mine", ["storage://photos"], idempotency_key="one") for _ in range(2)]
    assert made[0] == made[1]
    assert [key.name for key in await native.picture_keys.list()] == ["mine"]
    for origins in (["ftp://a.example"], ["https://a.example/file.jpg"], ["https://user:word@a.example"]):
        with pytest.raises(InvalidRequest) as wrong:
            await native.picture_keys.create("", origins)
        assert wrong.value.field == "origins[0]"
    reply = (await pilio.post("/v1/picture-keys", {"name": "json"})).json()["data"]
    assert (len(reply["secret"]), reply["key"]["origins"]) == (43, [])
    listed = (await pilio.get("/v1/picture-keys")).json()["data"]["items"]
    assert [key["name"] for key in listed] == ["mine", "json"]
    assert "secret" not in json.dumps(listed)
    path = f"/v1/picture-keys/{reply['key']['id']}"
    assert (await other_pilio.http.delete(other_pilio.url + path, headers=other_pilio.headers)).status_code == 404
    assert (await pilio.http.delete(pilio.url + path, headers=pilio.headers)).status_code == 200
    with pytest.raises(NotFound):
        await native.picture_keys.delete(int(reply["key"]["id"]))


async def test_the_command_signs(
    stack: StackUnderTest, account: Account, native: AsyncClient, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    shell = Shell(stack, account, tmp_path)
    (tmp_path / "photo.jpg").write_bytes(PICTURE)
    made = json.loads((await shell.run("picture-key", "create", "shop", "--json"))[1])
    key = {"DARKROOM_PICTURE_KEY": f"{made['key']['id']}.{made['secret']}"}
    file_id = (await shell.run("file", "put", "photo.jpg", "--permanent"))[1].split()[0]
    assert not (await native.get_file(int(file_id))).HasField("expire_time")
    status, url, err = await shell.run("picture-key", "sign", file_id, "resize:width=32", "--expires", "1d", **key)
    assert status == 0, err
    assert opened((await http.get(url.strip())).content).size == (32, 24)
    status, _, err = await shell.run("picture-key", "sign", file_id)
    assert status == 2
    assert "DARKROOM_PICTURE_KEY" in err
