"""Each service is stopped with SIGTERM and started again in turn, while clients press on.

A client of the SDK, with its default settings, sees that some calls take longer, and no error. One that repeats nothing sees what a single
replica of each service cannot hide: 503 of the code 50300 while a service is away, and no connection while the edge is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from deploy.local.config import LOOPBACK
from tests.harness.parts import ensure_up
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
SHORT = operation_pb2.Operation(noop=noop_pb2.Noop(steps=3, step_milliseconds=50))
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1000, step_milliseconds=1000))
CLIENTS = 3
EXPECTED = {"200 200", "503 50300", "no connection"}
# Leases as in production outlast the restart of a service, and drained workers have time for short tasks, on a slow machine too.
PATIENT = {"DARKROOM_LEASE": "60", "DARKROOM_DRAIN_SECONDS": "6"}


@pytest.fixture
def patient_stack(_stack_alone: StackUnderTest) -> StackUnderTest:
    """Stays so: the tests that come after (tests/harness/folders.py) do not mind, and putting it back restarts every service."""
    _stack_alone.configure({**_stack_alone.configured, **PATIENT})
    ensure_up(_stack_alone)
    return _stack_alone


@dataclass
class Pressed:
    """What an ordinary client of the SDK saw."""

    created: list[int] = field(default_factory=list)
    longest: float = 0.0
    """Seconds that the slowest call took."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)


async def press(stack: StackUnderTest, account: Account, picture: Path, stop: asyncio.Event, seen: Pressed) -> None:
    """Create tasks one after the other until told to stop, each by one call, which raises what the SDK's repetitions do not overcome."""
    async with AsyncClient(stack.url, account.api_key) as client:
        file = await client.upload(picture)
        while not stop.is_set():
            inputs, operation = ([file.id], CUT) if len(seen.created) % 8 == 0 else ([], SHORT)
            before = time.monotonic()
            seen.created.append((await client.create_task(inputs, [operation])).id)
            seen.longest = max(seen.longest, time.monotonic() - before)
            seen.begun.set()
            await asyncio.sleep(0.1)


async def look(stack: StackUnderTest, account: Account, task_id: int, stop: asyncio.Event) -> Counter[str]:
    """What one sees who repeats nothing, by outcome: HTTP status and code of each reply, or that there was none."""
    outcomes: Counter[str] = Counter()
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {account.api_key}"}, timeout=60) as client:
        while not stop.is_set():
            try:
                reply = await client.get(f"{stack.url}/v1/tasks/{task_id}/status")
                outcome = f"{reply.status_code} {reply.json()['code']}"
                outcomes[outcome if outcome in EXPECTED else f"{outcome}: {_logged(stack, reply.headers['x-request-id'])}"] += 1
            except httpx.TransportError:
                outcomes["no connection"] += 1
            await asyncio.sleep(0.05)
    return outcomes


@pytest.mark.timeout(600)
async def test_services_are_restarted_in_turn_and_no_task_fails_or_runs_twice(patient_stack: StackUnderTest, tmp_path: Path) -> None:
    stack = patient_stack
    account = await asyncio.to_thread(stack.create_account)
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(disc(160, 120), "PNG"))
    stop = asyncio.Event()
    seen = [Pressed() for _ in range(CLIENTS)]
    clients = [asyncio.create_task(press(stack, account, picture, stop, each)) for each in seen]
    async with AsyncClient(stack.url, account.api_key) as owner:
        long = await owner.create_task([], [LONG])
        async for event in owner.watch(long.id):
            if event.state == task_pb2.TASK_STATE_RUNNING:
                break
    await asyncio.gather(*(each.begun.wait() for each in seen))
    looking = asyncio.create_task(look(stack, account, long.id, stop))
    try:
        for part in ("files", "accounts", "tasks", "inference", "envoy"):
            await asyncio.to_thread(stack.restart, part)
    finally:
        stop.set()
    await asyncio.gather(*clients)
    created = [task_id for each in seen for task_id in each.created]
    outcomes = await looking
    print(f"SDK: {len(created)} calls, the slowest {max(each.longest for each in seen):.1f} s; without repetition: {dict(outcomes)}")
    assert outcomes["200 200"] > 0
    assert outcomes.keys() <= EXPECTED
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


@pytest.mark.thorough
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


def _logged(stack: StackUnderTest, request_id: str) -> list[str]:
    return [line for part in ("envoy", "accounts", "tasks") for line in stack.log(part, 200) if request_id in line]


async def _edge_metrics(stack: StackUnderTest) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{LOOPBACK}:{stack.stack.config.ports.metrics_edge}/stats/prometheus")).text
