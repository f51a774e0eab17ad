"""Pi's jobs through the public port: the examples of its documents, and what holds across the APIs of this server."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from tests.component.tasks.receiver import Receiver
from tests.stacks import Account, StackUnderTest
from tests.system.pi import Pi, error_of
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio

NOOP: dict[str, object] = {"operations": [{"noop": {"steps": 1}}]}
SLOW: dict[str, object] = {"operations": [{"noop": {"steps": 600, "step_milliseconds": 100}}]}


@pytest.fixture
async def pi(stack: StackUnderTest, account: Account) -> AsyncIterator[Pi]:
    client = Pi(stack.url, account.api_key)
    yield client
    await client.http.aclose()


async def test_submit_poll_and_fetch(pi: Pi, pilio: Pilio) -> None:
    """The flow of the documents: 202 with a job_id, a long poll, a result."""
    picture = await pilio.upload("disc.png", encoded(disc(32, 32), "PNG"))
    body = {
        "operations": [{"upscale": {"factor": 2}}],
        "input_file_ids": [picture],
        "metadata": {"shop": "north"},
        "client_reference_id": "o-1",
    }
    job = await pi.job(body, **{"Idempotency-Key": "k1"})
    assert (job["status"], job["result_url"], job["error_log"], job["metadata"]) == ("queued", None, None, {"shop": "north"})
    assert (await pi.job(body, **{"Idempotency-Key": "k1"}))["job_id"] == job["job_id"]
    assert error_of(await pi.post("/jobs", NOOP, **{"Idempotency-Key": "k1"})) == (
        409,
        "idempotency_error",
        "idempotency_key_mismatch",
        "idempotency-key",
    )

    envelope = await pi.ended(job["job_id"], "&expand=input_files,output_files&include=events,attempts,brand")
    assert (envelope["status"], "error" in envelope) == ("completed", False)
    data = envelope["data"]
    [file] = data["payload"]["output"]["files"]
    assert (file["width"], file["height"], file["media_type"], data["client_reference_id"]) == (64, 64, "image/png", "o-1")
    assert data["result_url"] == data["payload"]["image_url"] == file["url"]
    assert len((await pi.http.get(data["result_url"])).content) == file["size_bytes"]
    expanded = data.pop("expanded")
    assert [each["name"] for each in expanded["input_files"]["data"]] == ["disc.png"]
    assert [each["id"] for each in expanded["output_files"]["data"]] == [file["id"]]
    assert [each["status"] for each in expanded["attempts"]["data"]] == ["completed"]
    assert expanded["events"]["data"] == (await pi.get(f"/jobs/{job['job_id']}/events")).json()["data"]["data"]
    assert (await pi.get(f"/jobs/{job['job_id']}?fields=id,status")).json()["data"] == {"id": job["id"], "status": "completed"}

    # The same task by the JSON API.
    assert (await pilio.finish(job["task_id"]))["status"] == "Succeeded"
    assert (await pilio.result(job["task_id"]))["files"][0]["id"] == file["id"]


async def test_tasks_of_other_apis_are_jobs(pi: Pi, native: AsyncClient, pilio: Pilio) -> None:
    task = await native.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop(steps=600, step_milliseconds=100))])
    job = (await pi.get(f"/jobs/{task.id}")).json()["data"]
    assert (job["task_id"], job["type"], job["metadata"]) == (str(task.id), "noop", {})
    mine = await pi.job(SLOW)
    listed = (await pi.get("/jobs?limit=100")).json()["data"]
    assert ([each["id"] for each in listed["data"]], listed["has_more"]) == ([mine["id"], job["id"]], False)
    assert [each["id"] for each in (await pi.get(f"/jobs?starting_after={mine['id']}")).json()["data"]["data"]] == [job["id"]]
    assert [each["id"] for each in (await pi.get(f"/jobs?ending_before={job['id']}")).json()["data"]["data"]] == [mine["id"]]
    # Each is cancelled through the other API.
    cancelled = (await pi.post(f"/jobs/{job['id']}/cancel")).json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("failed", "cancelled")
    assert (await pilio.post(f"/v1/tasks/{mine['task_id']}/cancel", {})).json()["data"]["status"] == "Failed"
    assert (await pi.get(f"/jobs/{mine['id']}")).json()["error"] == cancelled["error"]
    assert error_of(await pi.post(f"/jobs/{mine['id']}/cancel"))[:3] == (409, "invalid_request_error", "job_already_ended")


@pytest.mark.parametrize(("path", "headers"), [("events", {"Accept": "text/event-stream"}), ("events/stream", {})])
async def test_events_as_they_happen(pi: Pi, path: str, headers: dict[str, str]) -> None:
    job = await pi.job(SLOW)
    seen = []
    async with (
        asyncio.timeout(60),
        pi.http.stream("GET", f"{pi.url}/api/v1/jobs/{job['id']}/{path}", headers=pi.headers | headers) as reply,
    ):
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if len(seen) == 1:
                    await pi.post(f"/jobs/{job['id']}/cancel")
    assert (seen[0]["type"], seen[-1]["type"], seen[-1]["error"]["code"]) == ("job.queued", "job.failed", "cancelled")
    assert [event["sequence"] for event in seen] == list(range(1, len(seen) + 1))


async def test_refusals_of_the_edge(pi: Pi) -> None:
    """In the shape of Pi, with the trace id, whoever refuses."""
    jobs = f"{pi.url}/api/v1/jobs"
    for headers, code in (({}, "missing_authorization_header"), ({"Authorization": "Bearer nothing"}, "invalid_api_key")):
        reply = await pi.http.get(jobs, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, code)
        assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]
        assert reply.headers["x-request-id"].startswith("req_pi_")
    assert error_of(await pi.get("/jobs/1/nothing"))[:3] == (404, "invalid_request_error", "route_not_found")
    assert error_of(await pi.get("/images/generations"))[:3] == (405, "invalid_request_error", "method_not_allowed")
    reply = await pi.http.post(jobs, content=b"{", headers=pi.headers)
    assert error_of(reply)[:3] == (400, "invalid_request_error", "malformed_request")


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/jobs", {}, (400, "parameter_missing", "operations")),
        ("/jobs", {"operations": [{"noop": {}}], "colour": "red"}, (400, "parameter_unknown", "colour")),
        ("/jobs", {"operations": "upscale"}, (400, "malformed_request", "operations")),
        ("/jobs", {"operations": [{"upscale": {"factor": 99}}]}, (422, "parameter_invalid", "operations[0].upscale.factor")),
        ("/jobs", {"operations": [{"noop": {}}], "metadata": {"a": 1}}, (422, "parameter_invalid", "metadata.a")),
        ("/images/generations", {"prompt": ""}, (400, "parameter_missing", "prompt")),
        ("/images/generations", {"prompt": "A mug", "n": 5}, (422, "parameter_invalid", "n")),
        ("/images/generations", {"prompt": "A mug", "brand_id": "b"}, (400, "parameter_unknown", "brand_id")),
        ("/campaigns/generate", {"prompt": "Sale", "output": {"aspect_ratio": "4:5"}}, (422, "operation_unavailable", None)),
        ("/images/campaigns", {"prompt": "Sale"}, (422, "operation_unavailable", None)),
        ("/brands/extract", {"url": "https://example.com"}, (422, "operation_unavailable", None)),
        ("/runs", {"steps": [{"id": "a", "depends_on": []}]}, (422, "operation_unavailable", None)),
        ("/avatars", {}, (422, "operation_unavailable", None)),
    ],
)
async def test_bad_input_names_the_parameter(pi: Pi, path: str, body: object, refused: tuple[int, str, str | None]) -> None:
    status, kind, code, param = error_of(await pi.post(path, body))
    assert ((status, code, param), kind) == (refused, "invalid_request_error")


async def test_webhooks(pi: Pi) -> None:
    async with Receiver() as receiver:
        created = (await pi.post("/webhooks", {"endpoint_url": receiver.url, "secret": "a long secret"})).json()
        webhook = created["data"]
        assert (created["status"], webhook["object"], webhook["is_active"], "secret" in webhook) == ("active", "webhook", True, False)
        job = await pi.job(SLOW)
        await pi.post(f"/jobs/{job['id']}/cancel")
        [request] = await receiver.received()
    assert request.headers["x-pi-event"] == "job.failed"
    assert request.headers["x-pi-signature"] == "sha256=" + hmac.new(b"a long secret", request.body, "sha256").hexdigest()
    assert json.loads(request.body)["data"]["job_id"] == job["id"]
    changed = await pi.patch(f"/webhooks/{webhook['id']}", {"is_active": False})
    assert (changed.json()["status"], changed.json()["data"]["is_active"]) == ("inactive", False)
    assert [each["id"] for each in (await pi.get("/webhooks")).json()["data"]["data"]] == [webhook["id"]]
    assert error_of(await pi.patch(f"/webhooks/{webhook['id']}", {})) == (400, "invalid_request_error", "parameter_missing", "is_active")


async def test_jobs_of_others_do_not_exist(pi: Pi, stack: StackUnderTest) -> None:
    job = await pi.job(NOOP)
    async with httpx.AsyncClient(timeout=60) as http:
        other = Pi(stack.url, stack.create_account("other").api_key, http)
        for path in ("", "/events", "/events/stream"):
            assert error_of(await other.get(f"/jobs/{job['id']}{path}"))[:3] == (404, "invalid_request_error", "resource_missing")
        assert error_of(await other.post(f"/jobs/{job['id']}/cancel"))[:3] == (404, "invalid_request_error", "resource_missing")
        assert (await other.get(f"/jobs?ending_before={job['id']}")).json()["data"]["data"] == []
