"""The ends of tasks, heard by several replicas of files that share one consumer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from darkroom.internal.tasks.v1 import events_pb2
from darkroom.tasks.v1 import task_pb2
from services.files.events import TaskEvents
from services.files.records import EndedTask
from services.platform.bus import ENDS_CONSUMER, EVENTS_STREAM, Bus, connected, event_subject, former_event_subject
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with connected(nats_url, "tests", 1) as connection:
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


@pytest.mark.parametrize("kinds", ["*", "end"], ids=["every event", "ends alone"])
async def test_a_version_before_has_left_its_consumer_and_an_end_that_nobody_has_settled(world: World, bus: Bus, kinds: str) -> None:
    account, before, after = world.account(), world.task(), world.task()
    config = ConsumerConfig(
        durable_name=ENDS_CONSUMER,
        filter_subject=former_event_subject("*", "*", end=True).removesuffix("end") + kinds,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30.0,
    )
    await bus.jetstream.add_consumer(EVENTS_STREAM, config)
    former = _event(account, before, 4, task_pb2.TASK_STATE_SUCCEEDED, [])
    await bus.jetstream.publish(former_event_subject(account, before, end=True), former.SerializeToString())
    now = [_event(account, after, 3, task_pb2.TASK_STATE_RUNNING, []), _event(account, after, 4, task_pb2.TASK_STATE_SUCCEEDED, [7])]
    await bus.jetstream.publish(event_subject(account, end=True), events_pb2.PublishedEvents(events=now).SerializeToString())
    settled: list[EndedTask] = []

    async def settle(ended: Sequence[EndedTask]) -> None:
        settled.extend(ended)

    events = TaskEvents(bus, settle)
    async with asyncio.timeout(30):
        while len(settled) < 2:
            await events.step()
    assert settled == [EndedTask(before, ()), EndedTask(after, (7,))]
    info = await bus.jetstream.consumer_info(EVENTS_STREAM, ENDS_CONSUMER)
    assert sorted(info.config.filter_subjects or ()) == sorted([event_subject("*", end=True), former_event_subject("*", "*", end=True)])


def _event(
    account: int, task: int, sequence: int, state: task_pb2.TaskState.ValueType, outputs: Sequence[int]
) -> events_pb2.PublishedEvent:
    event = task_pb2.TaskEvent(task_id=task, sequence=sequence, state=state)
    return events_pb2.PublishedEvent(account_id=account, event=event, output_file_ids=outputs)
