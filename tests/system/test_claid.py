"""Claid's API through the public port: the examples of its documents, and tasks that are shared with the other APIs."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from darkroom import AsyncClient
from tests.component.tasks.receiver import Receiver
from tests.origin import Origin, response
from tests.stacks import Account, StackUnderTest
from tests.system.claid import STABLE, Claid, claid
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio

SQUARE = encoded(disc(200, 200), "JPEG")
WIDE = encoded(disc(64, 48), "PNG")
ASYNC, BATCH, EDIT, UPLOAD = "image/edit/async", "image/edit/batch", "image/edit", "image/edit/upload"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
PLAIN = {"resizing": {"width": 32, "height": 32, "fit": "canvas"}, "padding": "25%", "background": {"color": "#00ff00"}}


@pytest.fixture
async def client(stack: StackUnderTest, account: Account) -> AsyncIterator[Claid]:
    async with claid(stack.url, account.api_key) as made:
        yield made


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin({"/200.jpg": response(SQUARE), "/wide.png": response(WIDE)}) as serving:
        yield serving


async def test_the_example_of_the_document(client: Claid, native: AsyncClient, origin: Origin) -> None:
    sent = {"input": origin.url("/200.jpg"), "operations": {"resizing": {"width": 1000}, "background": {"remove": False}}}
    data = (await client.post(ASYNC, sent)).json()["data"]
    assert data == {
        "id": data["id"],
        "status": "ACCEPTED",
        "result_url": f"{client.url}/v1-beta1/image/edit/async/{data['id']}",
        "created_at": data["created_at"],
        "request": sent,
    }
    assert isinstance(data["id"], int)
    assert re.fullmatch(MOMENT, data["created_at"])
    ended = await client.ended(native, data["id"])
    output = ended["result"]["output_object"]
    assert ended == {
        "id": data["id"],
        "status": "DONE",
        "created_at": data["created_at"],
        "request": sent,
        "errors": [],
        "result": {
            "input_object": {"ext": "jpeg", "mps": 0.04, "mime": "image/jpeg", "format": "JPEG", "width": 200, "height": 200},
            "output_object": {
                "ext": "jpeg",
                "mps": 1.0,
                "mime": "image/jpeg",
                "format": "JPEG",
                "width": 1000,
                "height": 1000,
                "tmp_url": output["tmp_url"],
            },
        },
    }
    result = opened((await client.http.get(output["tmp_url"])).content)
    assert (result.format, result.size) == ("JPEG", (1000, 1000))


async def test_an_edit_that_fails_says_why(client: Claid, native: AsyncClient, origin: Origin) -> None:
    sent = {"input": origin.url("/nothing.jpg"), "operations": {}}
    number = (await client.post(ASYNC, sent)).json()["data"]["id"]
    ended = await client.ended(native, number)
    [error] = ended["errors"]
    assert (ended["status"], ended["result"], error["input_object"]) == ("ERROR", {}, None)
    assert isinstance(error["created_at"], int)
    assert error["error"] == "input: there is nothing at this URL: its server answers 404."
    reply = await client.post(EDIT, sent)
    assert (reply.status_code, reply.json()) == (
        400,
        {"error_code": "3009", "error_type": "dlvr", "error_message": error["error"], "error_details": {"input": [error["error"][7:]]}},
    )


async def test_an_edit_that_waits(stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    file = await native.upload(WIDE, name="wide.png")
    async with claid(stack.url, account.api_key, STABLE) as client:
        sent = {"input": f"storage://files/{file.id}", "operations": PLAIN, "output": {"format": "png"}}
        data = (await client.post(EDIT, sent)).json()["data"]
        assert data.keys() == {"input", "output"}
        assert (data["input"]["ext"], data["output"]["format"], data["output"]["width"], data["output"]["height"]) == ("png", "PNG", 32, 32)
        result = opened((await client.http.get(data["output"]["tmp_url"])).content).convert("RGB")
        # A quarter on each side is padding, and of the rest 16 × 12 pixels are the picture.
        assert [result.getpixel(at) for at in ((0, 0), (16, 7), (7, 16))] == [(0, 255, 0)] * 3
        assert result.getpixel((9, 16)) != (0, 255, 0)
        again = await client.post(EDIT, sent, headers={"idempotency-key": "one"})
        repeated = await client.post(EDIT, sent, headers={"idempotency-key": "one"})
        names = [reply.json()["data"]["output"]["tmp_url"].partition("?")[0] for reply in (again, repeated)]
        assert names[0] == names[1]


async def test_an_object_is_cut_out_and_scaled_back(client: Claid, native: AsyncClient) -> None:
    cut_out = disc(64, 48)
    cut_out.putalpha(cut_out.getchannel("R").point(lambda red: 255 if red > 100 else 0))
    operations = {"background": {"remove": {"clipping": True}}}
    for picture, corner in ((disc(64, 48), (255, 255, 255, 255)), (cut_out, (0, 0, 0, 0))):
        file = await native.upload(encoded(picture, "PNG"), name="disc.png")
        sent = {"input": f"storage://files/{file.id}", "operations": operations, "output": {"format": "png"}}
        output = (await client.post(EDIT, sent)).json()["data"]["output"]
        result = opened((await client.http.get(output["tmp_url"])).content).convert("RGBA")
        # The disc fits into 64 × 48 pixels again; what is beside it is white, unless the picture was a cut-out before.
        assert (result.height, abs(result.width - 48) <= 2) == (48, True)
        assert (result.getpixel((0, 0)), result.getpixel((24, 24))[3]) == (corner, 255)


@pytest.mark.parametrize(
    "data", [(None, json.dumps({"operations": PLAIN}), "application/json"), ("blob", b'{"operations": {}}'), (None, b"{}")]
)
async def test_an_upload_with_its_edit(client: Claid, native: AsyncClient, data: Any) -> None:
    reply = await client.call("POST", UPLOAD, files={"file": ("shoe", WIDE), "data": data})
    if data[1] == b"{}":
        assert (reply.status_code, reply.json()["error_details"]) == (422, {"data.operations": ["is required"]})
        assert await native.list_files() == []
        return
    size = (64, 48) if data[0] else (32, 32)
    found = reply.json()["data"]["output"]
    assert (reply.status_code, found["format"], (found["width"], found["height"])) == (200, "JPEG", size)
    assert (await native.get_task((await native.list_tasks())[0].id)).input_names == ["shoe.png"]


async def test_bad_forms(client: Claid) -> None:
    picture, edit = ("shoe.png", WIDE), (None, '{"operations": {}}')
    for files, field in (
        ({"data": edit}, "file"),
        ({"file": picture}, "data"),
        ({"file": picture, "data": (None, "[]")}, "data"),
        ({"file": (None, "1"), "data": edit}, "file"),
        ({"file": picture, "data": edit, "more": (None, "1")}, "more"),
        ({"file": picture, "data": (None, '{"operations": {}, "input": "https://example.com/1.jpg"}')}, "data.input"),
        ({"file": picture, "data": (None, '{"operations": {"padding": "60%"}}')}, "data.operations.padding"),
    ):
        reply = await client.call("POST", UPLOAD, files=files)
        assert (reply.status_code, reply.json()["error_code"], list(reply.json()["error_details"])) == (422, "9000", [field]), reply.text


async def test_a_batch(client: Claid, native: AsyncClient, origin: Origin) -> None:
    sent = {
        "input": [origin.url("/200.jpg"), origin.url("/nothing.jpg"), origin.url("/wide.png")],
        "operations": {"resizing": {"width": "50%"}},
    }
    data = (await client.post(BATCH, sent)).json()["data"]
    assert (data["request"], data["result_url"]) == (sent, f"{client.url}/v1-beta1/image/edit/batch/{data['id']}")
    await native.batches.wait(data["id"])
    ended = (await client.get(f"{BATCH}/{data['id']}")).json()["data"]
    assert (ended["status"], ended["request"], len(ended["errors"])) == ("DONE", sent, 1)
    assert [(one["input_object"]["format"], one["output_object"]["width"]) for one in ended["results"]] == [("JPEG", 100), ("PNG", 32)]
    # A batch is no edit, and each of its edits is one.
    assert (await client.get(f"{ASYNC}/{data['id']}")).json()["error_code"] == "4001"
    task = (await native.list_tasks())[0]
    assert (await client.get(f"{ASYNC}/{task.id}")).json()["data"]["request"] == {**sent, "input": sent["input"][2]}
    assert (await client.get(f"{BATCH}/{task.id}")).json()["error_code"] == "4002"


async def test_tasks_are_shared_with_the_other_apis(
    client: Claid, native: AsyncClient, pilio: Pilio, other_pilio: Pilio, origin: Origin
) -> None:
    number = (await client.post(ASYNC, {"input": origin.url("/wide.png"), "operations": {}})).json()["data"]["id"]
    done = (await pilio.get(f"/v1/tasks/{number}/result?wait=60")).json()["data"]
    assert (done["status"], done["files"][0]["type"]) == ("Succeeded", "jpg")
    async with claid(other_pilio.url, other_pilio.api_key) as stranger:
        assert (await stranger.get(f"{ASYNC}/{number}")).status_code == 404
    # One that another API made, and one that another API ends.
    file = await native.upload(WIDE, name="wide.png")
    made = (await pilio.post("/v1/images/upscale", {"image_file_id": str(file.id), "type": "2X"})).json()["data"]["task_id"]
    ended = await client.ended(native, int(made))
    assert (ended["status"], ended["result"]["output_object"]["width"]) == ("DONE", 128)
    assert ended["request"] == {
        "input": f"storage://files/{file.id}",
        "operations": [{"upscale": {"factor": 2, "format": "PICTURE_FORMAT_PNG"}}],
    }

    async def silent(_: object) -> None:
        await native.wait(number)

    origin.pages["/slow.png"] = silent
    number = (await client.post(ASYNC, {"input": origin.url("/slow.png"), "operations": {}})).json()["data"]["id"]
    await pilio.post(f"/v1/tasks/{number}/cancel", {})
    ended = (await client.get(f"{ASYNC}/{number}")).json()["data"]
    assert (ended["status"], ended["errors"][0]["error"]) == ("ERROR", "Cancelled by its owner.")


async def test_the_end_of_an_edit_reaches_a_receiver(client: Claid, native: AsyncClient, origin: Origin) -> None:
    sent = {"input": origin.url("/wide.png"), "operations": {}}
    async with Receiver() as receiver:
        number = (await client.post(f"{ASYNC}?webhook_url={receiver.url}", sent)).json()["data"]["id"]
        [request] = await receiver.received(1)
    data = json.loads(request.body)["data"]
    assert (data["id"], data["status"], data["request"], data["errors"]) == (number, "DONE", sent, [])
    assert data["result"]["input_object"] == {
        "ext": "png",
        "mps": 0.003072,
        "mime": "image/png",
        "format": "PNG",
        "width": 64,
        "height": 48,
    }
    secret = await native.webhooks.default_secret()
    assert request.headers["x-claid-hmac-sha256"] == f"sha256={hmac.new(secret.encode(), request.body, 'sha256').hexdigest()}"
    reply = await client.post(f"{ASYNC}?webhook_url=http://10.0.0.1/", sent)
    assert (reply.status_code, list(reply.json()["error_details"])) == (422, ["webhook_url"])


async def test_refusals_have_claids_form(client: Claid, pilio: Pilio) -> None:
    def refused(reply: httpx.Response) -> tuple[int, str, str]:
        body = reply.json()
        assert body.keys() == {"error_code", "error_type", "error_message", "error_details"}, body
        return reply.status_code, body["error_code"], body["error_type"]

    for prefix in ("/v1-beta1", "/v1"):
        client.prefix = prefix
        faulty = {"input": "ftp://x", "operations": {"resizing": {"fit": "outpaint"}, "padding": "60%"}, "more": 1}
        reply = await client.post(ASYNC, faulty)
        assert refused(reply) == (422, "9000", "validation")
        assert list(reply.json()["error_details"]) == ["operations.resizing.fit", "operations.padding", "more"]
        assert reply.json()["error_message"].endswith("more: is not a known field.")
        assert refused(await client.post(ASYNC, {"input": "ftp://x", "operations": {}})) == (422, "9000", "validation")
        assert refused(await client.post(ASYNC, {"input": "storage://shop/1.jpg", "operations": {}})) == (422, "9000", "validation")
        assert refused(await client.post(ASYNC, {"input": "storage://files/1", "operations": {}})) == (400, "3008", "storage")
        assert refused(await client.call("POST", ASYNC, content=b"{")) == (400, "4005", "web")
        assert refused(await client.get(f"{ASYNC}/1")) == (404, "4001", "image")
        assert refused(await client.get(f"{ASYNC}/x")) == (404, "4001", "image")
        assert refused(await client.get("image/unknown")) == (404, "4003", "web")
        assert refused(await client.call("DELETE", ASYNC)) == (405, "4004", "web")
        for path in ("scene/create", "image/ai-fashion-models", "image/ai-edit", "image/generate", "video/generate"):
            reply = await client.post(path, {"prompt": "a shoe"})
            assert (refused(reply), path in reply.json()["error_message"]) == ((422, "9001", "validation"), True)
        assert refused(await client.post("storage/storages", {"name": "shop", "type": "s3"})) == (403, "112", "auth")
        assert (await client.get("storage/storages")).json() == {"data": []}
        anonymous = await client.http.get(f"{client.url}{prefix}/{ASYNC}/1")
        assert refused(anonymous) == (401, "111", "auth")
        assert re.fullmatch(r"\d+, \d+;w=\d+.*", reply.headers["ratelimit-limit"])
        assert reply.headers.keys() >= {"ratelimit-remaining", "ratelimit-reset"}
    # What lies beside it under the same prefix has its own form.
    assert (await pilio.get("/v1/tasks/1/status")).json()["code"] == 40402
