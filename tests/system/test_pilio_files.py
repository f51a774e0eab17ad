"""POST /v1/files/batch-create and /v1/files/:id/complete, through the public port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import NANOID, Pilio

MIB = 2**20
GIB2 = 2**31


async def test_simple_upload(pilio: Pilio) -> None:
    item = await pilio.create("reference.png", 1024, "simple")
    assert item["id"].isdigit()
    assert int(item["id"]) < 10**15
    assert item == {
        "id": item["id"],
        "nanoid": NANOID,
        "name": "reference.png",
        "type": "png",
        "status": "Pending",
        "size": 1024,
        "upload_url": item["upload_url"],
    }
    assert item["upload_url"].startswith(pilio.url)


@pytest.mark.parametrize(
    ("size", "mode", "parts"),
    [
        (None, None, None),
        (None, "auto", None),
        (5 * MIB, "auto", None),
        (5 * MIB + 1, "auto", 2),
        (25 * MIB, "auto", 5),
        (GIB2, "simple", None),
        (10, "multipart", 1),
        (GIB2, "multipart", 410),
    ],
)
async def test_upload_mode_decides_between_one_url_and_parts(pilio: Pilio, size: int | None, mode: str | None, parts: int | None) -> None:
    item = await pilio.create("a.png", size, mode)
    assert ("upload_url" in item) == (parts is None)
    assert ("upload_urls" in item) == (parts is not None)
    assert ("upload_id" in item) == (parts is not None)
    if parts is not None:
        assert len(item["upload_urls"]) == parts


async def test_parts_are_joined_in_any_order_and_completing_twice_is_harmless(pilio: Pilio) -> None:
    content = encoded(disc(), "PNG") + bytes(11 * MIB)
    item = await pilio.create("large.png", len(content), "multipart")
    size = int(item["part_size"])
    etags = {}
    for index in reversed(range(len(item["upload_urls"]))):
        part = content[index * size : (index + 1) * size]
        etags[index + 1] = (await pilio.http.put(item["upload_urls"][index], content=part)).headers["etag"]
    body = {"parts": [{"part_number": number, "etag": etags[number]} for number in sorted(etags)]}
    for _ in range(2):
        response = await pilio.post(f"/v1/files/{item['id']}/complete", body)
        assert (response.status_code, response.json()) == (200, {"code": 200, "message": "success", "data": None})
    await pilio.run("/v1/images/remove-background", {"image_file_id": item["id"]})


@pytest.mark.thorough
async def test_as_many_files_as_large_as_may_be(pilio: Pilio, stack: StackUnderTest, account: Account) -> None:
    """Both limits at once: 500 files of 2 GB by one call, for an account that may store a terabyte."""
    sources = [{"nanoid": f"{number:021d}", "name": f"{number}.pdf", "type": "pdf", "size": GIB2} for number in range(500)]
    refused = await pilio.post("/v1/files/batch-create", {"files": sources})
    assert (refused.status_code, refused.json()["code"], refused.json()["data"]["error_code"]) == (429, 42910, "quota_exceeded")
    assert "53687091200 bytes" in refused.json()["message"] and str(500 * GIB2) in refused.json()["message"]
    await asyncio.to_thread(stack.admin, "files", "quota", "--account", account.id, "--bytes", str(10**13))
    items = (await pilio.post("/v1/files/batch-create", {"files": sources})).json()["data"]["items"]
    assert {(len(item["upload_urls"]), item["part_size"]) for item in items} == {(7, 320 * MIB)}
    again = await pilio.post("/v1/files/batch-create", {"files": sources[:1]})
    assert (again.status_code, again.json()["code"]) == (429, 42910) and "uploads in parts" in again.json()["message"]


async def status_of(pilio: Pilio, url: str) -> int:
    """Of a download that may be deleted while it is read, which breaks it off: 0."""
    try:
        return (await pilio.http.get(url)).status_code
    except httpx.RemoteProtocolError:
        return 0


async def used_bytes(pilio: Pilio) -> int:
    used: int = (await pilio.get("/v1/usage")).json()["data"]["bytes"]["used"]
    return used


async def refused(pilio: Pilio, url: str, content: bytes) -> list[tuple[int, str]]:
    """How five PUTs end."""
    replies = [await pilio.http.put(url, content=content) for _ in range(5)]
    [told] = {(reply.status_code, reply.json()["error"]["reason"]) for reply in replies}
    return [told]


async def broken_off(url: httpx.URL, content: bytes) -> None:
    """Send half of an upload, and close the connection."""
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"PUT {url.raw_path.decode()} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n\r\n".encode())
    writer.write(content[: len(content) // 2])
    await writer.drain()
    writer.close()


async def test_an_upload_url_ends_with_its_file(pilio: Pilio) -> None:
    ended, first, second = [(404, "UPLOAD_NOT_FOUND")], encoded(disc(), "PNG"), encoded(disc(80), "PNG")
    item = await pilio.create("photo.png", len(first))
    await broken_off(httpx.URL(item["upload_url"]), first)
    for _ in range(2):
        assert (await pilio.http.put(item["upload_url"], content=first)).status_code == 200
    download = (await pilio.get(f"/v1/files/{item['id']}/download-url")).json()["data"]["download_url"]
    assert await refused(pilio, item["upload_url"], second) == ended
    assert (await pilio.http.get(download)).content == first

    large, parted = await pilio.create("large.png", MIB), await pilio.create("parted.png", 6 * MIB, "multipart")
    assert (await pilio.http.put(large["upload_url"], content=bytes(MIB))).status_code == 200
    assert (await pilio.http.put(parted["upload_urls"][0], content=bytes(MIB))).status_code == 200
    for each in (item, large, parted):
        assert (await pilio.delete(f"/v1/files/{each['id']}")).status_code == 200
    for url in (item["upload_url"], large["upload_url"], *parted["upload_urls"]):
        assert await refused(pilio, url, bytes(MIB)) == ended
    assert await used_bytes(pilio) == 0
    async with asyncio.timeout(60):
        while await status_of(pilio, download) != 404:
            await asyncio.sleep(0.1)


async def test_uploads_count_as_they_arrive(pilio: Pilio, stack: StackUnderTest, account: Account) -> None:
    files = [await pilio.create(f"{number}.png", None, "simple") for number in range(3)]
    await asyncio.to_thread(stack.admin, "files", "quota", "--account", account.id, "--bytes", str(2 * MIB))
    for number, item in enumerate(files[:2], 1):
        assert (await pilio.http.put(item["upload_url"], content=bytes(MIB))).status_code == 200
        assert await used_bytes(pilio) == number * MIB
    # Each of the URLs took 2 GiB when it was made; together they take what the account may store.
    assert await refused(pilio, files[2]["upload_url"], b"x") == [(413, "BODY_TOO_LARGE")]
    assert (await pilio.http.put(files[0]["upload_url"], content=bytes(MIB))).status_code == 200
    assert (await pilio.delete(f"/v1/files/{files[0]['id']}")).status_code == 200
    assert (await pilio.http.put(files[2]["upload_url"], content=b"x")).status_code == 200

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    unannounced = await pilio.http.put(files[2]["upload_url"], content=chunks())
    assert (unannounced.status_code, unannounced.json()["error"]["reason"]) == (411, "MALFORMED_REQUEST")


async def test_files_come_back_in_order(pilio: Pilio) -> None:
    sources = [{"nanoid": f"{number:021d}", "name": f"{number}.pdf", "type": "pdf", "size": number} for number in range(500)]
    data = (await pilio.post("/v1/files/batch-create", {"files": sources})).json()["data"]
    assert data["total"] == 500
    assert [item["nanoid"] for item in data["items"]] == [source["nanoid"] for source in sources]
    assert len({item["id"] for item in data["items"]}) == 500


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (None, 40001),
        ([], 40001),
        ([{"part_number": 0, "etag": "x"}], 40001),
        ([{"part_number": 2, "etag": "x"}], 40001),
        ([{"part_number": 1}], 40001),
        ([{"part_number": 1, "etag": "0" * 32}], 40001),
    ],
)
async def test_bad_parts(pilio: Pilio, parts: object, code: int) -> None:
    item = await pilio.create("a.png", 10, "multipart")
    assert (await pilio.http.put(item["upload_urls"][0], content=bytes(10))).status_code == 200
    response = await pilio.post(f"/v1/files/{item['id']}/complete", {"parts": parts} if parts is not None else {})
    assert (response.status_code, response.json()["code"]) == (400, code), response.text


async def test_completing_what_is_no_multipart_upload(pilio: Pilio) -> None:
    item = await pilio.create("a.png", 10, "simple")
    response = await pilio.post(f"/v1/files/{item['id']}/complete", {"parts": [{"part_number": 1, "etag": "x"}]})
    assert (response.status_code, response.json()["code"]) == (400, 1510)
    assert response.json()["data"]["error_code"] == "upload_not_found"


@pytest.mark.parametrize("body", [{}, {"upload_mode": "single", "duration_ms": 1234}, {"parts": []}, {"parts": None}])
async def test_completing_after_a_single_put_again_and_again(pilio: Pilio, body: dict[str, object]) -> None:
    item = await pilio.create("reference.png", 1024, "simple")
    early = await pilio.post(f"/v1/files/{item['id']}/complete", body)
    assert (early.status_code, early.json()["code"]) == (400, 40003)
    assert (await pilio.http.put(item["upload_url"], content=encoded(disc(64, 48), "PNG"))).status_code == 200
    for _ in range(3):
        response = await pilio.post(f"/v1/files/{item['id']}/complete", body)
        assert (response.status_code, response.json()) == (200, {"code": 200, "message": "success", "data": None})
    told = (await pilio.post(f"/v1/files/{item['id']}/complete", {**body, "part": []})).json()
    assert (told["code"], told["data"]) == (200, {"not_applied": ["part"]})


async def test_completing_what_has_expired_or_never_was(pilio: Pilio, other_pilio: Pilio) -> None:
    """A client begins anew on 1510. An upload that has expired is removed like one that is aborted."""
    item, foreign = await pilio.create("a.png", 10, "multipart"), await other_pilio.create("a.png", 10, "multipart")
    assert (await pilio.post(f"/v1/files/{item['id']}/abort", {})).status_code == 200
    for file_id in (item["id"], foreign["id"], "1", "nonsense"):
        for body in ({"parts": [{"part_number": 1, "etag": "x"}]}, {}):
            response = await pilio.post(f"/v1/files/{file_id}/complete", body)
            assert (response.status_code, response.json()["code"]) == (400, 1510), response.text


async def test_slices_of_5_mib_and_as_many_equal_pieces_as_there_are_urls(pilio: Pilio) -> None:
    content = encoded(disc(64, 48), "PNG") + bytes(11 * MIB)
    for equal in (False, True):
        item = await pilio.create("large.png", len(content), "auto")
        count = len(item["upload_urls"])
        cut = -(-len(content) // count) if equal else 5 * MIB
        pieces = [content[start : start + cut] for start in range(0, len(content), cut)]
        parts = [
            {"part_number": number, "etag": (await pilio.http.put(url, content=piece)).headers["etag"]}
            for number, (url, piece) in enumerate(zip(item["upload_urls"], pieces, strict=True), 1)
        ]
        response = await pilio.post(f"/v1/files/{item['id']}/complete", {"parts": parts})
        assert (response.status_code, response.json()["code"]) == (200, 200), response.text


async def test_500_files_with_long_escaped_names(pilio: Pilio) -> None:
    name = "😀" * 296 + ".png"
    body = json.dumps({"files": [{"nanoid": f"{number:021d}", "name": name, "type": "png"} for number in range(500)]})
    assert len(body) > MIB
    response = await pilio.http.post(f"{pilio.url}/v1/files/batch-create", content=body, headers=pilio.headers)
    assert (response.status_code, response.json()["data"]["total"]) == (200, 500)
    response = await pilio.http.post(f"{pilio.url}/v1/files/batch-create", content=" " * 4 * MIB + body, headers=pilio.headers)
    assert (response.status_code, response.json()["code"]) == (413, 41300)


async def test_browser_may_upload_parts_from_another_origin(pilio: Pilio) -> None:
    item = await pilio.create("a.png", 10, "multipart")
    url, origin = item["upload_urls"][0], {"Origin": "https://shop.example"}
    preflight = await pilio.http.options(url, headers={**origin, "Access-Control-Request-Method": "PUT"})
    assert preflight.status_code in (200, 204)
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    response = await pilio.http.put(url, content=bytes(10), headers=origin)
    assert response.headers["access-control-allow-origin"] in ("*", origin["Origin"])
    assert "etag" in response.headers["access-control-expose-headers"].lower()


async def test_storage_is_closed_without_a_signature(pilio: Pilio) -> None:
    item = await pilio.create("a.png", 10, "simple")
    url = httpx.URL(item["upload_url"])
    unsigned = url.copy_with(query=None)
    tampered = url.copy_with(path=url.path + "x")
    for target in (unsigned, tampered):
        assert (await pilio.http.put(target, content=b"0123456789")).status_code in (400, 403)
    bucket = str(url.copy_with(query=None, path="/" + url.path.split("/")[1]))
    for listing in (bucket, bucket + "/", bucket + "?list-type=2"):
        assert (await pilio.http.get(listing)).status_code in (400, 401, 403, 404)
