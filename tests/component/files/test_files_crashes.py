"""The files service dies, by SIGKILL, with the end of a task in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom.internal.tasks.v1 import events_pb2
from darkroom.tasks.v1 import task_pb2
from services.files import events
from services.files.domain.task_files import TaskFiles
from services.files.events import TaskEvents
from services.platform.bus import ENDS_CONSUMER, EVENTS_STREAM, Bus, connect, event_subject
from tests.component.files.test_files_tasks import output, ready_input
from tests.component.files.world import World
from tests.dying import Point, dying


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with connect(nats_url, "test", 1) as connection:
        yield connection


@pytest.mark.cases(1)
@pytest.mark.parametrize("before", [True, False], ids=["before it is settled", "before it is acknowledged"])
async def test_an_end_that_was_received_comes_again(
    world: World, bus: Bus, nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    # The survivor does not wait half a minute for what the dead one had in its hand.
    monkeypatch.setattr(events, "_ACK_WAIT_SECONDS", 1.0)
    # Nor does it wait so long for another event, once it has had the only one.
    monkeypatch.setattr(events, "_WAIT_SECONDS", 1.0)
    account, task = world.account(), world.task()
    file = await ready_input(world, account)
    await world.files.task_files.pin(account, task, [file.id])
    won = await output(world, account, task, 2)
    await output(world, account, task, 1)
    ended = task_pb2.TaskEvent(task_id=task, sequence=4, state=task_pb2.TASK_STATE_SUCCEEDED)
    event = events_pb2.PublishedEvent(account_id=account, event=ended, output_file_ids=[won])
    await bus.jetstream.publish(event_subject(account, end=True), events_pb2.PublishedEvents(events=[event]).SerializeToString())

    settings = world.settings.model_dump(exclude_none=True) | {"nats_url": nats_url}
    async with dying("files", settings, Point(TaskFiles, "settle", before=before), tmp_path / "dying.log") as process:
        await process.died()
    assert (await world.row(won))["visible"] is not before

    survivor = TaskEvents(bus, world.files.task_files.settle)
    async with asyncio.timeout(30):
        while (await bus.jetstream.consumer_info(EVENTS_STREAM, ENDS_CONSUMER)).num_ack_pending or not (await world.row(won))["visible"]:
            await survivor.step()
    await world.sweep()
    assert {row["id"] for row in await world.rows()} == {file.id, won}
    assert (await world.row(file.id))["pins"] == 0
