"""What receivers choose: which events they hear of, and when they are left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model.state import DeliveryState, TaskState
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, Scene

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def hooks(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> Hooks:
    return Hooks(clean_engine, scene, clock)


async def queued(hooks: Hooks, webhook_id: int) -> list[str]:
    return [delivery.event_type for delivery in await hooks.log() if delivery.webhook_id == webhook_id]


async def test_a_webhook_hears_of_the_events_that_it_asked_for(hooks: Hooks, scene: Scene) -> None:
    every, _ = await hooks.add(NOWHERE)
    failures, _ = await hooks.add(NOWHERE, "task.failed", "task.cancelled")
    assert (every.event_types, failures.event_types) == ((), ("task.failed", "task.cancelled"))
    for state in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED):
        await scene.in_state(state)
    assert await queued(hooks, every.id) == ["task.succeeded", "task.failed", "task.cancelled"]
    assert await queued(hooks, failures.id) == ["task.failed", "task.cancelled"]
    changed = await hooks.webhooks.set_events(ACCOUNT, failures.id, ["task.succeeded"])
    assert changed.event_types == ("task.succeeded",)
    assert {webhook.id: webhook.event_types for webhook in await hooks.webhooks.list(ACCOUNT)} == {
        every.id: (),
        failures.id: ("task.succeeded",),
    }
    for state in (TaskState.SUCCEEDED, TaskState.FAILED):
        await scene.in_state(state)
    assert (await queued(hooks, failures.id))[2:] == ["task.succeeded"]
    await hooks.webhooks.set_events(ACCOUNT, failures.id, [])
    await scene.in_state(TaskState.FAILED)
    assert (await queued(hooks, failures.id))[3:] == ["task.failed"]
    # A test event is none of these.
    await hooks.webhooks.set_events(ACCOUNT, failures.id, ["task.succeeded"])
    assert (await hooks.webhooks.test(ACCOUNT, failures.id)).event_type == "webhook.test"


async def test_a_webhook_that_was_gone_is_enabled_again(hooks: Hooks) -> None:
    async with Receiver(410, 200, 200) as receiver:
        webhook, _ = await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round()
        await hooks.ended()
        [gone] = await hooks.log()
        with pytest.raises(DarkroomError, match="Enable it first"):
            await hooks.webhooks.replay(ACCOUNT, gone.id)
        for _ in range(2):
            assert (await hooks.webhooks.enable(ACCOUNT, webhook.id)).disable_time is None
        await hooks.webhooks.replay(ACCOUNT, gone.id)
        await hooks.ended()
        await hooks.round()
    # What ended while it was disabled is not sent.
    assert [delivery.state for delivery in await hooks.log()] == [DeliveryState.DELIVERED] * 2
    assert len(receiver.requests) == 3


async def test_another_accounts_webhook_is_as_good_as_none(hooks: Hooks) -> None:
    webhook, _ = await hooks.add(NOWHERE)
    for call in (hooks.webhooks.enable(ACCOUNT + 1, webhook.id), hooks.webhooks.set_events(ACCOUNT + 1, webhook.id, [])):
        with pytest.raises(DarkroomError) as raised:
            await call
        assert raised.value.reason is ErrorReason.WEBHOOK_NOT_FOUND


@pytest.mark.parametrize("status", [429, 503])
async def test_a_webhook_that_asks_to_be_left_alone_is_left_alone(hooks: Hooks, clock: MovableClock, status: int) -> None:
    async with Receiver(status, headers="retry-after: 600\r\n") as busy, Receiver() as other:
        await hooks.add(busy.url)
        await hooks.add(other.url)
        sender = hooks.sender(each=1)
        for _ in range(3):
            await hooks.ended()
        await hooks.round(sender)
        first = next(delivery for delivery in await hooks.log() if delivery.attempts and delivery.response_status == status)
        assert first.next_at == clock() + timedelta(seconds=600)
        clock.advance(599)
        await hooks.ended()
        # Neither what waited behind it nor what comes later, while the other webhook gets everything.
        for _ in range(5):
            await hooks.round(sender)
        assert (len(busy.requests), len(other.requests)) == (1, 4)
        clock.advance(1)
        for _ in range(5):
            await hooks.round(sender)
    assert len(busy.requests) == 1 + 4
    assert {delivery.state for delivery in await hooks.log()} == {DeliveryState.DELIVERED}


async def test_nobody_is_left_alone_for_longer_than_the_limit(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver(503, headers="retry-after: Fri, 06 Nov 2099 08:49:37 GMT\r\n") as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        sender = hooks.sender()
        await hooks.round(sender)
        [delivery] = await hooks.log()
        assert delivery.next_at == clock() + timedelta(hours=1)
        clock.advance(3600)
        await hooks.round(sender)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(("status", "header"), [(500, "600"), (429, "soon")])
async def test_what_asks_for_nothing_is_tried_again_as_planned(hooks: Hooks, clock: MovableClock, status: int, header: str) -> None:
    async with Receiver(status, headers=f"retry-after: {header}\r\n") as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round()
    [delivery] = await hooks.log()
    assert delivery.next_at == clock() + timedelta(seconds=10)


async def test_of_tasks_own_urls_only_the_delivery_that_was_refused_waits(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver(429, headers="retry-after: 600\r\n") as receiver:
        url = await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url")
        sender = hooks.sender(each=1)
        await hooks.ended(webhook_url=url)
        await hooks.round(sender)
        await hooks.ended(webhook_url=url)
        await hooks.round(sender)
        refused, second = await hooks.log()
        assert (refused.next_at, second.state) == (clock() + timedelta(seconds=600), DeliveryState.DELIVERED)
        clock.advance(600)
        await hooks.round(sender)
    assert len(receiver.requests) == 3
