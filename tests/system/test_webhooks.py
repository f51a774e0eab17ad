"""Webhooks of the whole system: a task's end reaches a receiver, and the command looks after them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from tests.component.tasks.receiver import Receiver, documented_verify
from tests.component.tasks.service import eventually
from tests.stacks import Account, StackUnderTest
from tests.system.pilio import Pilio
from tests.system.shell import Shell

NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


async def test_the_end_of_a_task_reaches_its_receivers(native: AsyncClient, receiver: Receiver) -> None:
    verify = documented_verify()
    webhook, secret = await native.webhooks.create(receiver.url)
    task = await native.create_task([], [NOOP], webhook_url=f"{receiver.url}/own")
    requests = {request.line.split()[1]: request for request in await receiver.received(2)}
    assert verify(requests["/hook"].headers, requests["/hook"].body, secret)
    assert verify(requests["/hook/own"].headers, requests["/hook/own"].body, await native.webhooks.default_secret())
    events = [json.loads(request.body) for request in requests.values()]
    assert [(event["type"], event["data"]["id"]) for event in events] == [("task.succeeded", str(task.id))] * 2
    deliveries = await native.webhooks.deliveries(task_id=task.id)
    assert {delivery.webhook_id for delivery in deliveries} == {webhook.id, 0}


async def test_a_task_by_v1_reaches_the_accounts_webhook(native: AsyncClient, pilio: Pilio, receiver: Receiver, portrait: bytes) -> None:
    await native.webhooks.create(receiver.url)
    task_id = await pilio.start("/v1/images/upscale", {"image_file_id": await pilio.upload("a.jpg", portrait)})
    assert (await pilio.finish(task_id))["status"] == "Succeeded"
    [request] = await receiver.received(1)
    assert json.loads(request.body)["data"]["id"] == task_id


async def test_addresses_of_the_servers_network_are_refused(native: AsyncClient) -> None:
    for url in ("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/"):
        with pytest.raises(ApiError, match="may not be sent to") as raised:
            await native.webhooks.create(url)
        assert (raised.value.reason, raised.value.field) == ("FIELD_INVALID", "url")


async def test_deliveries_are_printed_on_the_receivers_machine(
    stack: StackUnderTest, native: AsyncClient, account: Account, tmp_path: Path
) -> None:
    listener = await Shell(stack, account, tmp_path).start("webhook", "listen", "--port", "0", "--json")
    assert listener.stdout and listener.stderr
    try:
        async with asyncio.timeout(60):
            assert b"Listening at http://127.0.0.1:" in await listener.stderr.readline()
            task = await native.create_task([], [NOOP])
            delivery = json.loads(await listener.stdout.readline())
        assert (delivery["problem"], delivery["status"], delivery["event"]["data"]["id"]) == ("", 204, str(task.id))
        listener.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await listener.wait() == 130
    finally:
        if listener.returncode is None:
            listener.kill()
    assert await native.webhooks.list() == []


@pytest.mark.thorough
async def test_the_command(stack: StackUnderTest, account: Account, receiver: Receiver, tmp_path: Path) -> None:
    shell = Shell(stack, account, tmp_path)
    status, out, err = await shell.run("webhook", "add", receiver.url, "--event", "task.failed", "--json")
    assert status == 0, err
    added = json.loads(out)
    webhook, secret = added["webhook"]["id"], added["secret"]
    assert added["webhook"]["event_types"] == ["task.failed"]
    assert secret.startswith("whsec_")
    assert receiver.url in (await shell.run("webhook", "ls"))[1]
    assert "task.cancelled" in (await shell.run("webhook", "events", webhook, "--event", "task.cancelled"))[1]
    assert "receives: all" in (await shell.run("webhook", "events", webhook))[1]
    assert "active" in (await shell.run("webhook", "enable", webhook))[1]

    rotated = (await shell.run("webhook", "rotate", webhook))[1].strip()
    assert (await shell.run("webhook", "test", webhook))[0] == 0
    [request] = await receiver.received(1)
    for valid in (secret, rotated):
        assert documented_verify()(request.headers, request.body, valid)

    async def log() -> str:
        return (await shell.run("webhook", "deliveries", "--webhook", webhook, "--state", "delivered", "--json"))[1]

    line = json.loads(await eventually(log, bool))
    assert (line["event_type"], line["response_status"], line["response_body"]) == ("webhook.test", 200, "thanks")
    assert (await shell.run("webhook", "replay", line["id"]))[0] == 0
    first, second = await receiver.received(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert "webhook.test" in (await shell.run("webhook", "deliveries"))[1]

    secret = (await shell.run("webhook", "secret"))[1].strip()
    assert secret.startswith("whsec_")
    assert (await shell.run("webhook", "rotate"))[1].strip() not in ("", secret)
    assert (await shell.run("webhook", "rm", webhook))[0] == 0
    status, _, err = await shell.run("webhook", "rm", webhook)
    assert status == 1
    assert "No such webhook" in err
    status, _, err = await shell.run("webhook", "add", "ftp://example.com")
    assert status == 1
    assert "https://" in err
