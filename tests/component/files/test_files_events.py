"""The ends of tasks, heard by several replicas of files that share one consumer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from darkroom.internal.tasks.v1 import events_pb2
from darkroom.tasks.v1 import task_pb2
from services.files.events import TaskEvents
from services.files.records import EndedTask
from services.platform.bus import Bus, connect, event_subject
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with connect(nats_url, "tests", 1) as connection:
        yield connection


async def test_replicas_at_once_settle_every_task_and_share_the_events(world: World, bus: Bus) -> None:
    account, tasks = world.account(), [world.task() for _ in range(30)]
    file = await ready_input(world, account)
    won = {}
    for task in tasks:
        await world.files.task_files.pin(account, task, [file.id])
    for task in tasks[:5]:
        won[task] = await output(world, account, task)
    settled: Counter[int] = Counter()
    done = asyncio.Event()

    async def replica() -> None:
        files = world.again()

        async def settle(ended: Sequence[EndedTask]) -> None:
            await files.task_files.settle(ended)
            settled.update(task.task_id for task in ended)
            if settled.keys() >= set(tasks):
                done.set()

        events = TaskEvents(bus, settle)
        while True:
            await events.step()

    replicas = [asyncio.create_task(replica()) for _ in range(3)]
    for task in tasks:
        for sequence, state in ((1, task_pb2.TASK_STATE_RUNNING), (2, task_pb2.TASK_STATE_SUCCEEDED)):
            outputs = [won[task]] if task in won and sequence == 2 else []
            await bus.jetstream.publish(
                event_subject(account, end=state == task_pb2.TASK_STATE_SUCCEEDED),
                events_pb2.PublishedEvents(events=[_event(account, task, sequence, state, outputs)]).SerializeToString(),
            )
    async with asyncio.timeout(60):
        await done.wait()
    for each in replicas:
        each.cancel()
    await asyncio.gather(*replicas, return_exceptions=True)
    # Shared, not heard by each.
    assert settled.keys() == set(tasks)
    assert settled.total() < 3 * len(tasks)
    assert (await world.row(file.id))["pins"] == 0
    assert {file_id for file_id in won.values() if (await world.row(file_id))["visible"]} == set(won.values())


async def test_a_new_connection_is_asked_at_once(bus: Bus) -> None:
    async def settle(_ended: Sequence[EndedTask]) -> None: ...

    asking = asyncio.create_task(TaskEvents(bus, settle).step())
    async with asyncio.timeout(15):
        while not asking.done():
            await bus.client.force_reconnect()
            await asyncio.sleep(1)
    assert asking.result() is False


def _event(
    account: int, task: int, sequence: int, state: task_pb2.TaskState.ValueType, outputs: Sequence[int]
) -> events_pb2.PublishedEvent:
    event = task_pb2.TaskEvent(task_id=task, sequence=sequence, state=state)
    return events_pb2.PublishedEvent(account_id=account, event=event, output_file_ids=outputs)
