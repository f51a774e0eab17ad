"""Calls as forms, from the file to the task, through the public port."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio, check_reply

CUT, UPSCALE, UNMARK = "/v1/images/remove-background", "/v1/images/upscale", "/v1/images/remove-watermark"
PICTURE = encoded(disc(64, 48), "PNG")
Content = bytes | str


async def send(pilio: Pilio, path: str, *parts: tuple[str, Content] | tuple[str, Content, str], **headers: str) -> httpx.Response:
    """A form of fields (name, text) and files (name, bytes, file name), in this order."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, content, *file_name in parts:
        told = f'; filename="{file_name[0]}"' if file_name else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode()
        body += (content if isinstance(content, bytes) else content.encode()) + b"\r\n"
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    response = await pilio.http.post(
        pilio.url + path, content=body + f"--{boundary}--\r\n".encode(), headers={**pilio.headers, **kind, **headers}
    )
    check_reply("post", path.partition("?")[0], response)
    return response


def refused(response: httpx.Response) -> tuple[int, int, str | None]:
    body = response.json()
    return response.status_code, body["code"], body["data"].get("field")


async def files_of(pilio: Pilio) -> list[dict[str, Any]]:
    """What the account has uploaded."""
    return [file for file in (await pilio.get("/v1/files")).json()["data"]["items"] if file["origin"] == "upload"]


@pytest.mark.parametrize("first", [True, False])
async def test_one_call_from_the_file_to_the_result(pilio: Pilio, first: bool) -> None:
    file, fields = ("file", PICTURE, "photo.png"), [("factor", "2"), ("enhance_quality", "true")]
    reply = await send(pilio, f"{UPSCALE}?wait=60", *([file, *fields] if first else [*fields, file]))
    data = reply.json()["data"]
    assert (reply.status_code, data["status"]) == (200, "Succeeded"), reply.text
    [result] = data["files"]
    assert isinstance(result["size"], int)
    assert Image.open(io.BytesIO((await pilio.http.get(result["download_url"])).content)).size == (128, 96)
    [uploaded] = await files_of(pilio)
    assert (uploaded["name"], uploaded["size"], uploaded["status"]) == ("photo.png", len(PICTURE), "Ready")


async def test_what_curl_sends_and_follows(pilio: Pilio) -> None:
    redirected = await send(pilio, f"{UPSCALE}?redirect=true", ("file", PICTURE, "photo.png"))
    assert redirected.status_code == 303
    followed = await pilio.http.get(redirected.headers["location"], headers=pilio.headers)
    assert Image.open(io.BytesIO(followed.content)).size == (128, 96)


async def test_a_form_has_the_replies_of_json(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", PICTURE)
    as_json = await pilio.post(CUT, {"image_file_id": file_id})
    as_form = await send(pilio, CUT, ("image_file_id", file_id))
    assert as_form.json()["data"].keys() == as_json.json()["data"].keys()
    # Objects as JSON, in one part or in several.
    box = {"x1": 10, "y1": 10, "x2": 40, "y2": 40}
    for boxes in ([("boxes", json.dumps([box, box]))], [("boxes", json.dumps(box)), ("boxes", json.dumps(box))]):
        accepted = await send(pilio, UNMARK, ("mode", "manual"), *boxes, ("file", PICTURE, "photo.png"))
        assert accepted.status_code == 200, accepted.text


async def test_two_files_for_two_fields(pilio: Pilio) -> None:
    background = encoded(disc(32, 32), "JPEG")
    reply = await send(pilio, f"{CUT}?wait=60", ("background_file", background, "b.jpg"), ("file", PICTURE, "a.png"))
    assert reply.json()["data"]["status"] == "Succeeded", reply.text
    assert {file["name"] for file in await files_of(pilio)} == {"a.png", "b.jpg"}


@pytest.mark.parametrize(("name", "stored"), [("blob", "blob.png"), ("../../a\\photo", "photo.png"), ("", "file.png"), ("x.txt", "x.png")])
async def test_content_says_what_a_name_does_not(pilio: Pilio, name: str, stored: str) -> None:
    assert (await send(pilio, CUT, ("file", PICTURE, name))).status_code == 200
    assert [file["name"] for file in await files_of(pilio)] == [stored]


async def test_a_large_file_goes_in_parts(pilio: Pilio) -> None:
    large = PICTURE + bytes(20 << 20)
    reply = await send(pilio, f"{UPSCALE}?wait=60", ("file", large, "large.png"))
    assert reply.json()["data"]["status"] == "Succeeded", reply.text
    [uploaded] = await files_of(pilio)
    assert uploaded["size"] == len(large)
    signed = (await pilio.get(f"/v1/files/{uploaded['id']}/download-url")).json()["data"]["download_url"]
    assert (await pilio.http.get(signed)).content == large


BAD: list[tuple[str, list[tuple[Any, ...]], tuple[int, int, str | None]]] = [
    ("no file", [("industry_type", "portrait")], (400, 40001, "file")),
    ("no such field", [("file", PICTURE, "a.png"), ("colour", "red")], (400, 40001, "colour")),
    ("a value that is not allowed", [("file", PICTURE, "a.png"), ("quality_type", "superb")], (400, 40001, "quality_type")),
    ("not a boolean", [("file", PICTURE, "a.png"), ("keep_shadow", "maybe")], (400, 40001, "keep_shadow")),
    ("given twice", [("quality_type", "fast"), ("quality_type", "fast"), ("file", PICTURE, "a.png")], (400, 40001, "quality_type")),
    ("two files for one", [("file", PICTURE, "a.png"), ("file", PICTURE, "b.png")], (400, 40001, "file")),
    ("a file where none is", [("quality_type", PICTURE, "a.png")], (400, 40001, "quality_type")),
    ("a field where a file is", [("file", "123")], (400, 40001, "file")),
    ("a file and an id", [("file", PICTURE, "a.png"), ("image_file_id", "1")], (400, 40001, "file")),
    ("not a picture", [("file", b"plain text", "notes")], (400, 40005, "file")),
    ("another kind of picture", [("file", b"GIF89a" + bytes(20), "a.gif")], (400, 40006, "file")),
    ("damaged", [("file", PICTURE[:40], "a.png")], (400, 40006, "file")),
    ("empty", [("file", b"", "a.png")], (400, 40006, "file")),
    ("a very long field", [("webhook_url", "x" * (2 << 20)), ("file", PICTURE, "a.png")], (413, 41300, None)),
    ("many parts", [("quality_type", "fast")] + [("industry_type", "x")] * 1000, (400, 40000, None)),
]


@pytest.mark.parametrize(("parts", "expected"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_a_bad_form_is_refused_and_leaves_nothing(pilio: Pilio, parts: list[Any], expected: tuple[int, int, str | None]) -> None:
    reply = await send(pilio, CUT, *parts)
    assert refused(reply) == expected, reply.text
    assert await files_of(pilio) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"no form at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PICTURE),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        (f"multipart/form-data; boundary={'x' * 300}", b"--x--"),
    ],
)
async def test_what_is_no_form_is_malformed(pilio: Pilio, kind: str, body: bytes) -> None:
    reply = await pilio.http.post(pilio.url + CUT, content=body, headers={**pilio.headers, "content-type": kind})
    assert refused(reply) == (400, 40000, None), reply.text
    assert await files_of(pilio) == []


async def test_who_may_send_forms(stack: StackUnderTest, pilio: Pilio) -> None:
    for headers, expected in (
        ({"Authorization": ""}, (401, 1402, None)),
        ({"Authorization": "Bearer dk_sk_" + "x" * 43}, (401, 1402, None)),
        ({"Authorization": "", "x-darkroom-identity": "forged"}, (401, 1402, None)),
    ):
        assert refused(await send(pilio, CUT, ("file", PICTURE, "a.png"), **headers)) == expected
    for scopes, missing in ((["tasks:write"], "files:write"), (["files:write"], "tasks:write")):
        created = await pilio.post("/v1/keys", {"name": "narrow", "scopes": scopes})
        narrow = {"Authorization": f"Bearer {created.json()['data']['secret']}"}
        reply = await send(pilio, CUT, ("file", PICTURE, "a.png"), **narrow)
        assert refused(reply) == (403, 40300, None)
        assert missing in reply.json()["message"]
    assert await files_of(pilio) == []


async def test_a_form_that_is_sent_again_is_the_same_task(pilio: Pilio) -> None:
    key = {"Idempotency-Key": "form"}
    first = await send(pilio, f"{CUT}?wait=60", ("file", PICTURE, "a.png"), ("quality_type", "fast"), **key)
    again = await send(pilio, f"{CUT}?wait=60", ("file", PICTURE, "a.png"), ("quality_type", "fast"), **key)
    assert first.json()["data"]["task_id"] == again.json()["data"]["task_id"]
    # What was stored the second time is gone.
    assert len(await files_of(pilio)) == 1
    other = encoded(disc(32, 32), "PNG")
    for parts in ([("file", other, "a.png"), ("quality_type", "fast")], [("file", PICTURE, "a.png")]):
        assert refused(await send(pilio, CUT, *parts, **key)) == (409, 40900, "idempotency-key")
    assert len(await files_of(pilio)) == 1


async def test_a_client_that_goes_away_leaves_nothing(pilio: Pilio) -> None:
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PICTURE + bytes(9 << 20)
        sent.set()
        await asyncio.Event().wait()

    headers = {**pilio.headers, "content-type": "multipart/form-data; boundary=x"}
    sending = asyncio.create_task(pilio.http.post(pilio.url + CUT, content=body(), headers=headers))
    await sent.wait()
    while not await files_of(pilio):
        await asyncio.sleep(0.05)
    sending.cancel()
    async with asyncio.timeout(30):
        while await files_of(pilio):
            await asyncio.sleep(0.05)


async def test_a_form_may_be_chunked_and_in_small_pieces(pilio: Pilio) -> None:
    whole = (
        b'\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + PICTURE
        + b"\r\n--x--\r\nepilogue"
    )

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 7):
            yield whole[at : at + 7]

    headers = {**pilio.headers, "content-type": "Multipart/Form-Data; boundary=x"}
    reply = await pilio.http.post(f"{pilio.url}{CUT}?wait=60", content=pieces(), headers=headers)
    assert reply.json()["data"]["status"] == "Succeeded", reply.text


async def test_a_form_where_none_is_taken(pilio: Pilio) -> None:
    reply = await pilio.http.post(pilio.url + "/v1/batches", files={"file": PICTURE}, headers=pilio.headers)
    assert reply.status_code == 400, reply.text


async def test_a_form_announced_too_large_is_refused_at_once(pilio: Pilio) -> None:
    where = urlsplit(pilio.url)
    with socket.create_connection((where.hostname, where.port)) as raw:
        head = f"POST {CUT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {pilio.api_key}\r\n"
        raw.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3000000000\r\n\r\n".encode())
        reply = await asyncio.to_thread(raw.recv, 4096)
    assert b" 413 " in reply.splitlines()[0]
    assert b'"code":41300' in reply
