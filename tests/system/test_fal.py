"""The fal queue through the public port: its document's examples, and what its clients rely on."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from darkroom import AsyncClient
from darkroom.tasks.v1 import task_pb2
from tests.component.tasks.receiver import Received, Receiver
from tests.origin import Origin, response
from tests.provider_server import ProviderServer
from tests.stacks import Account, StackUnderTest
from tests.system.fal import Fal
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio

PICTURE = encoded(disc(64, 48), "PNG")
DATA = "data:image/png;base64," + base64.b64encode(PICTURE).decode()


@pytest.fixture
async def fal(stack: StackUnderTest, account: Account) -> AsyncIterator[Fal]:
    """A client of the same account as `pilio` and `native`."""
    client = Fal(stack.url, account.api_key)
    yield client
    await client.http.aclose()


async def test_the_documents_example(fal: Fal, provider_server: ProviderServer) -> None:
    provider_server.received.clear()
    # As `curl -d` sends it: a form by its Content-Type, and numbers as strings. The document's pictures have 3200 by 2000 pixels.
    body = {"width": "320", "height": "200", "batch_size": 2, "prompt": "The girl from first image is playing chess"}
    headers = {"Authorization": f"Bearer {fal.api_key}", "Content-Type": "application/x-www-form-urlencoded"}
    reply = await fal.call("POST", "z-image-text-to-image", content=json.dumps(body), headers=headers)
    submitted = reply.json()
    base = f"{fal.url}/fal/queue/z-image-text-to-image/requests/{submitted['request_id']}"
    urls = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}
    assert urls.items() <= submitted.items()

    result = await fal.result(submitted)
    assert [opened((await fal.http.get(url)).content).size for url in result["results"]] == [(320, 200)] * 2
    assert [each["url"] for each in result["images"]] == result["results"]
    assert result["image"] == result["images"][0]
    first = result["image"]
    assert first["data_uri"] == first["url"]
    assert (first["content_type"], first["width"], first["height"]) == ("image/png", 320, 200)
    assert first["file_name"].startswith("the-girl-from-first-image")
    [request] = provider_server.received
    assert request.path == "/v1/images/generations"


async def test_an_edit_of_a_data_uri(fal: Fal, provider_server: ProviderServer) -> None:
    provider_server.received.clear()
    result = await fal.result(await fal.submit("darkroom/z-image-image-edit", {"prompt": "A poster of this", "image_urls": [DATA]}))
    assert len(result["images"]) == 1
    [request] = provider_server.received
    assert (request.path, len(request.files)) == ("/v1/images/edits", 1)


async def test_states_from_the_queue_to_the_end(fal: Fal) -> None:
    submitted = await fal.submit("darkroom/noop", {"steps": "40", "step_milliseconds": 50})
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["status"] != "COMPLETED":
        # With and without a slash at the end; no redirect, which some clients do not follow.
        reply = await fal.call(
            "GET", submitted["status_url"] + "/" * (len(seen) % 2), params={"logs": ("1", "true", "0", "false")[len(seen) % 4]}
        )
        status = reply.json()
        assert reply.status_code == (200 if status["status"] == "COMPLETED" else 202)
        assert (status["logs"] is None) == (len(seen) % 4 > 1)
        assert {name: submitted[name] for name in ("request_id", "response_url", "status_url", "cancel_url")}.items() <= status.items()
        assert isinstance(status["queue_position"], int)
        if not seen:
            early = await fal.call("GET", submitted["response_url"])
            assert (early.status_code, early.json()["detail"]) == (400, "Request is still in progress")
        if status["status"] == "IN_PROGRESS":
            assert status["statusMessages"]["message"].startswith("Progress: ")
        seen.append(status)
        await asyncio.sleep(0.05)
    order = [status["status"] for status in seen]
    assert order == sorted(order, key=("IN_QUEUE", "IN_PROGRESS", "COMPLETED").index)
    assert seen[-1]["metrics"]["inference_time"] > 0
    logs = (await fal.call("GET", submitted["status_url"], params={"logs": "1"})).json()["logs"]
    assert [logs[0]["message"], logs[-1]["message"]] == ["Queued.", "Succeeded."]
    assert {(line["level"], line["source"]) for line in logs} == {("INFO", "USER")}
    assert [line["timestamp"] for line in logs] == sorted(line["timestamp"] for line in logs)
    for suffix in ("", "/", "/response", "/response/"):
        assert (await fal.call("GET", submitted["response_url"] + suffix)).status_code == 200


async def streamed(fal: Fal, submitted: dict[str, Any], query: str) -> AsyncIterator[dict[str, Any]]:
    headers = {"Authorization": f"Key {fal.api_key}", "Accept": "application/json, text/event-stream"}
    async with fal.http.stream("GET", f"{submitted['status_url']}/stream{query}", headers=headers) as reply:
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
        assert reply.headers["x-fal-request-id"] == submitted["request_id"]
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def test_a_stream_has_each_line_once_and_ends(fal: Fal) -> None:
    submitted = await fal.submit("noop", {"steps": 10, "step_milliseconds": 50})
    seen = [status async for status in streamed(fal, submitted, "?logs=true")]
    assert seen[-1]["status"] == "COMPLETED"
    lines = [line for status in seen for line in status["logs"]]
    assert lines == (await fal.call("GET", submitted["status_url"], params={"logs": "1"})).json()["logs"]
    [last] = [status async for status in streamed(fal, submitted, "/")]
    assert (last["status"], last["logs"]) == ("COMPLETED", None)


async def test_cancelling(fal: Fal) -> None:
    running = await fal.submit("noop", {"steps": 1000, "step_milliseconds": 100})
    async for status in streamed(fal, running, ""):
        if status["status"] == "IN_PROGRESS":
            reply = await fal.call("PUT", running["cancel_url"])
            if reply.status_code != 202:
                assert (reply.status_code, reply.json()["status"]) == (400, "ALREADY_COMPLETED")
    assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
    reply = await fal.call("GET", running["response_url"])
    assert (reply.status_code, reply.headers["x-fal-error-type"]) == (499, "client_cancelled")
    reply = await fal.call("PUT", running["cancel_url"] + "/")
    assert (reply.status_code, reply.json()["status"]) == (400, "ALREADY_COMPLETED")
    for request_id in ("7", "x", "rn5r12q9pdu6yvb3nxty"):
        for verb, path in (("PUT", "/cancel"), ("GET", "/status")):
            reply = await fal.call(verb, f"noop/requests/{request_id}{path}")
            assert (reply.status_code, reply.json()["status"]) == (404, "NOT_FOUND")


async def test_an_input_that_fails_in_the_worker(fal: Fal) -> None:
    async with Origin({"/page.png": response(b"<!doctype html>")}) as origin:
        submitted = await fal.submit("darkroom/upscale", {"image_url": origin.url("/page.png")})
        status = await fal.finish(submitted)
    assert status["error_type"] in ("image_load_error", "file_download_error")
    reply = await fal.call("GET", submitted["response_url"])
    assert (reply.status_code, reply.headers["x-fal-retryable"], reply.headers["x-fal-request-id"]) == (
        422,
        "false",
        submitted["request_id"],
    )
    [detail] = reply.json()["detail"]
    assert (detail["type"], detail["loc"][0]) == (status["error_type"], "body")


async def test_a_picture_by_its_url(fal: Fal) -> None:
    async with Origin({"/disc.png": response(PICTURE)}) as origin:
        result = await fal.result(await fal.submit("darkroom/remove_background", {"image_url": origin.url("/disc.png"), "quality": "fast"}))
    assert (result["image"]["width"], result["image"]["height"], result["image"]["content_type"]) == (64, 48, "image/png")


@pytest.mark.parametrize(
    ("model", "body", "status", "loc"),
    [
        ("upscale", b"", 422, ["body", "image_url"]),
        ("upscale", b'{"image_url": "https://example.com/a.png", "factor": "many"}', 422, ["body", "factor"]),
        ("darkroom/upscale", b'{"image_url": "http://10.0.0.1/a.png"}', 422, ["body", "image_url"]),
        ("remove-background", b'{"image_url": "storage://files/7"}', 422, ["body", "image_url"]),
        ("upscale", b'{"image_url": "data:text/plain,hello"}', 422, ["body", "image_url"]),
        ("z-image-text-to-image", b'{"prompt": ""}', 422, ["body", "prompt"]),
        ("upscale", b"{", 400, None),
        ("upscale", b"[]", 400, None),
        ("fal-ai/flux/dev", b"{}", 404, None),
        ("noop?fal_webhook=ftp://a", b"{}", 422, None),
        ("noop?fal_max_queue_length=-1", b"{}", 422, None),
    ],
)
async def test_what_is_refused(fal: Fal, native: AsyncClient, model: str, body: bytes, status: int, loc: list[str] | None) -> None:
    reply = await fal.call("POST", model, content=body)
    assert reply.status_code == status, reply.text
    detail = reply.json()["detail"]
    assert [each["loc"] for each in detail] == [loc] if loc else isinstance(detail, str)
    assert (reply.headers["x-fal-error-type"], reply.headers["x-fal-retryable"]) == (reply.json()["error_type"], "false")
    assert not await native.list_tasks()


async def test_keys(fal: Fal, stack: StackUnderTest) -> None:
    submitted = await fal.submit("noop", {})
    for accepted in ("Key", "key", "Bearer", "bearer"):
        headers = {"Authorization": f"{accepted} {fal.api_key}"}
        assert (await fal.call("GET", submitted["status_url"], headers=headers)).status_code in (200, 202)
    for refused in ("", "Key wrong", f"Basic {fal.api_key}", fal.api_key):
        reply = await fal.call("GET", submitted["status_url"], headers={"Authorization": refused})
        assert (reply.status_code, isinstance(reply.json()["detail"], str)) == (401, True)
    other = Fal(stack.url, stack.create_account("other").api_key)
    for verb, suffix in (("GET", "/status"), ("GET", "/status/stream"), ("GET", ""), ("PUT", "/cancel")):
        assert (await other.call(verb, submitted["response_url"] + suffix)).status_code == 404
    await other.http.aclose()


async def test_headers_of_a_submission(fal: Fal, native: AsyncClient, stack: StackUnderTest) -> None:
    late = {"x-fal-queue-priority": "low", "x-fal-request-timeout": "3600", "x-fal-runner-hint": "any", "Idempotency-Key": "once"}
    submitted = await fal.submit("noop", {"priority": "20"}, headers=late)
    assert (await fal.submit("noop", {"priority": "20"}, headers=late))["request_id"] == submitted["request_id"]
    reply = await fal.call("POST", "noop", json={"priority": 30}, headers=late)
    assert reply.status_code == 422
    [task] = await native.list_tasks()
    assert task.priority == -980
    assert 3500 < task.deadline.seconds - task.create_time.seconds <= 3600
    [row] = await asyncio.to_thread(stack.fetch, "tasks", "SELECT deadline_to_start FROM task WHERE id = $1", task.id)
    assert row["deadline_to_start"]
    reply = await fal.call("POST", "noop", json={}, headers={"x-fal-request-timeout": "soon"})
    assert (reply.status_code, "x-fal-request-timeout" in reply.json()["detail"]) == (422, True)


async def test_places_in_the_queue(fal: Fal) -> None:
    """Of more requests than run or are offered to workers at once; the limit of single calls of the JSON API is not that of a queue."""
    long = {"steps": 100, "step_milliseconds": 100}
    submitted = [await fal.submit("noop", long) for _ in range(60)]
    try:
        submitted.append(await fal.submit("noop", {**long, "priority": 5}))
        last, urgent = [(await fal.call("GET", one["status_url"])).json() for one in submitted[-2:]]
        assert last["status"] == "IN_QUEUE"
        assert urgent["queue_position"] < last["queue_position"] <= 60
        reply = await fal.call("POST", "noop", json=long, params={"fal_max_queue_length": 0})
        assert (reply.status_code, reply.headers["x-fal-retryable"]) == (429, "true")
    finally:
        replies = await asyncio.gather(*(fal.call("PUT", one["cancel_url"]) for one in submitted))
    assert {reply.status_code for reply in replies} <= {202, 400}


async def test_tasks_are_the_same_on_every_surface(fal: Fal, pilio: Pilio, native: AsyncClient) -> None:
    submitted = await fal.submit("noop", {"steps": 1})
    assert (await pilio.finish(submitted["request_id"]))["status"] == "Succeeded"
    file_id = await pilio.upload("disc.png", PICTURE)
    task_id = await pilio.start("/v1/images/remove-background", {"image_file_id": file_id, "quality_type": "fast"})
    base = f"{fal.url}/fal/queue/any/model/at/all/requests/{task_id}"
    result = await fal.result({"request_id": task_id, "status_url": f"{base}/status", "response_url": base})
    assert result["image"]["file_name"] == (await pilio.result(task_id))["files"][0]["name"]
    cancelled = await fal.submit("noop", {"steps": 1000, "step_milliseconds": 100})
    await native.cancel_task(int(cancelled["request_id"]))
    assert (await fal.finish(cancelled))["error_type"] == "client_cancelled"
    assert {task.state for task in await native.list_tasks()} == {task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_CANCELLED}


def signer(keys: dict[str, Any], request: Received) -> bool:
    """Whether one of the published keys has signed a webhook, as fal's documents have receivers check it."""
    headers = {name: request.headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp", "signature")}
    assert abs(time.time() - int(headers["timestamp"])) < 300
    parts = [headers["request-id"], headers["user-id"], headers["timestamp"], hashlib.sha256(request.body).hexdigest()]
    for key in keys["keys"]:
        assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        try:
            public.verify(bytes.fromhex(headers["signature"]), "\n".join(parts).encode())
        except InvalidSignature:
            continue
        return True
    return False


async def test_webhooks(fal: Fal) -> None:
    keys = (await fal.http.get(f"{fal.url}/fal/.well-known/jwks.json")).json()
    async with Receiver() as receiver:
        query = {"fal_webhook": receiver.url}
        done = await fal.submit("remove-background", {"image_url": DATA, "quality": "fast"}, params=query)
        failed = await fal.submit("remove-background", {"image_url": "http://127.0.0.1:1/a.png"}, params=query)
        bodies = {}
        for request in await receiver.received(2):
            body = json.loads(request.body)
            assert request.headers["x-fal-webhook-request-id"] == body["request_id"] == body["gateway_request_id"]
            assert signer(keys, request)
            assert not signer(keys, replace(request, body=request.body + b" "))
            bodies[body["request_id"]] = body
    ended = bodies[done["request_id"]]
    assert (ended["status"], ended["error"]) == ("OK", None)
    assert ended["payload"]["image"].items() >= {"width": 64, "height": 48}.items()
    assert (await fal.http.get(ended["payload"]["image"]["url"])).status_code == 200
    ended = bodies[failed["request_id"]]
    reply = await fal.call("GET", failed["response_url"])
    assert (ended["status"], ended["error"], ended["payload"]) == ("ERROR", f"Invalid status code: {reply.status_code}", reply.json())
