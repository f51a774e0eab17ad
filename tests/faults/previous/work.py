"""Work that is begun with one version and finished with another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.component.tasks.receiver import Receiver, documented_verify
from tests.faults.previous.client import Client

CREDITS, PRICE = 100, 4
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=600, step_milliseconds=100))
Admin = Callable[..., str]
"""Runs an administration command of the version that serves."""


@dataclass(frozen=True)
class Begun:
    """What an account has begun. All of it costs credits, but for `running`."""

    client: Client
    account: str
    report: bytes
    document: str
    """The file of `done` and `queued`."""
    done: str
    """A task that has succeeded; its idempotency key is `first`."""
    result: bytes
    queued: tuple[str, ...]
    """Tasks that may not run until `max-running` is the default."""
    running: int
    """A task of another account."""
    runner: str
    """The other account's key."""
    unsent: tuple[str, str]
    """Id and URL of a file that nothing has been sent of."""
    unused: str
    """A file that has been sent, and that nothing has used."""
    secret: str
    """Of the account's webhook."""
    key: str
    """Another key of the account."""


def make_account(admin: Admin, name: str) -> tuple[str, str]:
    """The id and the key of a new account."""
    account = json.loads(admin("accounts", "create-account", "--name", name))["id"]
    return account, json.loads(admin("accounts", "create-key", "--account", account, "--name", name))["key"]


async def begin(url: str, admin: Admin, receiver: Receiver, report: bytes) -> Begun:
    """Begin everything that an upgrade may interrupt."""
    account, api_key = await asyncio.to_thread(make_account, admin, "owner")
    _, runner = await asyncio.to_thread(make_account, admin, "other")
    await asyncio.to_thread(admin, "tasks", "set-terms", "--account", account, "--credits", "enforced")
    await asyncio.to_thread(admin, "tasks", "grant", "--account", account, "--credits", str(CREDITS))
    client = Client(url, api_key)
    webhook = await client.call("POST", "/v1/webhooks", {"url": receiver.url, "event_types": ["task.succeeded"]})
    document = await client.upload(report)
    done = await client.create(document, "first")
    result = await client.result(done)
    async with AsyncClient(url, runner) as other:
        running = (await other.create_task([], [LONG])).id
        async for event in other.watch(running):
            if event.state == task_pb2.TASK_STATE_RUNNING:
                break
    await asyncio.to_thread(admin, "tasks", "policy", "--account", account, "--max-running", "0")
    return Begun(
        client,
        account,
        report,
        document,
        done,
        result,
        (await client.create(document), await client.create(document)),
        running,
        runner,
        await client.begin_upload(report),
        await client.upload(report),
        webhook["secret"],
        (await client.call("POST", "/v1/keys", {"name": "another"}))["secret"],
    )


async def finish(begun: Begun, admin: Admin, receiver: Receiver) -> None:
    """Finish it: nothing is lost, and nothing is charged twice."""
    client = begun.client
    assert await client.result(begun.done) == begun.result
    assert await client.create(begun.document, "first") == begun.done
    for task in begun.queued:
        assert await client.status(task) == "Pending"
    await asyncio.to_thread(admin, "tasks", "policy", "--account", begun.account, "--max-running", "default")
    file, url = begun.unsent
    await client.put(url, begun.report)
    tasks = [*begun.queued, await client.create(file), await Client(client.url, begun.key).create(begun.unused)]
    for task in tasks:
        await client.result(task)
    async with AsyncClient(client.url, begun.runner) as other:
        async for event in other.watch(begun.running):
            if event.attempt == 2:
                break
        await other.cancel_task(begun.running)
    balance = await client.call("GET", "/v1/balance")
    ended = {begun.done, *tasks}
    assert (balance["available"], balance["reserved"]) == (CREDITS - PRICE * len(ended), 0)
    async with asyncio.timeout(60):
        while not ended <= {json.loads(request.body)["data"]["id"] for request in receiver.requests}:
            await asyncio.sleep(0.1)
    verify = documented_verify()
    ours = [request for request in receiver.requests if json.loads(request.body)["data"]["id"] in ended]
    assert all(verify(request.headers, request.body, begun.secret) for request in ours)


async def work(url: str, api_key: str, report: bytes) -> None:
    """Upload, run, read, cancel, delete, and use a new key until it is revoked."""
    client = Client(url, api_key)
    made = await client.call("POST", "/v1/keys", {"name": "short-lived"})
    other = Client(url, made["secret"])
    file = await other.upload(report)
    first = await client.create(file, key := f"key-{file}")
    await client.result(first)
    assert await client.create(file, key) == first
    async with AsyncClient(url, api_key) as native:
        long = await native.create_task([], [LONG])
        await native.cancel_task(long.id)
        assert (await native.get_task(long.id)).state == task_pb2.TASK_STATE_CANCELLED
    assert (await client.send("DELETE", f"/v1/files/{file}")).status_code == 200
    assert (await client.send("DELETE", f"/v1/keys/{made['key']['id']}")).status_code == 200
    async with asyncio.timeout(60):
        while (await other.send("GET", "/v1/tasks")).status_code != 401:
            await asyncio.sleep(0.1)
