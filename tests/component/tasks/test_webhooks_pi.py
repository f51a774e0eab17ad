"""Pi's webhooks of the running service."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict

from compat.pi.v1 import job_pb2, jobs_pb2, jobs_pb2_grpc, webhooks_pb2, webhooks_pb2_grpc
from darkroom.tasks.v1 import webhooks_service_pb2 as native_pb
from tests.component.tasks.hooks import LOOPBACK
from tests.component.tasks.receiver import Received, Receiver
from tests.component.tasks.service import Replica, Service

ACCOUNT, OTHER = 7_001, 7_002
SECRET = "çontract secret"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "migrate-from-pi.md"


class Pi:
    """An account's calls."""

    def __init__(self, service: Service, replica: Replica, account_id: int = ACCOUNT) -> None:
        self._hooks = webhooks_pb2_grpc.WebhooksServiceStub(replica.public)
        self._jobs = jobs_pb2_grpc.JobsServiceStub(replica.public)
        self.me = service.caller(account_id)

    async def add(self, url: str, secret: str = SECRET, key: str = "") -> webhooks_pb2.WebhookEnvelope:
        request = webhooks_pb2.CreateWebhookRequest(endpoint_url=url, secret=secret)
        return await self._hooks.CreateWebhook(request, metadata=self.me + ((("idempotency-key", key),) if key else ()))

    async def list(self) -> list[webhooks_pb2.Webhook]:
        return list((await self._hooks.ListWebhooks(webhooks_pb2.ListWebhooksRequest(), metadata=self.me)).data.data)

    async def switch(self, webhook_id: str, *, on: bool) -> webhooks_pb2.WebhookEnvelope:
        return await self._hooks.UpdateWebhook(webhooks_pb2.UpdateWebhookRequest(id=webhook_id, is_active=on), metadata=self.me)

    async def job(self, **fields: Any) -> job_pb2.Job:
        request = ParseDict({"operations": [{"noop": {"steps": 1}}], **fields}, jobs_pb2.CreateJobRequest())
        return (await self._jobs.CreateJob(request, metadata=self.me)).data

    async def cancel(self, job: job_pb2.Job) -> None:
        await self._jobs.CancelJob(jobs_pb2.CancelJobRequest(id=job.id), metadata=self.me)


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica(webhook_allow_http=True, webhook_allowed_networks=LOOPBACK, webhook_backoff=0.05) as running:
        yield running


@pytest.fixture
def pi(service: Service, replica: Replica) -> Pi:
    return Pi(service, replica)


def documented_verify() -> Callable[[Mapping[str, str], bytes, str], bool]:
    """The function that the page for those who move gives to receivers."""
    names: dict[str, Any] = {}
    exec(PAGE.read_text().split("```python\n")[1].split("```")[0], names)
    verify: Callable[[Mapping[str, str], bytes, str], bool] = names["verify"]
    return verify


def verified(request: Received) -> dict[str, Any]:
    """The event, signed with the secret."""
    verify = documented_verify()
    assert verify(request.headers, request.body, SECRET)
    assert not verify(request.headers, request.body + b" ", SECRET)
    assert not verify(request.headers, request.body, "another secret")
    event: dict[str, Any] = json.loads(request.body)
    assert (event["type"], event["object"]) == (request.headers["x-pi-event"], "event")
    return event


async def refusal(call: Any) -> tuple[int, str, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    trailers = dict(refused.value.trailing_metadata() or ())
    error = json.loads(str(trailers["x-error-body"]))["error"]
    return int(str(trailers["x-http-status"])), error["code"], error.get("param")


async def test_ends_of_jobs_arrive_signed(service: Service, replica: Replica, pi: Pi) -> None:
    async with Receiver(500) as receiver:
        added = await pi.add(receiver.url)
        assert (added.object, added.status, added.data.is_active, added.data.endpoint_url) == ("webhook", "active", True, receiver.url)
        assert SECRET not in str(added)
        job = await pi.job(metadata={"shop": "north"}, client_reference_id="o-1")
        await replica.started(service.worker(), int(job.task_id))
        output = service.files.add(ACCOUNT, "a.png", "image/png", size=(2, 2))
        await replica.complete(service.worker(), int(job.task_id), output_file_ids=[output])
        failed, again = map(verified, await receiver.received(2))
        assert failed == again
        data = again["data"]
        assert again["type"] == "job.completed"
        assert again["id"].startswith(f"evt_pi_{job.task_id}_")
        assert isinstance(again["created_at"], int)
        assert (data["job_id"], data["job_type"], data["status"], data["error"]) == (job.id, "noop", "completed", None)
        assert (data["metadata"], data["client_reference_id"]) == ({"shop": "north"}, "o-1")
        assert data["result_url"] == data["payload"]["image_url"] == f"https://storage/{output}"

        # Of whichever API, and a cancelled job has failed.
        task = await replica.create(pi.me)
        await pi.cancel(await pi.job())
        await replica.started(service.worker(), task.id)
        await replica.fail(service.worker(), task.id, reason=11, message="The file is damaged.")
        ends = [verified(request) for request in (await receiver.received(4))[2:]]
    assert [event["type"] for event in ends] == ["job.failed"] * 2
    told = {event["data"]["error_code"]: event["data"]["error"] for event in ends}
    assert told == {"cancelled": "Cancelled by its owner.", "file_corrupt": "The file is damaged."}
    assert all(event["data"]["result_url"] is None for event in ends)


async def test_a_jobs_own_url_is_signed_with_the_default_secret(replica: Replica, pi: Pi) -> None:
    async with Receiver() as receiver:
        job = await pi.job(webhook_url=receiver.url)
        await pi.cancel(job)
        [request] = await receiver.received()
    reply = await replica.webhooks.GetDefaultWebhookSecret(native_pb.GetDefaultWebhookSecretRequest(), metadata=pi.me)
    key = base64.b64decode(reply.secret.removeprefix("whsec_"))
    assert request.headers["x-pi-signature"] == "sha256=" + hmac.new(key, request.body, "sha256").hexdigest()
    assert json.loads(request.body)["data"]["job_id"] == job.id


async def test_a_webhook_that_is_switched_off_misses_what_happens(replica: Replica, pi: Pi) -> None:
    async with Receiver() as receiver:
        webhook = (await pi.add(receiver.url)).data
        off = await pi.switch(webhook.id, on=False)
        assert (off.status, off.data.is_active, off.data.id) == ("inactive", False, webhook.id)
        assert [each.is_active for each in await pi.list()] == [False]
        await pi.cancel(await pi.job())
        assert (await pi.switch(webhook.id, on=True)).data == webhook
        job = await pi.job()
        await pi.cancel(job)
        [request] = await receiver.received()
    assert verified(request)["data"]["job_id"] == job.id


async def test_only_its_own_are_shown_and_changed(service: Service, replica: Replica, pi: Pi) -> None:
    async with Receiver() as receiver:
        native = await replica.webhooks.CreateWebhook(native_pb.CreateWebhookRequest(url=receiver.url), metadata=pi.me)
        webhook = (await pi.add(receiver.url, key="k")).data
        assert (await pi.add(receiver.url, key="k")).data == webhook
        assert await refusal(pi.add(receiver.url, "another secret", key="k")) == (409, "idempotency_key_mismatch", "idempotency-key")
    assert await pi.list() == [webhook]
    other = Pi(service, replica, OTHER)
    assert await other.list() == []
    for call in (pi.switch(str(native.webhook.id), on=False), other.switch(webhook.id, on=False), pi.switch("x", on=True)):
        assert await refusal(call) == (404, "resource_missing", None)


@pytest.mark.parametrize(
    ("url", "secret", "refused"),
    [
        ("", SECRET, (400, "parameter_missing", "endpoint_url")),
        ("ftp://example.com", SECRET, (422, "parameter_invalid", "endpoint_url")),
        ("https://10.0.0.1/", SECRET, (422, "parameter_invalid", "endpoint_url")),
        ("https://example.com/", "", (400, "parameter_missing", "secret")),
        ("https://example.com/", "short", (422, "parameter_invalid", "secret")),
        ("https://example.com/", "x" * 501, (422, "parameter_invalid", "secret")),
    ],
)
async def test_bad_webhooks(pi: Pi, url: str, secret: str, refused: tuple[int, str, str]) -> None:
    assert await refusal(pi.add(url, secret)) == refused
