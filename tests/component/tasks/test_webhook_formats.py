"""Events in the form of the API that a receiver was named to."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.webhooks.formats import WebhookEvent, WebhookMessage
from services.tasks.model import Task
from services.tasks.model.state import DeliveryState
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, Scene


class Tiny:
    """Says whose end it is, and signs with the newest secret."""

    def __init__(self, fails: Callable[[], Exception | None] = lambda: None) -> None:
        self._fails = fails

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        if (error := self._fails()) is not None:
            raise error
        about = str(event.subject.id) if isinstance(event.subject, Task) else "test"
        body = json.dumps({"done": about, "event": event.delivery.id}).encode()
        return WebhookMessage(body, {"x-tiny-signature": sign(event.secrets[0], body), "content-type": "application/tiny+json"})


def sign(secret: str, body: bytes) -> str:
    return hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), body, "sha256").hex()


@pytest.fixture
def hooks(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> Hooks:
    made = Hooks(clean_engine, scene, clock)
    made.formats["tiny"] = Tiny()
    return made


async def test_a_tasks_own_url_hears_in_the_form_of_its_api(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        url = await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url")
        task = await hooks.ended(url, "tiny")
        await hooks.round()
    [request], [delivery] = receiver.requests, await hooks.log()
    assert json.loads(request.body) == {"done": str(task.id), "event": delivery.id}
    assert request.headers["x-tiny-signature"] == sign(await hooks.webhooks.default_secret(ACCOUNT), request.body)
    assert (request.headers["content-type"], "webhook-signature" in request.headers) == ("application/tiny+json", False)


async def test_a_task_of_an_api_without_a_form_is_told_natively_and_so_are_the_accounts_webhooks(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        url = await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url")
        await hooks.ended(url, "other")
        await hooks.add(receiver.url)
        await hooks.ended(surface="tiny")
        await hooks.round()
    assert [json.loads(request.body)["type"] for request in receiver.requests] == ["task.succeeded"] * 2
    assert all("webhook-signature" in request.headers for request in receiver.requests)


async def test_a_webhook_has_the_form_that_it_was_created_with(hooks: Hooks) -> None:
    async with Receiver() as receiver:
        webhook, secret = await hooks.webhooks.create(ACCOUNT, receiver.url, ["task.succeeded"], format_name="tiny")
        await hooks.add(receiver.url)
        task = await hooks.ended()
        await hooks.webhooks.test(ACCOUNT, webhook.id)
        await hooks.round()
    assert [each.format for each in await hooks.webhooks.list(ACCOUNT)] == ["tiny", None]
    assert (await hooks.webhooks.set_events(ACCOUNT, webhook.id, [])).format == "tiny"
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert sorted(body["done"] for body in bodies if "done" in body) == [str(task.id), "test"]
    assert len([body for body in bodies if "type" in body]) == 1
    own = [request for request in receiver.requests if "x-tiny-signature" in request.headers]
    assert all(request.headers["x-tiny-signature"] == sign(secret, request.body) for request in own)


async def test_what_cannot_be_put_together_now_is_tried_again_under_the_same_id(hooks: Hooks, clock: MovableClock) -> None:
    failing: list[Exception] = [DarkroomError(ErrorReason.UNAVAILABLE, "Files are away."), KeyError("secret")]
    hooks.formats["tiny"] = Tiny(lambda: failing.pop(0) if failing else None)
    async with Receiver() as receiver:
        await hooks.ended(await hooks.webhooks.url_of_task(ACCOUNT, receiver.url, "webhook_url"), "tiny")
        told = []
        for _ in range(3):
            await hooks.round()
            [delivery] = await hooks.log()
            told.append(delivery.error)
            clock.advance(60)
    assert told == ["The event could not be built: Files are away.", "The event could not be built.", None]
    assert (delivery.state, json.loads(receiver.requests[0].body)["event"]) == (DeliveryState.DELIVERED, delivery.id)


async def test_a_form_that_is_not_there_is_waited_for(hooks: Hooks, clock: MovableClock) -> None:
    async with Receiver() as receiver:
        await hooks.webhooks.create(ACCOUNT, receiver.url, format_name="later")
        await hooks.ended()
        await hooks.round()
        assert (await hooks.log())[0].error == "This server does not support webhooks of the format later."
        hooks.formats["later"] = Tiny()
        clock.advance(60)
        await hooks.round()
    assert len(receiver.requests) == 1
