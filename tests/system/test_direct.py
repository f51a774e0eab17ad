"""The direct way in: from the file to the result in one call."""

from __future__ import annotations

import io
from typing import Any

import httpx
from PIL import Image

from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio, check_reply

CUT, UPSCALE = "/v1/images/remove-background", "/v1/images/upscale"
SLOW = {"items": [{}], "operations": [{"noop": {"steps": 500, "step_milliseconds": 200}}]}


async def post(pilio: Pilio, path: str, body: object, **headers: str) -> httpx.Response:
    """Without following redirects, and held against the documents."""
    response = await pilio.http.post(pilio.url + path, json=body, headers={**pilio.headers, **headers})
    check_reply("post", path.partition("?")[0], response)
    return response


async def content_of(pilio: Pilio, data: dict[str, Any]) -> Image.Image:
    [file] = data["files"]
    reply = await pilio.http.get(file["download_url"])
    assert reply.status_code == 200
    return Image.open(io.BytesIO(reply.content))


async def test_a_create_that_waits_holds_the_result(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(64, 48), "PNG"))
    reply = await post(pilio, f"{CUT}?wait=60", {"image_file_id": file_id})
    data = reply.json()["data"]
    assert (reply.status_code, data["status"]) == (200, "Succeeded"), reply.text
    assert (await content_of(pilio, data)).size == (64, 48)
    result = await pilio.result(data["task_id"])
    assert {file["id"] for file in result["files"]} == {file["id"] for file in data["files"]}
    # Without the wait it says nothing of a result.
    plain = (await post(pilio, CUT, {"image_file_id": file_id})).json()["data"]
    assert set(plain) == {"task_id", "status", "status_url", "result_url", "created_at"}


async def test_how_to_reply_is_no_part_of_the_request(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(64, 48), "PNG"))
    key = {"Idempotency-Key": "direct"}
    first = (await post(pilio, CUT, {"image_file_id": file_id}, **key)).json()["data"]
    again = (await post(pilio, f"{CUT}?wait=60", {"image_file_id": file_id}, **key)).json()["data"]
    assert (again["task_id"], again["status"], len(again["files"])) == (first["task_id"], "Succeeded", 1)
    other = await post(pilio, f"{UPSCALE}?wait=61", {"image_file_id": file_id})
    assert (other.status_code, other.json()["data"]["field"]) == (400, "wait")


async def test_a_redirect_leads_to_the_result(pilio: Pilio) -> None:
    file_id = await pilio.upload("a.png", encoded(disc(64, 48), "PNG"))
    reply = await post(pilio, f"{UPSCALE}?redirect=true", {"image_file_id": file_id, "factor": 2})
    assert reply.status_code == 303, reply.text
    # As curl does, with the key that it was given.
    followed = await pilio.http.get(reply.headers["location"], headers=pilio.headers)
    assert Image.open(io.BytesIO(followed.content)).size == (128, 96)
    # What has not ended leads to the call that waits on, again and again.
    waiting = await post(pilio, f"{UPSCALE}?redirect=true&wait=0", {"image_file_id": file_id, "factor": 2})
    at = waiting.headers["location"]
    assert (waiting.status_code, at) == (303, f"/v1/tasks/{waiting.json()['data']['task_id']}/result?wait=60&redirect=true")
    ended = await pilio.http.get(pilio.url + at, headers=pilio.headers)
    assert ended.status_code == 303
    assert (await pilio.http.get(ended.headers["location"])).status_code == 200


async def test_a_redirect_of_a_task_that_fails_is_its_error(pilio: Pilio) -> None:
    created = (await post(pilio, "/v1/batches", SLOW)).json()["data"]
    [task] = created["tasks"]
    await pilio.post(f"/v1/tasks/{task['task_id']}/cancel", {})
    reply = await pilio.get(f"/v1/tasks/{task['task_id']}/result?redirect=true")
    assert (reply.status_code, reply.json()["code"]) == (409, 40903), reply.text
