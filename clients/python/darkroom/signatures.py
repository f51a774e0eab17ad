"""Verifying received webhooks, as Standard Webhooks (https://www.standardwebhooks.com) specifies."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from darkroom.tasks.v1 import batch_pb2, task_pb2

_PREFIX = "whsec_"
_VERSION = "v1,"


class WebhookRejected(Exception):
    """The request is not signed with the secret, or not recent. Answer 401 and ignore it."""


@dataclass(frozen=True)
class Event:
    """An event that was sent to a webhook. `id` stays the same when the event is sent again. `type` is `task.succeeded`,
    `batch.completed` …"""

    id: str
    type: str
    timestamp: str
    """When it happened, in RFC 3339 format."""
    data: Mapping[str, Any]
    """The task or batch as proto JSON."""

    @property
    def task(self) -> task_pb2.Task:
        """The task of a `task.` event."""
        return json_format.ParseDict(dict(self.data), task_pb2.Task(), ignore_unknown_fields=True)

    @property
    def batch(self) -> batch_pb2.Batch:
        """The batch of a `batch.` event."""
        return json_format.ParseDict(dict(self.data), batch_pb2.Batch(), ignore_unknown_fields=True)


class Webhook:
    """The receiving side of a webhook.

    `secret` is `whsec_…`, or several secrets during a rotation. Messages that are more than `tolerance_seconds` off the clock are rejected,
    so a recorded message cannot be replayed later. Raises ValueError for a malformed secret.
    """

    def __init__(self, secret: str | Sequence[str], *, tolerance_seconds: int = 300, clock: Callable[[], float] = time.time) -> None:
        self._keys = [_key(text) for text in ([secret] if isinstance(secret, str) else secret)]
        if not self._keys:
            raise ValueError("at least one secret is required")
        self._tolerance, self._clock = tolerance_seconds, clock

    def verify(self, headers: Mapping[str, str], body: bytes | str) -> Event:
        """The event in a request. Pass its headers, in any case, and its raw body, not parsed JSON. Raises WebhookRejected."""
        self.check(headers, body)
        message = json.loads(body)
        message_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
        return Event(message_id, message["type"], message["timestamp"], message["data"])

    def check(self, headers: Mapping[str, str], body: bytes | str) -> None:
        """Only check the signature, for a body that is parsed elsewhere. Raises WebhookRejected."""
        named = {name.lower(): value for name, value in headers.items()}
        try:
            message_id, sent, signatures = named["webhook-id"], named["webhook-timestamp"], named["webhook-signature"]
        except KeyError as missing:
            raise WebhookRejected(f"The request has no header {missing.args[0]}.") from None
        if not sent.isascii() or not sent.isdigit():
            raise WebhookRejected("The header webhook-timestamp must be a number of seconds.")
        if abs(self._clock() - int(sent)) > self._tolerance:
            raise WebhookRejected("The request is too old or from the future: check the clocks of both sides.")
        raw = body.encode() if isinstance(body, str) else body
        expected = [_signature(key, message_id, sent, raw) for key in self._keys]
        given = [signature.encode() for signature in signatures.split()]
        if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
            raise WebhookRejected("The request has no signature made with this secret.")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("a webhook secret must be whsec_ followed by base64")
    return key


def _signature(key: bytes, message_id: str, sent: str, body: bytes) -> bytes:
    digest = hmac.digest(key, f"{message_id}.{sent}.".encode() + body, "sha256")
    return _VERSION.encode() + base64.b64encode(digest)
