"""Every example of Pilio's two documents, through the public port. `Pilio` holds each reply against Pilio's OpenAPI document and ours.

`pilio-examples.json` has those of the prose (the last two are its command lines); those of the OpenAPI document are read from it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter

from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import PILIO, TERMINAL, Pilio

PROSE = json.loads((Path(__file__).parent / "pilio-examples.json").read_text())
FILES = ("/v1/files/batch-create", "/v1/files/{id}/complete")


def _examples() -> list[tuple[str, dict[str, Any]]]:
    """Call and body, each once."""
    found = [(example["call"], example["body"]) for example in PROSE["requests"]]
    for path, verbs in PILIO["paths"].items():
        content = verbs.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        found += [(path, example["value"]) for example in content.get("examples", {}).values()]
    return [example for index, example in enumerate(found) if example not in found[:index]]


TASKS = [example for example in _examples() if example[0] not in FILES]


class Client(Pilio):
    """With a picture and a document that are uploaded once."""

    picture: str
    document: str


def test_every_documented_call_has_an_example() -> None:
    assert {path for path, verbs in PILIO["paths"].items() if "post" in verbs} == {call for call, _ in _examples()}


@pytest.fixture
async def client(stack: StackUnderTest, report: bytes) -> AsyncIterator[Client]:
    made = Client(stack.url, stack.create_account("contract").api_key)
    made.picture = await made.upload("reference.png", encoded(disc(64, 48), "PNG"))
    made.document = await made.upload("report.pdf", _small(report))
    yield made
    await made.http.aclose()


async def test_every_task(client: Client) -> None:
    """All of them are created first, and then asked for with `?wait=`."""
    tasks = {}
    for call, body in TASKS:
        response = await client.post(call, _with_ids(body, client))
        assert response.status_code == 200, (call, body, response.text)
        created = response.json()["data"]
        assert created["status"] in ("Pending", "Processing")
        _has_shape(response.json(), PROSE["replies"]["task"])
        tasks[created["task_id"]] = (call, body, created)
    for task_id, (call, body, created) in tasks.items():
        status = {"status": ""}
        while status["status"] not in TERMINAL:
            status = (await client.get(f"{created['status_url']}?wait=60")).json()["data"]
        assert status["status"] == "Succeeded", (call, body, status)
        assert (status["task_id"], status["result_url"]) == (task_id, created["result_url"])
        result = (await client.get(created["result_url"])).json()["data"]
        files = result["files"]
        # When the URL ends, and when the bytes go.
        assert all(created["created_at"] < file["download_url_expires_at"] < file["expires_at"] for file in files)
        assert result["notices"] == status["notices"]
        assert len(files) == body.get("output_count", 1), (call, body, files)
        contents = [(await client.http.get(file["download_url"])).content for file in files]
        assert [len(content) for content in contents] == [file["size"] for file in files]
        assert ("zip_file" in result) == (len(files) > 1)
        if "zip_file" in result:
            archive = (await client.http.get(result["zip_file"]["download_url"])).content
            assert (result["zip_file"]["type"], result["zip_file"]["size"]) == ("zip", len(archive))
            with zipfile.ZipFile(io.BytesIO(archive)) as packed:
                assert [(entry, packed.read(entry)) for entry in packed.namelist()] == [
                    (file["name"], content) for file, content in zip(files, contents, strict=True)
                ]


@pytest.mark.parametrize("body", [body for call, body in _examples() if call == FILES[0]])
async def test_a_simple_upload(client: Client, body: dict[str, Any]) -> None:
    """Steps 1 and 2 of the quickstart: PUT without a key, and no call to complete."""
    [asked] = body["files"]
    response = await client.post(FILES[0], body)
    [item] = response.json()["data"]["items"]
    assert (response.json()["data"]["total"], item["nanoid"], item["status"]) == (1, asked["nanoid"], "Pending")
    # The example's size is one that hardly any file has.
    content = encoded(disc(64, 48), "PNG")
    assert len(content) != asked["size"]
    assert (await client.http.put(item["upload_url"], content=content, headers={"Content-Type": "image/png"})).status_code == 200
    assert (await client.post("/v1/images/remove-watermark", {"image_file_id": item["id"], "mode": "auto"})).status_code == 200
    refused = await client.post(f"/v1/files/{item['id']}/complete", {"parts": [{"part_number": 1, "etag": "x"}]})
    assert refused.json()["code"] == 1510


@pytest.mark.parametrize("body", [body for call, body in _examples() if call == FILES[1]])
async def test_a_multipart_upload(client: Client, body: dict[str, Any]) -> None:
    content = encoded(disc(64, 48), "PNG")
    item = await client.create("a.png", len(content), "multipart")
    [url] = item["upload_urls"]
    etag = (await client.http.put(url, content=content)).headers["etag"]
    refused = await client.post(f"/v1/files/{item['id']}/complete", body)
    assert (refused.status_code, refused.json()["data"]["field"]) == (400, "parts[0].etag")
    [part] = body["parts"]
    response = await client.post(f"/v1/files/{item['id']}/complete", {"parts": [{**part, "etag": etag}]})
    assert response.json() == {"code": 200, "message": "success", "data": None}


async def test_an_error(client: Client) -> None:
    """As the prose has it, but `data` is an object: so says the OpenAPI document."""
    response = await Pilio(client.url, "pilio_sk_your_key_here", client.http).get("/v1/tasks/1/status")
    example = PROSE["replies"]["error"]
    assert response.status_code == 401
    assert {**response.json(), "data": None} == example


def _small(document: bytes) -> bytes:
    """Its first page, at a third of its size: redrawing pages takes longer than all other examples."""
    writer, small = PdfWriter(), io.BytesIO()
    writer.add_page(PdfReader(io.BytesIO(document)).pages[0]).scale_by(1 / 3)
    writer.write(small)
    return small.getvalue()


def _with_ids(body: dict[str, Any], client: Client) -> dict[str, Any]:
    """The example with ids of files that exist."""
    ids = {"pdf_file_id": client.document, "image_file_id": client.picture}
    changed = {name: ids.get(name, value) for name, value in body.items()}
    if "image_file_ids" in body:
        changed["image_file_ids"] = [client.picture] * len(body["image_file_ids"])
    return changed


def _has_shape(reply: dict[str, Any], example: dict[str, Any]) -> None:
    """Every field of the example is there, and of its type."""
    for name, value in example.items():
        assert type(reply[name]) is type(value), name
        if isinstance(value, dict):
            _has_shape(reply[name], value)
