"""A server's own worker on standby, and a machine that is there at times, on the whole system."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.faults.beside import worker_beside
from tests.harness.parts import ensure_up
from tests.stacks import Account, StackUnderTest

T = TypeVar("T")
SHORT = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))
BOX = {"DARKROOM_WORKER_NAME": "gpu-box", "DARKROOM_LANES": "system=2", "DARKROOM_STANDBY_LANES": "", "DARKROOM_AWAY_DAYS": "7"}
STANDBY = {"DARKROOM_WORKER_NAME": "small-server", "DARKROOM_STANDBY_LANES": "system"}


@pytest.fixture
def standing_by(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    """The worker of the stack is on standby for one of its lanes."""
    before = stack.configured
    stack.configure({**before, **STANDBY})
    ensure_up(stack)
    # Machines of other tests.
    for name in known(stack):
        stack.admin("tasks", "forget-worker", name)
    yield stack
    stack.configure(before)
    ensure_up(stack)


async def ran(client: AsyncClient) -> task_pb2.Task:
    task = await client.wait((await client.create_task([], [SHORT])).id)
    assert task.state == task_pb2.TASK_STATE_SUCCEEDED
    return task


def machine(task: task_pb2.Task) -> str:
    """Where the task ran."""
    return task.attempts[-1].worker.rsplit("-", 2)[0]


def known(stack: StackUnderTest) -> list[str]:
    """The machines that are expected to come back."""
    return [row["name"] for row in stack.fetch("tasks", "SELECT name FROM away_worker")]


async def until(read: Callable[[], Awaitable[T]], true: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + 120
    while not true(found := await read()):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
    return found


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_the_server_does_it_slower_while_the_machine_is_away(standing_by: StackUnderTest) -> None:
    account: Account = standing_by.create_account()
    async with AsyncClient(standing_by.url, account.api_key) as client:
        # tasks looks every few seconds whom it has to expect.
        alone = ["A slower worker ran this because no other worker was connected."]
        task = await until(lambda: ran(client), lambda task: [notice.message for notice in task.notices] == alone)
        assert machine(task) == "small-server"
        with worker_beside(standing_by, **BOX):
            await until(lambda: ran(client), lambda task: machine(task) == "gpu-box")
            tasks = await asyncio.gather(*(ran(client) for _ in range(12)))
            # More than it has slots.
            assert {machine(task) for task in tasks} == {"gpu-box"}
            assert not any(task.notices for task in tasks)
            await until(lambda: asyncio.to_thread(known, standing_by), lambda machines: machines == ["gpu-box"])
        task = await until(lambda: ran(client), lambda task: machine(task) == "small-server" and "gpu-box" in task.notices[0].message)
        assert [(notice.code, notice.message) for notice in task.notices] == [
            ("ran_on_standby_worker", "A slower worker ran this because gpu-box was away.")
        ]
        assert json.loads(standing_by.admin("tasks", "forget-worker", "gpu-box")) == {"forgotten": ["gpu-box"]}
