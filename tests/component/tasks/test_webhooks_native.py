"""The native webhooks API of the running service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from darkroom.tasks.v1 import tasks_service_pb2, webhook_pb2
from darkroom.tasks.v1 import webhooks_service_pb2 as pb
from tests.component.tasks.hooks import LOOPBACK
from tests.component.tasks.receiver import Receiver, documented_verify
from tests.component.tasks.service import Replica, Service, error_of, eventually

ACCOUNT, OTHER = 7_001, 7_002
DELIVERED = webhook_pb2.WEBHOOK_DELIVERY_STATE_DELIVERED
Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    settings = {"webhook_allow_http": True, "webhook_allowed_networks": LOOPBACK, "webhook_max_per_account": 2, "webhook_backoff": 0.05}
    async with service.replica(**settings) as running:
        yield running


@pytest.fixture
def me(service: Service) -> Metadata:
    return service.caller(ACCOUNT)


async def create(replica: Replica, me: Metadata, url: str) -> tuple[webhook_pb2.Webhook, str]:
    response = await replica.webhooks.CreateWebhook(pb.CreateWebhookRequest(url=url), metadata=me)
    return response.webhook, response.secret


async def log(replica: Replica, me: Metadata, **filters: int) -> list[webhook_pb2.WebhookDelivery]:
    response = await replica.webhooks.ListWebhookDeliveries(pb.ListWebhookDeliveriesRequest(**filters), metadata=me)
    return list(response.deliveries)


async def test_every_kind_of_end_arrives_and_the_documented_example_verifies_it(service: Service, replica: Replica, me: Metadata) -> None:
    verify, worker = documented_verify(), service.worker()
    async with Receiver() as receiver:
        webhook, secret = await create(replica, me, receiver.url)
        cancelled = await replica.create(me)
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=cancelled.id), metadata=me)
        failed, done = await replica.create(me), await replica.create(me)
        for task in (failed, done):
            await replica.started(worker, task.id)
        await replica.fail(worker, failed.id, reason=11, message="Broken.")
        await replica.complete(worker, done.id)
        requests = await receiver.received(3)
        deliveries = await eventually(lambda: log(replica, me), lambda found: all(delivery.state == DELIVERED for delivery in found))
    assert {(delivery.task_id, delivery.event_type) for delivery in deliveries} == {
        (cancelled.id, "task.cancelled"),
        (failed.id, "task.failed"),
        (done.id, "task.succeeded"),
    }
    assert {delivery.webhook_id for delivery in deliveries} == {webhook.id}
    for request in requests:
        assert verify(request.headers, request.body, secret)
        assert not verify(request.headers, request.body + b" ", secret)
        assert not verify(request.headers, request.body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        assert not verify({**request.headers, "webhook-timestamp": "1614265330"}, request.body, secret)


async def test_a_tasks_own_url_and_the_default_secret(replica: Replica, me: Metadata) -> None:
    verify = documented_verify()
    async with Receiver(500, 200) as receiver:
        task = await replica.create(me, webhook_url=receiver.url)
        assert task.webhook_url == receiver.url
        old = (await replica.webhooks.GetDefaultWebhookSecret(pb.GetDefaultWebhookSecretRequest(), metadata=me)).secret
        rotated = await replica.webhooks.RotateWebhookSecret(pb.RotateWebhookSecretRequest(), metadata=me)
        assert rotated.HasField("previous_secret_expire_time")
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task.id), metadata=me)
        requests = await receiver.received(2)
        [delivery] = await eventually(lambda: log(replica, me, task_id=task.id), lambda found: found[0].state == DELIVERED)
    assert (delivery.webhook_id, delivery.attempts, delivery.url) == (0, 2, receiver.url)
    for request in requests:
        assert verify(request.headers, request.body, old)
        assert verify(request.headers, request.body, rotated.secret)


async def test_a_creation_that_is_repeated_makes_one_webhook(service: Service, replica: Replica, me: Metadata) -> None:
    keyed = (*me, ("idempotency-key", "monday"))
    answers = await asyncio.gather(
        *(create(replica, keyed, "http://127.0.0.1:9/a") for _ in range(4)),
        return_exceptions=True,
    )
    first = await create(replica, keyed, "http://127.0.0.1:9/a")
    assert first[1].startswith("whsec_")
    for answer in answers:
        assert answer == first or (isinstance(answer, grpc.aio.AioRpcError) and error_of(answer)[0] == "IDEMPOTENCY_IN_PROGRESS")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(replica, keyed, "http://127.0.0.1:9/b")
    assert error_of(refused.value)[0] == "IDEMPOTENCY_KEY_MISMATCH"
    assert (await create(replica, (*service.caller(OTHER), keyed[-1]), "http://127.0.0.1:9/b"))[0].id != first[0].id
    listed = await replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=me)
    assert list(listed.webhooks) == [first[0]]
    # Nothing that was refused is remembered: with another key, the second of the two that are allowed, and no third.
    await create(replica, (*me, ("idempotency-key", "tuesday")), "http://127.0.0.1:9/b")
    for _ in range(2):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(replica, (*me, ("idempotency-key", "wednesday")), "http://127.0.0.1:9/c")
        assert error_of(refused.value)[0] == "TOO_MANY_WEBHOOKS"
    await replica.webhooks.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=first[0].id), metadata=me)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(replica, keyed, "http://127.0.0.1:9/a")
    assert error_of(refused.value)[0] == "WEBHOOK_NOT_FOUND"


async def test_a_test_event_and_a_replay_that_are_repeated_are_sent_once(replica: Replica, me: Metadata) -> None:
    keyed = (*me, ("idempotency-key", "monday"))
    async with Receiver() as receiver:
        webhook, _ = await create(replica, me, receiver.url)
        test = pb.SendTestWebhookRequest(webhook_id=webhook.id)
        sent = (await replica.webhooks.SendTestWebhook(test, metadata=keyed)).delivery
        await eventually(lambda: log(replica, me), lambda found: found[0].state == DELIVERED)
        again = (await replica.webhooks.SendTestWebhook(test, metadata=keyed)).delivery
        # As it is by then.
        assert (again.id, again.state, again.attempts) == (sent.id, DELIVERED, 1)
        replay = pb.ReplayWebhookDeliveryRequest(delivery_id=sent.id)
        await replica.webhooks.ReplayWebhookDelivery(replay, metadata=keyed)
        await eventually(lambda: log(replica, me), lambda found: found[0].state == DELIVERED and found[0].attempts == 2)
        again = (await replica.webhooks.ReplayWebhookDelivery(replay, metadata=keyed)).delivery
        assert (again.id, again.state, again.attempts) == (sent.id, DELIVERED, 2)
        # Under another key it is another call.
        await replica.webhooks.ReplayWebhookDelivery(replay, metadata=(*me, ("idempotency-key", "tuesday")))
        await receiver.received(3)
    assert len(await log(replica, me)) == 1
    for call in (
        replica.webhooks.SendTestWebhook(pb.SendTestWebhookRequest(webhook_id=webhook.id + 1), metadata=keyed),
        replica.webhooks.ReplayWebhookDelivery(pb.ReplayWebhookDeliveryRequest(delivery_id=sent.id + 1), metadata=keyed),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert error_of(refused.value)[0] == "IDEMPOTENCY_KEY_MISMATCH"


@pytest.mark.parametrize("own", [True, False], ids=["of a webhook", "the default one"])
async def test_a_rotation_that_is_repeated_makes_one_secret(replica: Replica, me: Metadata, own: bool) -> None:
    """The secret that receivers still have would end with the second rotation."""
    webhook_id = (await create(replica, me, "http://127.0.0.1:9/"))[0].id if own else 0
    request = pb.RotateWebhookSecretRequest(webhook_id=webhook_id)
    # The default one does not exist before the first rotation: then there is none before it.
    for key, had_one in (("monday", own), ("tuesday", True)):
        keyed = (*me, ("idempotency-key", key))
        rotated = [await replica.webhooks.RotateWebhookSecret(request, metadata=keyed) for _ in range(3)]
        assert {answer.secret for answer in rotated} == {rotated[0].secret}
        assert all(answer == rotated[0] for answer in rotated)
        assert rotated[0].HasField("previous_secret_expire_time") == had_one
    assert rotated[0].secret != (await replica.webhooks.RotateWebhookSecret(request, metadata=me)).secret


async def test_webhooks_can_be_listed_and_deleted(service: Service, replica: Replica, me: Metadata) -> None:
    webhooks = [(await create(replica, me, f"http://127.0.0.1:9/{path}"))[0] for path in ("a", "b")]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(replica, me, "http://127.0.0.1:9/c")
    assert error_of(refused.value)[0] == "TOO_MANY_WEBHOOKS"
    listed = await replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=me)
    assert list(listed.webhooks) == webhooks
    assert not (await replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=service.caller(OTHER))).webhooks
    await replica.webhooks.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=webhooks[0].id), metadata=me)
    assert [webhook.id for webhook in (await replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=me)).webhooks] == [
        webhooks[1].id
    ]
    await create(replica, me, "http://127.0.0.1:9/c")


async def test_events_can_be_chosen_and_a_disabled_webhook_enabled(replica: Replica, me: Metadata) -> None:
    async with Receiver(410) as receiver:
        request = pb.CreateWebhookRequest(url=receiver.url, event_types=["task.failed"])
        webhook = (await replica.webhooks.CreateWebhook(request, metadata=me)).webhook
        assert list(webhook.event_types) == ["task.failed"]
        choice = pb.SetWebhookEventsRequest(webhook_id=webhook.id, event_types=["task.cancelled", "task.succeeded"])
        changed = (await replica.webhooks.SetWebhookEvents(choice, metadata=me)).webhook
        assert list(changed.event_types) == ["task.cancelled", "task.succeeded"]
        await replica.webhooks.SendTestWebhook(pb.SendTestWebhookRequest(webhook_id=webhook.id), metadata=me)
        await eventually(
            lambda: replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=me),
            lambda listed: listed.webhooks[0].HasField("disable_time"),
        )
    enabled = (await replica.webhooks.EnableWebhook(pb.EnableWebhookRequest(webhook_id=webhook.id), metadata=me)).webhook
    assert enabled == changed


@pytest.mark.parametrize("event_types", [["task.finished"], [""], ["task.failed", "task.failed"], ["webhook.test"]])
async def test_types_of_events_that_there_are_not_are_refused(replica: Replica, me: Metadata, event_types: list[str]) -> None:
    for call in (
        replica.webhooks.CreateWebhook(pb.CreateWebhookRequest(url="http://127.0.0.1:9/", event_types=event_types), metadata=me),
        replica.webhooks.SetWebhookEvents(pb.SetWebhookEventsRequest(webhook_id=1, event_types=event_types), metadata=me),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        reason, field, _ = error_of(raised.value)
        assert reason == "FIELD_INVALID"
        assert field is not None and field.startswith("event_types")


async def test_a_test_event_can_be_replayed(replica: Replica, me: Metadata) -> None:
    async with Receiver() as receiver:
        webhook, _ = await create(replica, me, receiver.url)
        sent = (await replica.webhooks.SendTestWebhook(pb.SendTestWebhookRequest(webhook_id=webhook.id), metadata=me)).delivery
        assert (sent.event_type, sent.task_id, sent.webhook_id) == ("webhook.test", 0, webhook.id)
        await eventually(lambda: log(replica, me, webhook_id=webhook.id), lambda found: found[0].state == DELIVERED)
        await replica.webhooks.ReplayWebhookDelivery(pb.ReplayWebhookDeliveryRequest(delivery_id=sent.id), metadata=me)
        first, second = await receiver.received(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == f"msg_{sent.id}"


async def test_the_log_comes_in_pages_by_filters(replica: Replica, me: Metadata) -> None:
    webhook, _ = await create(replica, me, "http://127.0.0.1:9/")
    test = pb.SendTestWebhookRequest(webhook_id=webhook.id)
    sent = [(await replica.webhooks.SendTestWebhook(test, metadata=me)).delivery.id for _ in range(5)]
    found, token = [], ""
    for _ in range(3):
        request = pb.ListWebhookDeliveriesRequest(page_size=2, page_token=token)
        page = await replica.webhooks.ListWebhookDeliveries(request, metadata=me)
        found += [delivery.id for delivery in page.deliveries]
        token = page.next_page_token
    assert (found, token) == (sent[::-1], "")
    assert await log(replica, me, webhook_id=webhook.id + 1) == []
    request = pb.ListWebhookDeliveriesRequest(states=[DELIVERED])
    assert not (await replica.webhooks.ListWebhookDeliveries(request, metadata=me)).deliveries


async def test_what_is_not_the_accounts_own_is_not_found(service: Service, replica: Replica, me: Metadata) -> None:
    webhook, _ = await create(replica, me, "http://127.0.0.1:9/")
    test = pb.SendTestWebhookRequest(webhook_id=webhook.id)
    sent = (await replica.webhooks.SendTestWebhook(test, metadata=me)).delivery
    other = service.caller(OTHER)
    calls = [
        replica.webhooks.DeleteWebhook(pb.DeleteWebhookRequest(webhook_id=webhook.id), metadata=other),
        replica.webhooks.RotateWebhookSecret(pb.RotateWebhookSecretRequest(webhook_id=webhook.id), metadata=other),
        replica.webhooks.SendTestWebhook(test, metadata=other),
        replica.webhooks.SetWebhookEvents(pb.SetWebhookEventsRequest(webhook_id=webhook.id), metadata=other),
        replica.webhooks.EnableWebhook(pb.EnableWebhookRequest(webhook_id=webhook.id), metadata=other),
    ]
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert error_of(raised.value)[0] == "WEBHOOK_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await replica.webhooks.ReplayWebhookDelivery(pb.ReplayWebhookDeliveryRequest(delivery_id=sent.id), metadata=other)
    assert error_of(raised.value)[0] == "WEBHOOK_DELIVERY_NOT_FOUND"
    assert await log(replica, other) == []


async def test_nothing_goes_to_a_disabled_webhook(replica: Replica, me: Metadata) -> None:
    async with Receiver(410) as receiver:
        webhook, _ = await create(replica, me, receiver.url)
        test = pb.SendTestWebhookRequest(webhook_id=webhook.id)
        sent = (await replica.webhooks.SendTestWebhook(test, metadata=me)).delivery
        await eventually(
            lambda: replica.webhooks.ListWebhooks(pb.ListWebhooksRequest(), metadata=me),
            lambda listed: listed.webhooks[0].HasField("disable_time"),
        )
        replay = pb.ReplayWebhookDeliveryRequest(delivery_id=sent.id)
        for call, field in (
            (replica.webhooks.SendTestWebhook(test, metadata=me), "webhook_id"),
            (replica.webhooks.ReplayWebhookDelivery(replay, metadata=me), "delivery_id"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call
            assert error_of(raised.value)[:2] == ("FIELD_INVALID", field)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "http://10.0.0.1/", "http://[::1]/", "https://" + "a" * 2000])
async def test_a_url_that_webhooks_are_not_sent_to_is_refused(replica: Replica, me: Metadata, url: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await create(replica, me, url)
    assert error_of(raised.value)[:2] == ("FIELD_INVALID", "url")
    if url:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await replica.create(me, webhook_url=url)
        assert error_of(raised.value)[:2] == ("FIELD_INVALID", "webhook_url")
