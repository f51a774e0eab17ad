"""What Prometheus is told of tasks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.model import Task
from services.tasks.monitoring.system import QueueGauges
from services.tasks.store.queue import QueueStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def gauges(clean_engine: AsyncEngine, clock: MovableClock) -> QueueGauges:
    return QueueGauges(QueueStore(Database(clean_engine)), ["neural", "system"], clock)


async def read(gauges: QueueGauges) -> Samples:
    return {(sample.name, *sample.labels.values()): sample.value for family in await gauges.read() for sample in family.samples}


async def test_an_empty_queue_is_told_as_such(gauges: QueueGauges) -> None:
    found = await read(gauges)
    assert set(found.values()) == {0}
    assert ("darkroom_queue_tasks", "neural", "queued") in found
    assert ("darkroom_queue_oldest_seconds", "neural") in found


async def test_depth_by_lane_and_state(gauges: QueueGauges, scene: Scene, clock: MovableClock) -> None:
    for account_id in (1, 1, 2):
        await scene.create(account_id=account_id, lane="neural")
    for _ in range(3):
        await scene.create()
    _, delayed = await scene.take(2)
    assert await scene.fail(delayed, run_at=clock() + timedelta(minutes=1)) is not None

    found = await read(gauges)
    assert {state: found["darkroom_queue_tasks", "system", state] for state in ("queued", "delayed", "running")} == {
        "queued": 1,
        "delayed": 1,
        "running": 1,
    }
    assert found["darkroom_queue_tasks", "neural", "queued"] == 3


async def test_the_oldest_task_is_found_behind_those_that_go_before_it(gauges: QueueGauges, scene: Scene, clock: MovableClock) -> None:
    clock.advance(1)
    await scene.create(account_id=1, priority=-5)
    clock.advance(60)
    for priority in (0, 3):
        await scene.create(account_id=1, priority=priority)
    await scene.create(account_id=2)
    clock.advance(10)
    found = await read(gauges)
    assert found["darkroom_queue_oldest_seconds", "system"] == 70
    assert found["darkroom_queue_oldest_seconds", "neural"] == 0


async def test_events_lag_until_they_are_published(gauges: QueueGauges, scene: Scene, clock: MovableClock) -> None:
    await scene.create()
    clock.advance(30)
    # Taken by a relay, and not confirmed.
    [taken] = await scene.store.take_events(limit=10, retry_at=clock() + timedelta(seconds=10), now=clock())
    assert (await read(gauges))["darkroom_relay_lag_seconds",] == 30
    await scene.store.events_relayed([taken])
    assert (await read(gauges))["darkroom_relay_lag_seconds",] == 0


async def test_webhooks_lag_when_they_are_due(gauges: QueueGauges, scene: Scene, clock: MovableClock) -> None:
    for host in ("a", "b"):
        await scene.create(webhook_url=f"https://{host}.example.com/")
    for task in await scene.take():
        await scene.complete(task)
    clock.advance(20)
    found = await read(gauges)
    assert found["darkroom_webhook_lag_seconds",] == 20
    assert found["darkroom_webhook_receivers_waiting",] == 2


class Growth:
    """By how much series have grown since this was made. Nearly so for sums of seconds and credits: it is a difference of floats, and
    other tests have added to them."""

    def __init__(self) -> None:
        self._before = self._now()

    def __getitem__(self, key: tuple[str, ...]) -> float:
        return self._now().get(key, 0) - self._before.get(key, 0)

    @staticmethod
    def _now() -> Samples:
        return {(sample.name, *sample.labels.values()): sample.value for family in REGISTRY.collect() for sample in family.samples}


async def told(task: Task | None) -> Task:
    """The task, after its transition was told of, and counted."""
    assert task is not None
    Notifications().notify_transition(task)
    await asyncio.sleep(0)
    return task


async def test_a_task_that_is_tried_twice(scene: Scene, clock: MovableClock) -> None:
    grown = Growth()
    task = await told(await scene.create(price=6000, expected_outputs=2))
    clock.advance(4)
    await told(await scene.start(task))
    await told(await scene.fail(task, run_at=clock()))
    await told(await scene.start(task))
    clock.advance(8)
    await told(await scene.complete(task, attempt=2, outputs=(11,)))

    transitions = {
        name: grown["darkroom_task_transitions_total", "system", name] for name in ("create", "start", "retry", "complete", "fail")
    }
    assert transitions == {"create": 1, "start": 2, "retry": 1, "complete": 1, "fail": 0}
    assert grown["darkroom_task_attempts_total", "system", "retried", "UNAVAILABLE"] == 1
    assert grown["darkroom_task_attempts_total", "system", "succeeded", ""] == 1
    assert (grown["darkroom_task_queue_wait_seconds_count", "system"], grown["darkroom_task_queue_wait_seconds_sum", "system"]) == (
        1,
        pytest.approx(4),
    )
    assert (grown["darkroom_task_run_seconds_count", "system"], grown["darkroom_task_run_seconds_sum", "system"]) == (1, pytest.approx(8))
    assert grown["darkroom_task_seconds_sum", "system", "SUCCEEDED"] == pytest.approx(12)
    assert {kind: grown["darkroom_credits_total", kind, "true"] for kind in ("reserved", "settled", "released")} == pytest.approx(
        {"reserved": 6, "settled": 3, "released": 3}
    )


async def test_the_log_has_a_line_for_each_end_of_an_attempt_or_a_task(scene: Scene, clock: MovableClock) -> None:
    with capture_logs() as lines:
        task, waiting = await told(await scene.create()), await told(await scene.create())
        clock.advance(4)
        [started] = await scene.take(1)
        await told(started)
        clock.advance(1)
        await told(await scene.fail(task, run_at=clock()))
        [started] = await scene.take(1)
        await told(started)
        await told(await scene.progress(task, 0.5, attempt=2))
        clock.advance(8.25)
        await told(await scene.complete(task, attempt=2))
        await told(await scene.cancel(waiting))
    assert [(line["event"], line["task_id"], line["state"], line["attempt"]) for line in lines] == [
        ("attempt_ended", task.id, "QUEUED", 1),
        ("task_ended", task.id, "SUCCEEDED", 2),
        ("task_ended", waiting.id, "CANCELLED", 0),
    ]
    assert [(line["waited"], line.get("ran"), line.get("reason")) for line in lines] == [
        (4, 1, "UNAVAILABLE"),
        (5, 8.25, None),
        (13.25, None, "CANCELLED"),
    ]


async def test_ends_that_are_no_success(scene: Scene, clock: MovableClock) -> None:
    grown = Growth()
    failed, cancelled, expired = [await scene.create() for _ in range(3)]
    await told(await scene.start(failed))
    await told(await scene.fail(failed, reason=ErrorReason.FILE_CORRUPT, attempts_allowed=1))
    await told(await scene.store.cancel(cancelled.account_id, cancelled.id, reason=ErrorReason.CANCELLED, message="", now=clock()))
    clock.advance(7200)
    await told(await scene.store.expire(expired.id, reason=ErrorReason.DEADLINE_EXCEEDED, message="", now=clock()))
    assert grown["darkroom_task_attempts_total", "system", "failed", "FILE_CORRUPT"] == 1
    ends = {name: grown["darkroom_task_transitions_total", "system", name] for name in ("fail", "cancel", "expire")}
    assert ends == {"fail": 1, "cancel": 1, "expire": 1}
    assert grown["darkroom_task_seconds_count", "system", "FAILED"] == 2
    assert grown["darkroom_task_seconds_count", "system", "CANCELLED"] == 1
    assert grown["darkroom_credits_total", "settled", "true"] == 0
