"""Verifies what webhooks receive, by Standard Webhooks (https://www.standardwebhooks.com)."""

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
    """What was received is not signed by the secret, or not recent. Answer 401, and do nothing else with it."""


@dataclass(frozen=True)
class Event:
    """What a webhook was told. `id` is the same whenever it is told again; `type` is `task.succeeded`, `batch.completed` …"""

    id: str
    type: str
    timestamp: str
    """When it happened, by RFC 3339."""
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
    """A receiver's side of a webhook.

    `secret` is `whsec_…`, or several of them while you change over. Messages older or newer than `tolerance_seconds` are refused, so that a
    recorded one cannot be sent again later. Raises ValueError for a secret that is none.
    """

    def __init__(self, secret: str | Sequence[str], *, tolerance_seconds: int = 300, clock: Callable[[], float] = time.time) -> None:
        self._keys = [_key(text) for text in ([secret] if isinstance(secret, str) else secret)]
        if not self._keys:
            raise ValueError("no secret was given")
        self._tolerance, self._clock = tolerance_seconds, clock

    def verify(self, headers: Mapping[str, str], body: bytes | str) -> Event:
        """The event in a request, by its headers, whatever their case, and its raw body, not parsed JSON. Raises WebhookRejected."""
        self.check(headers, body)
        message = json.loads(body)
        message_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
        return Event(message_id, message["type"], message["timestamp"], message["data"])

    def check(self, headers: Mapping[str, str], body: bytes | str) -> None:
        """The same for a body that is read elsewhere. Raises WebhookRejected."""
        named = {name.lower(): value for name, value in headers.items()}
        try:
            message_id, sent, signatures = named["webhook-id"], named["webhook-timestamp"], named["webhook-signature"]
        except KeyError as missing:
            raise WebhookRejected(f"The request has no header {missing.args[0]}.") from None
        if not sent.isascii() or not sent.isdigit():
            raise WebhookRejected("The header webhook-timestamp is no number of seconds.")
        if abs(self._clock() - int(sent)) > self._tolerance:
            raise WebhookRejected("The request is too old, or from the future: compare the clocks.")
        raw = body.encode() if isinstance(body, str) else body
        expected = [_signature(key, message_id, sent, raw) for key in self._keys]
        given = [signature.encode() for signature in signatures.split()]
        if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
            raise WebhookRejected("No signature of the request is by this secret.")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("a webhook's secret is whsec_ and base64")
    return key


def _signature(key: bytes, message_id: str, sent: str, body: bytes) -> bytes:
    digest = hmac.digest(key, f"{message_id}.{sent}.".encode() + body, "sha256")
    return _VERSION.encode() + base64.b64encode(digest)
