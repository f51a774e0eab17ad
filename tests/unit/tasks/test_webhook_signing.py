"""Signatures by Standard Webhooks."""

from __future__ import annotations

import base64

import pytest

from services.tasks.domain.webhooks import signing

# The vector that the reference libraries of Standard Webhooks are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_vector() -> None:
    assert signing.signature(SECRET, MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE


@pytest.mark.parametrize(
    ("message_id", "timestamp", "body"),
    [("msg_other", TIMESTAMP, BODY), (MESSAGE_ID, TIMESTAMP + 1, BODY), (MESSAGE_ID, TIMESTAMP, BODY + b" ")],
)
def test_everything_is_signed(message_id: str, timestamp: int, body: bytes) -> None:
    assert signing.signature(SECRET, message_id, timestamp, body) != SIGNATURE


def test_one_signature_a_secret() -> None:
    other = signing.new_secret()
    headers = signing.headers([other, SECRET], MESSAGE_ID, TIMESTAMP, BODY)
    assert headers == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": f"{signing.signature(other, MESSAGE_ID, TIMESTAMP, BODY)} {SIGNATURE}",
    }


def test_secrets_are_random_and_of_the_size_that_the_standard_asks_for() -> None:
    secrets = {signing.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
