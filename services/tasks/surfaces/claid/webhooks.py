"""Events in Claid's form: the reply that GET gives, signed by HMAC."""

from __future__ import annotations

import hashlib
import hmac
import json

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from compat.claid.v1 import batches_pb2, edits_pb2
from services.platform.json_models import python_of, struct_of
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.webhooks.formats import WebhookEvent, WebhookMessage
from services.tasks.model import Task
from services.tasks.model.records import BatchNow
from services.tasks.surfaces.claid import messages
from services.tasks.surfaces.claid.models import MOST_INPUTS
from services.tasks.surfaces.claid.pictures import Pictures

SIGNATURE = "X-Claid-Hmac-SHA256"


class ClaidWebhooks:
    """A `WebhookFormat`."""

    def __init__(self, batches: AccountBatches, pictures: Pictures) -> None:
        self._batches, self._pictures = batches, pictures

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The state of the task or batch that has ended; `{}` for a test."""
        match event.subject:
            case Task() as task:
                inputs, downloads = await self._pictures.of([task])
                body = _json(edits_pb2.EditStateReply(data=messages.edit_state(task, inputs, downloads)))
            case BatchNow() as batch:
                page = await self._batches.tasks(batch.batch.account_id, batch.batch.id, states=(), size=MOST_INPUTS, token="")
                inputs, downloads = await self._pictures.of(page.tasks)
                body = _json(batches_pb2.BatchEditStateReply(data=messages.batch_state(batch, page.tasks, inputs, downloads)))
            case None:
                body = b"{}"
        return WebhookMessage(body, {SIGNATURE: f"sha256={signature(event.secrets[0], body)}"})


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of a body by the text of a secret, `whsec_…`, in hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _json(reply: Message) -> bytes:
    """As the edge prints a reply."""
    printed = MessageToDict(reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return json.dumps(python_of(struct_of(printed)), ensure_ascii=False, separators=(",", ":")).encode()
