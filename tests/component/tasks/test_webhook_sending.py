"""The sender against real PostgreSQL and a receiver on loopback."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.tasks.domain.webhooks import signing
from services.tasks.model import WebhookDelivery
from services.tasks.model.records import Outcome
from services.tasks.model.state import DeliveryState, TaskState
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import CIPHER, LEASE, Forgetful, Hooks, Mute
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, Scene


@pytest.fixture
def hooks(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> Hooks:
    return Hooks(clean_engine, scene, clock)


async def test_an_end_is_sent_signed_with_the_task(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver() as receiver:
        webhook, secret = await hooks.add(receiver.url)
        task = await hooks.ended()
        await hooks.round()
    [request] = receiver.requests
    [delivery] = await hooks.log()
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    expected = signing.headers([secret], f"msg_{delivery.id}", int(clock().timestamp()), request.body)
    assert {name: request.headers[name] for name in expected} == expected
    event = json.loads(request.body)
    assert (event["type"], event["timestamp"]) == ("task.succeeded", "2026-03-01T12:00:00Z")
    assert (event["data"]["id"], event["data"]["state"]) == (str(task.id), "TASK_STATE_SUCCEEDED")
    assert event["data"]["output_file_ids"] == ["11"]
    assert (delivery.state, delivery.attempts, delivery.response_status, delivery.response_body) == (
        DeliveryState.DELIVERED,
        1,
        200,
        "thanks",
    )
    assert (delivery.webhook_id, delivery.error, delivery.next_at, delivery.end_time) == (webhook.id, None, None, clock())


@pytest.mark.parametrize("state", TaskState)
async def test_exactly_the_ends_of_tasks_are_sent_and_commit_with_them(hooks: Hooks, scene: Scene, state: TaskState) -> None:
    webhook, _ = await hooks.add("http://127.0.0.1:9/")
    task = await scene.in_state(state)
    sent = [(delivery.event_type, delivery.task_id, delivery.webhook_id) for delivery in await hooks.log()]
    assert sent == ([(f"task.{state.value.lower()}", task.id, webhook.id)] if state.terminal else [])


async def test_a_retry_of_a_task_is_no_end(hooks: Hooks, scene: Scene) -> None:
    await hooks.add("http://127.0.0.1:9/")
    task = await scene.running()
    await scene.fail(task)
    assert await hooks.log() == []


async def test_a_tasks_own_url_is_signed_by_the_default_secret(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver() as receiver:
        url = await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url")
        await hooks.ended(webhook_url=url)
        await hooks.ended()
        await hooks.round()
    [request] = receiver.requests
    secret = await hooks.webhooks.default_secret(ACCOUNT)
    [delivery] = await hooks.log()
    assert request.headers["webhook-signature"] == signing.signature(secret, f"msg_{delivery.id}", int(clock().timestamp()), request.body)


async def test_another_accounts_webhook_hears_nothing(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        await hooks.webhooks.create(ACCOUNT + 1, receiver.url)
        await hooks.ended()
        await hooks.round()
    assert receiver.requests == []


async def test_a_failure_is_tried_again_when_its_time_has_come_under_the_same_id(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver(500, 302, 200) as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round()
        [delivery] = await hooks.log()
        assert (delivery.state, delivery.response_status, delivery.error) == (DeliveryState.PENDING, 500, "The receiver answered 500.")
        assert delivery.next_at == clock() + timedelta(seconds=10)
        clock.advance(9)
        await hooks.round()
        assert len(receiver.requests) == 1
        clock.advance(1)
        await hooks.round()
        [delivery] = await hooks.log()
        assert "redirects are not followed" in (delivery.error or "")
        clock.advance(25)
        await hooks.round()
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.DELIVERED, 3, None)
    first, second, third = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.body == second.body == third.body
    assert first.headers["webhook-timestamp"] != third.headers["webhook-timestamp"]


async def test_after_the_last_attempt_it_is_given_up_and_can_be_replayed(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver(500, 500, 500, 500, 200) as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        for _ in range(5):
            await hooks.round()
            clock.advance(100)
        [delivery] = await hooks.log()
        assert (delivery.state, delivery.attempts, len(receiver.requests)) == (DeliveryState.FAILED, 3, 3)
        replayed = await hooks.webhooks.replay(ACCOUNT, delivery.id)
        assert (replayed.state, replayed.end_time) == (DeliveryState.PENDING, None)
        await hooks.round()
        clock.advance(10)
        await hooks.round()
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 5)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_a_receiver_that_does_not_answer_is_left(hooks: Hooks) -> None:
    async with Receiver(None) as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round(hooks.sender(timeout=0.3))
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.response_status) == (DeliveryState.PENDING, None)
    assert delivery.error == "The receiver did not answer in time."


async def test_a_receiver_that_is_down_is_told_apart(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        url = receiver.url
    await hooks.add(url)
    await hooks.ended()
    await hooks.round()
    [delivery] = await hooks.log()
    assert delivery.state is DeliveryState.PENDING
    assert (delivery.error or "").startswith("The connection failed: ")


async def test_of_a_long_answer_a_kilobyte_is_kept(hooks: Hooks) -> None:
    async with Receiver(body=b"\x00" + b"x" * 5_000_000) as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round()
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.response_body) == (DeliveryState.DELIVERED, "\ufffd" + "x" * 1023)


async def test_dead_receivers_delay_nobody(hooks: Hooks) -> None:
    async with Receiver() as dead, Receiver() as alive:
        dead.gate.clear()
        await hooks.add(dead.url)
        own = await hooks.webhooks.url_of_task(ACCOUNT, alive.url, "webhook_url")
        for _ in range(30):  # A backlog that is older than what comes after it.
            await hooks.ended()
        await hooks.add(alive.url)
        for _ in range(30):
            await hooks.ended(webhook_url=own)
        # Fewer places than the backlog would take; and what ends makes room for the next, without the passing of time.
        sender = hooks.sender(concurrency=16, each=4, interval=3600)
        running = asyncio.create_task(sender.run())
        await alive.received(60)
        assert dead.most_open == 4
        assert len(dead.requests) == 4
        dead.gate.set()
        await dead.received(60)
        running.cancel()
        await asyncio.wait({running})
    assert alive.most_open <= 8  # Two lanes: the webhook's and the tasks' own.


async def test_after_a_crash_between_sending_and_recording_it_comes_again_with_its_id(
    hooks: Hooks, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    async with Receiver() as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round(hooks.sender(store=Mute(Database(clean_engine), CIPHER)))
        await hooks.round()  # Still in the hands of the one that died.
        assert len(receiver.requests) == 1
        clock.advance(LEASE.total_seconds())
        await hooks.round()
    first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)


async def test_a_late_report_changes_nothing(hooks: Hooks, clock: MovableClock) -> None:
    await hooks.add("http://127.0.0.1:9/")
    await hooks.ended()

    async def claim() -> WebhookDelivery:
        [claimed] = await hooks.store.claim(limit=9, lane_limit=9, busy={}, retry_at=clock() + LEASE, now=clock())
        return claimed.delivery

    late = await claim()
    clock.advance(LEASE.total_seconds())
    current = await claim()
    given_up = Outcome(delivered=False, error="Late.", is_gone=True)
    assert not await hooks.store.record(late, given_up, retry_at=None, now=clock())
    assert await hooks.log() == [current]
    assert (await hooks.webhooks.list(ACCOUNT))[0].disable_time is None
    assert await hooks.store.record(current, Outcome(delivered=True, status=200), retry_at=None, now=clock())
    # After its end, too.
    assert not await hooks.store.record(current, given_up, retry_at=None, now=clock())


async def test_senders_at_once_send_each_delivery_once(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        for path in ("a", "b", "c"):
            await hooks.add(f"{receiver.url}/{path}")
        for _ in range(20):
            await hooks.ended()
        running = [asyncio.create_task(hooks.sender(each=2).run()) for _ in range(3)]
        await receiver.received(60)
        for sender in running:
            sender.cancel()
        await asyncio.wait(running)
    assert len(receiver.requests) == len({request.headers["webhook-id"] for request in receiver.requests}) == 60
    assert {delivery.state for delivery in await hooks.log()} == {DeliveryState.DELIVERED}


async def test_gone_ends_the_delivery_and_disables_the_webhook(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver(410) as receiver:
        webhook, _ = await hooks.add(receiver.url)
        await hooks.ended()
        waiting = await hooks.webhooks.test(ACCOUNT, webhook.id)
        await hooks.round(hooks.sender(each=1))
        [listed] = await hooks.webhooks.list(ACCOUNT)
        assert listed.disable_time == clock()
        await hooks.round()
        await hooks.ended()
        await hooks.round()
        assert len(receiver.requests) == 1
    gone, disabled = await hooks.log()
    assert (gone.state, gone.response_status) == (DeliveryState.FAILED, 410)
    assert (disabled.id, disabled.state) == (waiting.id, DeliveryState.FAILED)
    assert "disabled" in (disabled.error or "")


async def test_gone_from_a_tasks_own_url_ends_that_delivery_alone(hooks: Hooks) -> None:
    async with Receiver(410, 200) as receiver:
        url = await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url")
        await hooks.ended(webhook_url=url)
        await hooks.round()
        await hooks.ended(webhook_url=url)
        await hooks.round()
    assert [delivery.state for delivery in await hooks.log()] == [DeliveryState.FAILED, DeliveryState.DELIVERED]


async def test_what_waits_for_a_deleted_webhook_is_given_up(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        webhook, _ = await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.webhooks.delete(ACCOUNT, webhook.id)
        await hooks.round()
        await hooks.ended()
    assert receiver.requests == []
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "The webhook was deleted.")


async def test_nothing_is_said_about_a_task_that_is_no_more(hooks: Hooks, clean_engine: AsyncEngine) -> None:
    async with Receiver() as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await hooks.round(hooks.sender(tasks=Forgetful(Database(clean_engine))))
    assert receiver.requests == []
    [delivery] = await hooks.log()
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "The task was deleted.")


async def test_webhooks_come_and_go_while_tasks_end(hooks: Hooks, scene: Scene, clock: MovableClock) -> None:
    running = [await scene.running() for _ in range(20)]
    going = asyncio.Event()
    senders = [asyncio.create_task(hooks.sender().run()) for _ in range(2)]

    async def churn(url: str) -> None:
        while not going.is_set():
            webhook, _ = await hooks.add(url)
            await asyncio.sleep(0)
            await hooks.webhooks.delete(ACCOUNT, webhook.id)

    async with Receiver(*[410, 200] * 500) as receiver:
        churning = [asyncio.create_task(churn(f"{receiver.url}/{number}")) for number in range(4)]
        ended = await asyncio.gather(*(scene.complete(task) for task in running))
        going.set()
        await asyncio.gather(*churning)
        for sender in senders:
            sender.cancel()
        await asyncio.wait(senders)
    assert None not in ended
    # What was left to be sent to webhooks that are no more is given up, and nothing else is left.
    clock.advance(LEASE.total_seconds())
    for _ in range(10):
        await hooks.round()
    assert DeliveryState.PENDING not in {delivery.state for delivery in await hooks.log()}


async def test_for_a_day_after_a_rotation_both_secrets_sign(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver() as receiver:
        webhook, old = await hooks.add(receiver.url)
        new, until = await hooks.webhooks.rotate(ACCOUNT, webhook.id)
        assert until == clock() + timedelta(hours=24)
        for seconds in (24 * 3600 - 1, 1):
            clock.advance(seconds)
            await hooks.ended()
            await hooks.round()
    signatures = [request.headers["webhook-signature"].split() for request in receiver.requests]
    [first, second] = await hooks.log()
    body, timestamp = receiver.requests[0].body, int(receiver.requests[0].headers["webhook-timestamp"])
    assert signatures[0] == [signing.signature(secret, f"msg_{first.id}", timestamp, body) for secret in (new, old)]
    body, timestamp = receiver.requests[1].body, int(receiver.requests[1].headers["webhook-timestamp"])
    assert signatures[1] == [signing.signature(new, f"msg_{second.id}", timestamp, body)]


async def test_a_test_event(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        webhook, _ = await hooks.add(receiver.url)
        await hooks.webhooks.test(ACCOUNT, webhook.id)
        await hooks.round()
    [request] = receiver.requests
    event = json.loads(request.body)
    assert (event["type"], event["data"]) == ("webhook.test", {"webhook_id": str(webhook.id)})


async def test_a_stopping_sender_lets_what_is_under_way_finish(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        receiver.gate.clear()
        await hooks.add(receiver.url)
        await hooks.ended()
        running = asyncio.create_task(hooks.sender().run())
        await receiver.received(1)
        running.cancel()
        receiver.gate.set()
        await asyncio.wait({running})
    [delivery] = await hooks.log()
    assert delivery.state is DeliveryState.DELIVERED
