"""The receiver's side of webhooks, against what the service signs."""

from __future__ import annotations

import base64
import json

import pytest

from darkroom.signatures import Webhook, WebhookRejected
from darkroom.tasks.v1 import task_pb2
from services.tasks.domain.webhooks.signing import headers

# The example of the Standard Webhooks specification, https://www.standardwebhooks.com.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
OTHER = "whsec_" + base64.b64encode(b"another secret").decode()


def webhook(secret: str | list[str] = SECRET, now: float = 1614265330) -> Webhook:
    return Webhook(secret, clock=lambda: now)


def test_the_example_of_the_specification_is_accepted() -> None:
    webhook().check(HEADERS, BODY)


def test_a_secret_that_is_being_changed_is_one_of_several() -> None:
    webhook([OTHER, SECRET]).check(HEADERS, BODY)


def test_header_names_have_any_case() -> None:
    webhook().check({name.title(): value for name, value in HEADERS.items()}, BODY)


@pytest.mark.parametrize(
    ("given", "body", "told"),
    [
        (HEADERS, b'{"test": 0}', "The request has no signature"),
        ({**HEADERS, "webhook-id": "msg_other"}, BODY, "The request has no signature"),
        ({**HEADERS, "webhook-signature": "v1,ü v2,x"}, BODY, "The request has no signature"),
        ({**HEADERS, "webhook-timestamp": "soon"}, BODY, "webhook-timestamp"),
        ({**HEADERS, "webhook-timestamp": "²"}, BODY, "webhook-timestamp"),
        ({"webhook-id": "1"}, BODY, "no header webhook-timestamp"),
    ],
)
def test_what_the_secret_has_not_signed_is_rejected(given: dict[str, str], body: bytes, told: str) -> None:
    with pytest.raises(WebhookRejected, match=told):
        webhook().check(given, body)


@pytest.mark.parametrize(("late", "accepted"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_a_recorded_message_is_refused_later(late: int, accepted: bool) -> None:
    receiver = webhook(now=1614265330 + late)
    if accepted:
        receiver.check(HEADERS, BODY)
    else:
        with pytest.raises(WebhookRejected, match="clocks"):
            receiver.check(HEADERS, BODY)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_no base64!", []])
def test_a_secret_must_be_one(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        Webhook(secret)


def test_an_event_holds_its_task() -> None:
    body = json.dumps(
        {"type": "task.succeeded", "timestamp": "2026-11-01T09:36:52.120Z", "data": {"id": "59", "state": "TASK_STATE_SUCCEEDED", "new": 1}}
    ).encode()
    sent = headers([OTHER, SECRET], HEADERS["webhook-id"], int(HEADERS["webhook-timestamp"]), body)
    event = webhook().verify(sent, body)
    assert (event.id, event.type) == (HEADERS["webhook-id"], "task.succeeded")
    assert (event.task.id, event.task.state) == (59, task_pb2.TASK_STATE_SUCCEEDED)
