"""Webhooks in fal's form: the end of a request with its result, signed with Ed25519."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from compat.fal.v1 import webhooks_pb2, webhooks_pb2_grpc
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.surfaces import render_error
from services.tasks.domain.webhooks.formats import WebhookEvent, WebhookMessage
from services.tasks.model import Task
from services.tasks.surfaces.fal.rendering import failure_of
from services.tasks.surfaces.fal.replies import Replies
from services.tasks.surfaces.fal.stream import json_of
from services.tasks.surfaces.parts import SurfaceParts

_PURPOSE = b"darkroom fal webhooks"
_ID_CHARACTERS = 12


def signing_keys(parts: SurfaceParts) -> list[Ed25519PrivateKey]:
    """The keys that sign, the current one first."""
    return [Ed25519PrivateKey.from_private_bytes(seed) for seed in parts.derived_keys(_PURPOSE)]


class FalFormat:
    """The body for the URL of `fal_webhook`."""

    def __init__(self, replies: Replies, keys: Sequence[Ed25519PrivateKey]) -> None:
        self._replies, self._key = replies, keys[0]

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The end of a request. URLs in it are signed again for each attempt."""
        task = event.subject if isinstance(event.subject, Task) else None
        request_id = str(task.id if task is not None else event.delivery.id)
        body = json.dumps({"request_id": request_id, "gateway_request_id": request_id, **await self._outcome(task)}).encode()
        user_id, timestamp = str(event.delivery.account_id), str(int(event.now.timestamp()))
        signed = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()))
        return WebhookMessage(
            body,
            {
                "x-fal-webhook-request-id": request_id,
                "x-fal-webhook-user-id": user_id,
                "x-fal-webhook-timestamp": timestamp,
                "x-fal-webhook-signature": self._key.sign(signed.encode()).hex(),
            },
        )

    async def _outcome(self, task: Task | None) -> dict[str, object]:
        if task is None:
            return {"status": "OK", "payload": {}, "error": None}
        failure = failure_of(task)
        if failure is None:
            return {"status": "OK", "payload": json_of(await self._replies.outputs(task)), "error": None}
        status, body = render_error(catalogue.surface("fal"), failure)
        return {"status": "ERROR", "payload": body, "error": f"Invalid status code: {status}"}


class FalWebhookKeys(webhooks_pb2_grpc.WebhookKeysServiceServicer):
    """The public keys, for receivers."""

    def __init__(self, keys: Sequence[Ed25519PrivateKey]) -> None:
        self._reply = webhooks_pb2.KeySet(keys=map(_public, keys))

    async def GetKeys(self, request: webhooks_pb2.GetKeysRequest, context: Context) -> webhooks_pb2.KeySet:
        """All of them. Receivers may keep them for a day."""
        await context.send_initial_metadata((("cache-control", "public, max-age=3600"),))
        return self._reply


def _public(key: Ed25519PrivateKey) -> webhooks_pb2.PublicKey:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    kid = hashlib.sha256(raw).hexdigest()[:_ID_CHARACTERS]
    return webhooks_pb2.PublicKey(kty="OKP", crv="Ed25519", x=base64.urlsafe_b64encode(raw).decode().rstrip("="), kid=kid, use="sig")
