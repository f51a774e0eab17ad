"""Newer lanes: which tasks wait there, and what becomes of those whose lane no worker serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.operations.v1 import operation_pb2
from services.pictures.offers import Offers
from services.platform.bus import OFFERS_STREAM, Bus
from services.platform.database import Database
from services.tasks.domain.acceptance.requests import BatchRequest, RequestedItem, TaskRequest
from services.tasks.model import AwayWorker
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.lanes import LaneStore
from tests.component.tasks.accepting import Accepting, accepting_beside
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene
from tests.component.tasks.service import Service
from tests.component.tasks.test_task_counters import differences

RESIZE = operation_pb2.Operation(resize={"width": 800})
REDRAW = operation_pb2.Operation(redraw_pdf={})
OTHER = ACCOUNT + 1


@pytest.fixture
async def parts(service: Service) -> AsyncIterator[Accepting]:
    async with accepting_beside(service) as made:
        yield made


async def lane(parts: Accepting, operation: operation_pb2.Operation, *file_ids: int) -> str:
    fields = ["input_file_ids"] * len(file_ids)
    request = TaskRequest(account_id=ACCOUNT, operations=[operation], input_file_ids=file_ids, input_fields=fields)
    return (await parts.acceptance.create(request)).lane


async def test_a_newer_lane_is_used_while_a_worker_offers_to_serve_it(service: Service, parts: Accepting, bus: Bus) -> None:
    photo, large = (service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=size) for size in ((1600, 1200), (9000, 7000)))
    drawing = service.files.add(ACCOUNT, "drawing.svg", "image/svg+xml", size=(100, 100))
    report = service.files.add(ACCOUNT, "report.pdf", "application/pdf", pages=3)
    await parts.served.step()
    assert [await lane(parts, RESIZE, photo), await lane(parts, REDRAW, report)] == ["picture", "neural"]
    await Offers(bus).announce([], ["interactive"])
    await parts.served.step()
    assert [await lane(parts, RESIZE, photo), await lane(parts, REDRAW, report)] == ["interactive", "neural"]
    await Offers(bus).announce([], ["pages"])
    await parts.served.step()
    assert [await lane(parts, RESIZE, photo), await lane(parts, REDRAW, report)] == ["interactive", "pages"]
    # What is long, and what nobody waits for, is not in the way of others.
    assert [await lane(parts, RESIZE, large), await lane(parts, RESIZE, drawing), await lane(parts, RESIZE, photo, photo)] == [
        "picture"
    ] * 3
    for count, lane_of_items in ((1, "interactive"), (2, "picture")):
        batch = BatchRequest(account_id=ACCOUNT, items=[RequestedItem([], [photo])] * count, operations=[RESIZE], per_item=False)
        assert {task.lane for task in (await parts.acceptance.create_batch(batch)).tasks} == {lane_of_items}


async def test_tasks_of_a_lane_that_nobody_serves_any_more_wait_in_the_one_before(service: Service, parts: Accepting, bus: Bus) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(1600, 1200))
    await Offers(bus).announce([], ["interactive"])
    await parts.served.step()
    assert await lane(parts, RESIZE, photo) == "interactive"
    await parts.served.step()
    assert await parts.tasks.waiting(ACCOUNT, "interactive") == 1
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    await parts.workforce.step()
    await parts.served.step()
    assert [await parts.tasks.waiting(ACCOUNT, name) for name in ("interactive", "picture")] == [0, 1]


async def test_a_service_that_has_just_started_moves_nothing_before_it_knows_who_is_away(
    service: Service, parts: Accepting, bus: Bus, clean_engine: AsyncEngine
) -> None:
    report = service.files.add(ACCOUNT, "report.pdf", "application/pdf", pages=3)
    await Offers(bus).announce([], ["pages"])
    await parts.served.step()
    assert await lane(parts, REDRAW, report) == "pages"
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    now, machines = datetime.now(UTC), AwayWorkerStore(Database(clean_engine))
    await machines.remember(AwayWorker("gpu-box", ["pages"], [], gpu=True, seen_time=now, until=now + timedelta(days=1)), [])
    await parts.served.step()
    assert await parts.tasks.waiting(ACCOUNT, "pages") == 1
    await parts.workforce.step()
    await parts.served.step()
    assert await parts.tasks.waiting(ACCOUNT, "pages") == 1
    await machines.forget("gpu-box")
    await parts.workforce.step()
    await parts.served.step()
    assert [await parts.tasks.waiting(ACCOUNT, name) for name in ("pages", "neural")] == [0, 1]


async def test_moving_keeps_counters_and_what_runs(scene: Scene, clean_engine: AsyncEngine, clock: MovableClock) -> None:
    store = LaneStore(Database(clean_engine))
    running, late = await scene.running(), await scene.running()
    await scene.fail(late, run_at=clock() + timedelta(hours=1))
    waiting = [await scene.create(account_id=account) for _ in range(6) for account in (ACCOUNT, OTHER)]
    before = await scene.create(lane="picture")
    assert await store.move("system", "picture", limit=5) == 5
    assert await wrong(clean_engine) == []
    # Cancelling locks the same rows.
    await asyncio.gather(*(store.move("system", "picture", limit=100) for _ in range(2)), *map(scene.cancel, waiting[8:]))
    await store.move("system", "picture", limit=100)
    assert await wrong(clean_engine) == []
    assert {(await scene.now(task)).lane for task in (*waiting[:8], late, before)} == {"picture"}
    assert (await scene.now(running)).lane == "system"
    assert await scene.complete(running) is not None
    assert await wrong(clean_engine) == []


async def wrong(engine: AsyncEngine) -> list[Any]:
    """The counters that are wrong. An account's place in a lane that it has left is no mistake."""
    return [row for row in await differences(engine) if any(row[2:])]
