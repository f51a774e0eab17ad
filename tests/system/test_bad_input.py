"""What a client gets for input that is wrong, and that nothing of it stays behind."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pikepdf
import pytest

from services.files.presign import Presigner
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import bomb_png, disc, encoded
from tests.system.pilio import NANOID, Pilio, assert_envelope

CUT, CLEAN = "/v1/images/remove-background", "/v1/pdfs/remove-watermark"
VALID = {"files": [{"nanoid": NANOID, "name": "a.png", "type": "png"}]}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "wrong"},
        {"x-darkroom-identity": "forged"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/files/batch-create", "/v1/tasks/1/status", "/v1/no/such/path"])
async def test_wrong_key(pilio: Pilio, headers: dict[str, str], path: str) -> None:
    response = await pilio.http.post(pilio.url + path, json=VALID, headers=headers)
    assert response.status_code == 401
    said = response.json()["message"]
    sent = {"Authorization", "X-API-Key"} & headers.keys()
    assert (
        said == "Invalid token"
        if sent
        else said.startswith("No API key was sent. Send it in a header: Authorization: Bearer … or X-API-Key")
    )
    assert response.json() == {"code": 1402, "message": said, "data": {"error_code": "api_key_invalid"}}
    assert response.headers["content-type"].startswith("application/json")


async def test_either_header_carries_the_key(pilio: Pilio) -> None:
    for headers in ({"Authorization": f"Bearer {pilio.api_key}"}, {"X-API-Key": pilio.api_key}):
        response = await pilio.http.post(f"{pilio.url}/v1/files/batch-create", json=VALID, headers=headers)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", ""),
        (b"files", ""),
        (b"[1, 2]", ""),
        (b'{"files": "a.png"}', "files"),
        (b'{"files": [{"size": "large"}]}', "size"),
        (b'{"files": [{"size": 1.5}]}', "size"),
        (b'{"files": [{"name": {"first": "a"}}]}', "name"),
    ],
)
async def test_malformed_json(pilio: Pilio, body: bytes, named: str) -> None:
    response = await pilio.http.post(f"{pilio.url}/v1/files/batch-create", content=body, headers=pilio.headers)
    assert response.status_code == 400, response.text
    assert_envelope(response.json())
    assert response.json()["code"] == 40000
    assert named in response.json()["message"]


@pytest.mark.parametrize(
    ("path", "body", "field", "meant"),
    [
        ("/v1/batches", {"items": [{"file_ids": ["1"], "operation": []}]}, "items[0].operation", "operations"),
        ("/v1/webhooks", {"url": "https://example.com/", "event_type": []}, "event_type", "event_types"),
        ("/v1/keys?overlap=1", {"name": "a"}, "overlap", None),
    ],
)
async def test_misspelt_fields_are_refused(pilio: Pilio, path: str, body: object, field: str, meant: str | None) -> None:
    response = await pilio.http.post(pilio.url + path, json=body, headers=pilio.headers)
    said = response.json()
    assert (response.status_code, said["code"], said["data"]["field"]) == (400, 40001, field), said
    assert said["message"] == f"{field}: is not a field of this call" + (f"; did you mean {meant}?" if meant else ".")


async def test_misspelt_fields_of_uploads_are_named(pilio: Pilio) -> None:
    created = await pilio.post("/v1/files/batch-create", {"files": [{**VALID["files"][0], "sise": 7}], "upload_modes": "simple"})
    data = created.json()["data"]
    assert data["not_applied"] == ["files[0].sise", "upload_modes"]
    assert (await pilio.http.put(data["items"][0]["upload_url"], content=encoded(disc(8, 8), "PNG"))).status_code == 200
    done = await pilio.post(f"/v1/files/{data['items'][0]['id']}/complete", {"part": []})
    assert done.json() == {"code": 200, "message": "success", "data": {"not_applied": ["part"]}}


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "/v1/no/such/path", (404,)),
        ("GET", "/v1", (404,)),
        ("POST", "/v1/images/gpt-image-3", (404,)),
        ("GET", "/v1/images/upscale", (404, 405)),
        ("DELETE", "/v1/tasks/1/status", (404, 405)),
    ],
)
async def test_unknown_routes(pilio: Pilio, method: str, path: str, statuses: tuple[int, ...]) -> None:
    response = await pilio.http.request(method, pilio.url + path, headers=pilio.headers)
    assert response.status_code in statuses
    assert_envelope(response.json())


async def test_body_over_the_limit(pilio: Pilio) -> None:
    response = await pilio.http.post(f"{pilio.url}{CUT}", content=b'{"image_file_id":"' + bytes(2**20 + 1), headers=pilio.headers)
    assert response.status_code == 413
    assert_envelope(response.json())
    assert response.json()["code"] == 41300


async def test_upload_over_two_gibibytes_is_stopped(pilio: Pilio) -> None:
    item = await pilio.create("a.png", None, "simple")
    url = httpx.URL(item["upload_url"])
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: {2**31 + 1}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_never_uploaded(pilio: Pilio) -> None:
    item = await pilio.create("a.png", 10, "simple")
    response = await pilio.post(CUT, {"image_file_id": item["id"]})
    assert (response.status_code, response.json()["code"]) == (400, 40003)
    assert response.json()["data"]["error_code"] == "source_file_upload_not_completed"
    assert response.json()["data"]["field"] == "image_file_id"


async def _used(pilio: Pilio, path: str, field: str, item: dict[str, str], content: bytes) -> httpx.Response:
    uploaded = await pilio.http.put(item["upload_url"], content=content)
    assert uploaded.status_code == 200
    return await pilio.post(path, {field: item["id"]})


@pytest.mark.parametrize("announced", [1, 10**6])
async def test_other_size_than_announced(pilio: Pilio, announced: int) -> None:
    item = await pilio.create("a.png", announced, "simple")
    response = await _used(pilio, CUT, "image_file_id", item, encoded(disc(), "PNG"))
    assert (response.status_code, response.json()["code"]) == (200, 200)


@pytest.mark.parametrize(
    ("name", "content", "code", "path", "field"),
    [
        ("a.png", b"This is a text file, whatever its name says.\n" * 20, 40005, CUT, "image_file_id"),
        ("a.jpg", b"", 40006, CUT, "image_file_id"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100), 40006, CUT, "image_file_id"),
        ("a.pdf", b"%PDF-1.7\nno more than that", 40006, CLEAN, "pdf_file_id"),
        ("bomb.png", bomb_png, 40007, CUT, "image_file_id"),
    ],
)
async def test_bad_content(
    pilio: Pilio, stack: StackUnderTest, name: str, content: bytes | Callable[[], bytes], code: int, path: str, field: str
) -> None:
    # What takes long to make is made here, not by everybody who collects tests.
    content = content if isinstance(content, bytes) else content()
    item = await pilio.create(name, len(content), "simple")
    response = await _used(pilio, path, field, item, content)
    assert (response.status_code, response.json()["code"]) == (400, code), response.text
    assert response.json()["data"]["field"] == field
    await _assert_nothing_stored(stack, item)


async def test_encrypted_pdf(pilio: Pilio, report: bytes) -> None:
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(report)) as document:
        document.save(locked, encryption=pikepdf.Encryption(user="secret", owner="owner"))
    item = await pilio.create("locked.pdf", len(locked.getvalue()), "simple")
    response = await _used(pilio, CLEAN, "pdf_file_id", item, locked.getvalue())
    assert (response.status_code, response.json()["code"]) == (400, 40008)
    assert response.json()["data"]["error_code"] == "file_encrypted"


async def test_truncated_jpeg(pilio: Pilio, portrait: bytes) -> None:
    """Whether it is found when the task is created or when it runs, its owner learns that the file is damaged."""
    content = portrait[: len(portrait) // 2]
    item = await pilio.create("half.jpg", len(content), "simple")
    response = await _used(pilio, CUT, "image_file_id", item, content)
    if response.status_code == 200:
        status = await pilio.finish(response.json()["data"]["task_id"])
        assert (status["status"], status["error_type"]) == ("Failed", "file_corrupt")
        assert not (await pilio.result(status["task_id"]))["files"]
    else:
        assert response.json()["code"] == 40006


async def test_a_picture_where_a_pdf_is_wanted_and_the_other_way_round(pilio: Pilio, report: bytes) -> None:
    picture, document = await pilio.upload("a.png", encoded(disc(), "PNG")), await pilio.upload("a.pdf", report)
    for path, body in ((CUT, {"image_file_id": document}), (CLEAN, {"pdf_file_id": picture})):
        response = await pilio.post(path, body)
        assert (response.status_code, response.json()["code"]) == (400, 40005)
        assert [response.json()["data"]["field"]] == list(body)


async def test_expired_url(pilio: Pilio, stack: StackUnderTest) -> None:
    """Rightly signed, an hour and a second ago for an hour. A wrong signature is told from that."""
    item = await pilio.create("a.png", 10, "simple")
    key = httpx.URL(item["upload_url"]).path.split("/", 2)[2]
    past = datetime.now(UTC) - timedelta(seconds=3601)
    expired, valid = _signed(stack, key, past), _signed(stack, key, datetime.now(UTC))
    reply = await pilio.http.put(expired, content=b"0123456789")
    assert (reply.status_code, "This URL has expired." in reply.text) == (403, True)
    spoiled = await pilio.http.put(valid.copy_set_param("X-Amz-Signature", "0" * 64), content=b"0123456789")
    assert (spoiled.status_code, "signature is wrong" in spoiled.text, "expired" in spoiled.text) == (403, True, False)
    # The storage itself takes no expired one either, should it be reached past the edge, and finds nothing else wrong with it.
    internal = _signed(stack, key, past, stack.settings("files")["DARKROOM_S3_ENDPOINT"])
    refused = await pilio.http.put(internal, content=b"0123456789")
    assert (refused.status_code in (400, 403), "<Code>AccessDenied</Code>" in refused.text) == (True, True), refused.text
    await _assert_nothing_stored(stack, item)
    response = await pilio.post(CUT, {"image_file_id": item["id"]})
    assert response.json()["code"] == 40003
    # The signatures were right: only the time was not.
    assert (await pilio.http.put(valid, content=b"0123456789")).status_code == 200


def _signed(stack: StackUnderTest, key: str, at: datetime, endpoint: str | None = None) -> httpx.URL:
    """A URL for a PUT within an hour, as the files service signed it at some time."""
    settings = stack.settings("files")
    presigner = Presigner(
        endpoint or settings["DARKROOM_S3_PUBLIC_ENDPOINT"],
        settings["DARKROOM_S3_BUCKET"],
        settings.get("DARKROOM_S3_REGION", "us-east-1"),
        settings["DARKROOM_S3_ACCESS_KEY"],
        settings["DARKROOM_S3_SECRET_KEY"],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.files.presign.system_clock", lambda: at)
        return httpx.URL(presigner.put(key, 3600))


async def test_tasks_that_do_not_exist(pilio: Pilio, other_pilio: Pilio) -> None:
    """A missing task, another account's and a nonsense id look the same."""
    file_id = await other_pilio.upload("a.png", encoded(disc(64, 64), "PNG"))
    foreign = await other_pilio.start(CUT, {"image_file_id": file_id})
    replies = []
    for task_id in ("1", foreign, "nonsense", "9" * 30):
        for call in ("status", "result"):
            response = await pilio.get(f"/v1/tasks/{task_id}/{call}")
            replies.append((response.status_code, response.text))
    assert len(set(replies)) == 1
    assert replies[0][0] == 404
    assert '"code":40402' in replies[0][1].replace(" ", "")


async def test_files_that_do_not_exist(pilio: Pilio, other_pilio: Pilio) -> None:
    foreign = await other_pilio.upload("a.png", encoded(disc(64, 64), "PNG"))
    create = {(await pilio.post(CUT, {"image_file_id": file_id})).text for file_id in ("1", foreign, "nonsense")}
    assert len(create) == 1
    body = {"parts": [{"part_number": 1, "etag": "x"}]}
    complete = [await pilio.post(f"/v1/files/{file_id}/complete", body) for file_id in ("1", foreign, "nonsense")]
    assert len({response.text for response in complete}) == 1
    assert (complete[0].status_code, complete[0].json()["code"]) == (400, 1510)


@pytest.mark.thorough
async def test_twenty_tasks_may_be_open(pilio: Pilio, report: bytes, stack: StackUnderTest, account: Account) -> None:
    # A document, which takes less time than a picture.
    body = {"pdf_file_id": await pilio.upload("a.pdf", report), "mode": "editable"}
    async with held(stack, account):
        tasks = [await pilio.start(CLEAN, body) for _ in range(20)]
        response = await pilio.post(CLEAN, body)
        assert (response.status_code, response.json()["code"]) == (429, 42900)
    for task_id in tasks:
        assert (await pilio.finish(task_id))["status"] == "Succeeded"


async def _assert_nothing_stored(stack: StackUnderTest, item: dict[str, str]) -> None:
    """The refused upload's bytes are gone."""
    key = httpx.URL(item["upload_url"]).path
    assert not (stack.dir / "data" / "objects" / key.lstrip("/")).exists()
