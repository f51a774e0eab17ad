"""One call for any operation: from a file, an id or nothing to the result, and what is said of calls that there are not."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.test_forms import refused, send

JPEG, PNG = encoded(disc(64, 48), "JPEG"), encoded(disc(64, 48), "PNG")


async def test_a_file_and_flat_parameters(pilio: Pilio) -> None:
    """As a form with one file and with several, as JSON with an id, and with an idempotency key."""
    parts = [("file", JPEG, "a.jpg"), ("width", "32"), ("fit", "crop"), ("height", "32")]
    reply = await send(pilio, "/v1/images/resize?wait=60", *parts, **{"idempotency-key": "one"})
    data = reply.json()["data"]
    assert data.get("status") == "Succeeded", reply.text
    [result] = data["files"]
    made = Image.open(io.BytesIO((await pilio.http.get(result["download_url"])).content))
    assert (made.size, made.format, result["name"].rpartition(".")[2]) == ((32, 32), "JPEG", "jpg")
    again = await send(pilio, "/v1/images/resize", *parts, ("wait", "60"), **{"idempotency-key": "one"})
    assert again.json()["data"]["task_id"] == data["task_id"]

    two = await send(pilio, "/v1/images/trim_edges?wait=60", ("file", JPEG, "a.jpg"), ("file", PNG, "b.png"))
    assert len(two.json()["data"]["files"]) == 2, two.text
    file_id = await pilio.upload("a.png", PNG)
    as_json = await pilio.post("/v1/images/rotate", {"image_file_id": file_id, "angle": 90, "wait": 60})
    assert as_json.json()["data"]["status"] == "Succeeded", as_json.text
    from_nothing = await pilio.post("/v1/images/qr-code", {"text": "https://example.com", "wait": 60})
    assert from_nothing.json()["data"]["status"] == "Succeeded", from_nothing.text


async def test_a_file_besides_the_input(pilio: Pilio) -> None:
    reply = await send(
        pilio,
        "/v1/images/compose?wait=60",
        ("file", JPEG, "a.jpg"),
        ("overlay_file", encoded(disc(8, 8), "PNG"), "b.png"),
        ("opacity", "50"),
    )
    assert reply.json()["data"]["status"] == "Succeeded", reply.text


async def test_tasks_take_a_form(pilio: Pilio) -> None:
    operations = json.dumps([{"resize": {"width": 32}}, {"rotate": {"angle": 90}}])
    reply = await send(pilio, "/v1/tasks?wait=60", ("operations", operations), ("file", PNG, "a.png"))
    [result] = reply.json()["data"]["files"]
    assert Image.open(io.BytesIO((await pilio.http.get(result["download_url"])).content)).size == (24, 32)
    wrong = await send(pilio, "/v1/tasks", ("operations", '[{"resize": {"widht": 32}}]'), ("file", PNG, "a.png"))
    assert refused(wrong) == (400, 40001, "operations[0].resize.widht") and "did you mean width?" in wrong.text


async def test_what_is_wrong_is_named_as_it_was_sent(pilio: Pilio) -> None:
    for parts, field in (
        ([("file", PNG, "a.png"), ("widht", "800")], "widht"),
        ([("file", PNG, "a.png"), ("width", "wide")], "width"),
        ([("file", PNG, "a.png"), ("width", "70000")], "width"),
        ([("file", PNG, "a.png"), ("fit", "snug")], "fit"),
        ([("file", b"%PDF-1.4 none", "a.pdf")], "file"),
        ([("width", "800")], "file"),
        ([("file", PNG, "a.png"), ("image_file_id", "1")], "file"),
    ):
        reply = await send(pilio, "/v1/images/resize", *parts)
        assert (reply.status_code, reply.json()["data"]["field"]) == (400, field), reply.text
    reply = await pilio.post("/v1/images/resize", {"image_file_id": "1", "widht": 800})
    assert refused(reply) == (400, 40001, "widht") and "did you mean width?" in reply.text
    reply = await pilio.post("/v1/pdfs/pdf-pages", {"pages": "1"})
    assert refused(reply) == (400, 40001, "pdf_file_id")


@pytest.mark.cases(8)
@pytest.mark.parametrize(
    ("verb", "path", "meant"),
    [
        ("POST", "/v1/images/remove-bg", "/v1/images/remove-background"),
        ("POST", "/v1/images/resise", "/v1/images/resize"),
        ("POST", "/v1/images/remove_background", "/v1/images/remove-background"),
        ("POST", "/v1/image/resize", "/v1/images/resize"),
        ("POST", "/v1/remove-background", "/v1/images/remove-background"),
        ("POST", "/images/resize", "/v1/images/resize"),
        ("GET", "/v1/images/resize", "/v1/images/resize"),
        ("GET", "/v1/pdfs/remove-watermark", "/v1/pdfs/remove-watermark"),
    ],
)
async def test_a_wrong_path_suggests_the_right_one(pilio: Pilio, verb: str, path: str, meant: str) -> None:
    reply = await pilio.http.request(verb, pilio.url + path, headers=pilio.headers, json={} if verb == "POST" else None)
    assert reply.status_code == (405 if verb == "GET" else 404)
    assert f"id you mean POST {meant}?" in reply.text and isinstance(reply.json(), dict), reply.text
    assert reply.text.lower().count("did you mean") == 1
