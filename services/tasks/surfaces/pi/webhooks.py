"""`/api/v1/webhooks`, and the events that are sent to them."""

from __future__ import annotations

import hmac
import time

from compat.pi.v1 import webhooks_pb2 as pb
from compat.pi.v1 import webhooks_pb2_grpc
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks, webhook_not_found
from services.tasks.domain.webhooks.formats import WebhookEvent, WebhookMessage
from services.tasks.domain.webhooks.signing import key_of
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.records import WebhookView
from services.tasks.surfaces.pi import ids, messages
from services.tasks.surfaces.pi.states import status_of
from services.tasks.surfaces.rendering import timestamp

_ENDS = ("task.succeeded", "task.failed", "task.cancelled")
_TEST = "webhook.test"
_LIST, _WEBHOOK = "list", "webhook"


class PiWebhooks(webhooks_pb2_grpc.WebhooksServiceServicer):
    """Webhooks of the calling account in Pi's form."""

    def __init__(self, webhooks: AccountWebhooks) -> None:
        self._webhooks = webhooks

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.WebhookEnvelope:
        """Add a webhook."""
        webhook, _ = await self._webhooks.create(
            current_identity().account_id,
            request.endpoint_url,
            _ENDS,
            current_idempotency(),
            format_name=messages.SURFACE,
            key=request.secret.encode(),
            field="endpoint_url",
        )
        return _envelope(webhook)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.WebhookListEnvelope:
        found = await self._own()
        data = pb.WebhookList(object=_LIST, data=map(_webhook, found), has_more=False, url="/api/v1/webhooks")
        return pb.WebhookListEnvelope(id=ids.envelope_id(), object=_LIST, status="completed", created_at=int(time.time()), data=data)

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, context: Context) -> pb.WebhookEnvelope:
        """Switch a webhook on or off."""
        webhook_id = ids.number(request.id)
        if webhook_id is None or webhook_id not in {webhook.id for webhook in await self._own()}:
            raise webhook_not_found()
        change = self._webhooks.enable if request.is_active else self._webhooks.disable
        return _envelope(await change(current_identity().account_id, webhook_id))

    async def _own(self) -> list[WebhookView]:
        # Those of the other APIs are sent events in another form.
        found = await self._webhooks.list(current_identity().account_id)
        return [webhook for webhook in found if webhook.format == messages.SURFACE]


class PiFormat:
    """Events in Pi's form."""

    def __init__(self, files: FilesClient) -> None:
        self._files = files

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The event, signed with the current secret."""
        shown = await self._event(event)
        body = messages.text(shown).encode()
        signature = hmac.digest(key_of(event.secrets[0]), body, "sha256").hex()
        return WebhookMessage(body, {"x-pi-event": shown.type, "x-pi-signature": f"sha256={signature}"})

    async def _event(self, event: WebhookEvent) -> pb.WebhookEvent:
        created_at = int(event.delivery.create_time.timestamp())
        if not isinstance(event.subject, Task):
            return pb.WebhookEvent(id=f"evt_pi_{event.delivery.id}", object="event", type=_TEST, created_at=created_at)
        task = event.subject
        downloads = await self._files.sign_downloads(task.account_id, task.output_file_ids)
        return pb.WebhookEvent(
            id=ids.event_id(task.id, task.last_sequence),
            object="event",
            type=f"job.{status_of(task.state, task.attempt)}",
            created_at=created_at,
            data=messages.webhook_job(task, downloads),
        )


def _envelope(webhook: WebhookView) -> pb.WebhookEnvelope:
    return pb.WebhookEnvelope(
        id=ids.envelope_id(),
        object=_WEBHOOK,
        status="active" if webhook.disable_time is None else "inactive",
        created_at=int(webhook.create_time.timestamp()),
        data=_webhook(webhook),
    )


def _webhook(webhook: WebhookView) -> pb.Webhook:
    return pb.Webhook(
        id=ids.uuid_of(webhook.id),
        object=_WEBHOOK,
        endpoint_url=webhook.url,
        is_active=webhook.disable_time is None,
        created_at=timestamp(webhook.create_time),
        updated_at=timestamp(webhook.disable_time or webhook.create_time),
    )
