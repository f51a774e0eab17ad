"""Each service is stopped with SIGTERM and started again in turn, while clients press on: nobody notices."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from darkroom import AsyncClient, ConnectionFailed
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from deploy.local.config import LOOPBACK
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
SHORT = operation_pb2.Operation(noop=noop_pb2.Noop(steps=3, step_milliseconds=50))
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1000, step_milliseconds=1000))
CLIENTS = 3
Result = TypeVar("Result")
# Leases as in production outlast the restart of a service, and drained workers have time for short tasks, on a slow machine too.
PATIENT = {"DARKROOM_LEASE": "60", "DARKROOM_DRAIN_SECONDS": "6"}


@pytest.fixture
def patient_stack(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    before = stack.configured
    stack.configure({**before, **PATIENT})
    stack.up()
    yield stack
    stack.configure(before)


async def answered(call: Callable[[], Awaitable[Result]]) -> Result:
    """What a call answers in the end: it is repeated while nobody can be reached, and never refused."""
    async with asyncio.timeout(180):
        while True:
            with suppress(ConnectionFailed):
                return await call()


async def press(stack: StackUnderTest, account: Account, picture: Path, stop: asyncio.Event) -> list[int]:
    """Create tasks one after the other until told to stop, each under a key of its own."""
    created: list[int] = []
    async with AsyncClient(stack.url, account.api_key) as client:
        file = await answered(lambda: client.upload(picture))
        while not stop.is_set():
            inputs, operation = ([file.id], CUT) if len(created) % 8 == 0 else ([], SHORT)
            create = partial(client.create_task, inputs, [operation], idempotency_key=str(uuid.uuid4()))
            created.append((await answered(create)).id)
            await asyncio.sleep(0.02)
    return created


@pytest.mark.timeout(600)
async def test_services_are_restarted_in_turn_and_no_task_fails_or_runs_twice(patient_stack: StackUnderTest, tmp_path: Path) -> None:
    stack = patient_stack
    account = await asyncio.to_thread(stack.create_account)
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(disc(160, 120), "PNG"))
    stop = asyncio.Event()
    clients = [asyncio.create_task(press(stack, account, picture, stop)) for _ in range(CLIENTS)]
    async with AsyncClient(stack.url, account.api_key) as owner:
        long = await owner.create_task([], [LONG])
        async for event in owner.watch(long.id):
            if event.state == task_pb2.TASK_STATE_RUNNING:
                break
    try:
        for part in ("files", "accounts", "tasks", "inference", "envoy"):
            await asyncio.to_thread(stack.restart, part)
    finally:
        stop.set()
    created = [task_id for client in clients for task_id in await client]
    # Every call that was answered, and no other, has made a task.
    rows = await asyncio.to_thread(stack.fetch, "tasks", "SELECT id FROM task WHERE account_id = $1", int(account.id))
    assert sorted(row["id"] for row in rows) == sorted([*created, long.id])
    async with AsyncClient(stack.url, account.api_key) as owner:
        for task_id in created:
            await owner.wait(task_id)
        # What no worker can end by itself goes on at the next.
        async with asyncio.timeout(120):
            while (await owner.get_task(long.id)).state != task_pb2.TASK_STATE_RUNNING:
                await asyncio.sleep(0.1)
        await owner.cancel_task(long.id)
    query = "SELECT id, state, attempt, handed_back FROM task WHERE account_id = $1"
    tasks = {row["id"]: row for row in await asyncio.to_thread(stack.fetch, "tasks", query, int(account.id))}
    assert (tasks[long.id]["attempt"], tasks[long.id]["handed_back"]) == (2, 1)
    # No attempt failed; what was handed back had not ended in the time that a drained worker has.
    assert {task["id"]: dict(task) for task in tasks.values() if task["attempt"] != 1 + task["handed_back"]} == {}
    assert {tasks[task_id]["state"] for task_id in created} == {"SUCCEEDED"}


async def test_a_request_in_flight_outlives_the_stop_of_the_edge(stack: StackUnderTest, account: Account, native: AsyncClient) -> None:
    task = await native.create_task([], [LONG])
    url = f"{stack.url}/v1/tasks/{task.id}/status?wait=2"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {account.api_key}"}, timeout=90) as client:
        for _ in range(2):
            waiting = asyncio.create_task(client.get(url))
            async with asyncio.timeout(90):
                while 'envoy_http_downstream_rq_active{envoy_http_conn_manager_prefix="edge"} 0' in (await _edge_metrics(stack)):
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(stack.restart, "envoy")
            reply = await waiting
            assert reply.status_code == 200, reply.text
            assert reply.json()["data"]["status"] != "Succeeded"
    await native.cancel_task(task.id)


async def _edge_metrics(stack: StackUnderTest) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{LOOPBACK}:{stack.stack.config.ports.metrics_edge}/stats/prometheus")).text
