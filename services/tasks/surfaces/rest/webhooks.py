"""`/v1/webhooks` and `/v1/webhook-deliveries`."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.struct_pb2 import NULL_VALUE, Value
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.rest.v1 import envelope_pb2, webhook_deliveries_pb2, webhooks_pb2_grpc
from darkroom.rest.v1 import webhooks_pb2 as pb
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks, delivery_not_found, webhook_not_found
from services.tasks.model import WebhookDelivery
from services.tasks.model.records import WebhookView
from services.tasks.model.state import DeliveryState
from services.tasks.surfaces.ids import decimal_id
from services.tasks.surfaces.rendering import timestamp

_SUCCESS = "success"
_DEFAULT = "default"
_NONE = 0


class RestWebhooks(webhooks_pb2_grpc.WebhooksServiceServicer):
    """Webhooks of the calling account."""

    def __init__(self, webhooks: AccountWebhooks) -> None:
        self._webhooks = webhooks

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.CreateWebhookEnvelope:
        """Add a webhook."""
        webhook, secret = await self._webhooks.create(
            current_identity().account_id, request.url, request.event_types, current_idempotency()
        )
        return pb.CreateWebhookEnvelope(code=200, message=_SUCCESS, data=pb.CreatedWebhook(webhook=_webhook(webhook), secret=secret))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.WebhookListEnvelope:
        webhooks = await self._webhooks.list(current_identity().account_id)
        return pb.WebhookListEnvelope(code=200, message=_SUCCESS, data=pb.WebhookList(items=map(_webhook, webhooks)))

    async def SetWebhookEvents(self, request: pb.SetWebhookEventsRequest, context: Context) -> pb.WebhookEnvelope:
        """Set which events a webhook is sent."""
        webhook = await self._webhooks.set_events(current_identity().account_id, _webhook_id(request.id), request.event_types)
        return pb.WebhookEnvelope(code=200, message=_SUCCESS, data=_webhook(webhook))

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """Remove a webhook."""
        await self._webhooks.delete(current_identity().account_id, _webhook_id(request.id))
        return envelope_pb2.ResponseEnvelope(code=200, message=_SUCCESS, data=Value(null_value=NULL_VALUE))

    async def EnableWebhook(self, request: pb.EnableWebhookRequest, context: Context) -> pb.WebhookEnvelope:
        """Undo the effect of 410 Gone."""
        webhook = await self._webhooks.enable(current_identity().account_id, _webhook_id(request.id))
        return pb.WebhookEnvelope(code=200, message=_SUCCESS, data=_webhook(webhook))

    async def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, context: Context) -> pb.WebhookSecretEnvelope:
        """Make a new secret."""
        webhook_id = _NONE if request.id == _DEFAULT else _webhook_id(request.id)
        secret, until = await self._webhooks.rotate(current_identity().account_id, webhook_id, current_idempotency())
        data = pb.WebhookSecret(secret=secret, previous_secret_expires_at=_moment(until))
        return pb.WebhookSecretEnvelope(code=200, message=_SUCCESS, data=data)

    async def GetDefaultWebhookSecret(self, request: pb.GetDefaultWebhookSecretRequest, context: Context) -> pb.WebhookSecretEnvelope:
        """Show the account's default secret."""
        secret = await self._webhooks.default_secret(current_identity().account_id)
        return pb.WebhookSecretEnvelope(code=200, message=_SUCCESS, data=pb.WebhookSecret(secret=secret))

    async def SendTestWebhook(self, request: pb.SendTestWebhookRequest, context: Context) -> webhook_deliveries_pb2.WebhookDeliveryEnvelope:
        """Send a test event."""
        delivery = await self._webhooks.test(current_identity().account_id, _webhook_id(request.id), current_idempotency())
        return webhook_deliveries_pb2.WebhookDeliveryEnvelope(code=200, message=_SUCCESS, data=_delivery(delivery))

    async def ListWebhookDeliveries(
        self, request: webhook_deliveries_pb2.ListWebhookDeliveriesRequest, context: Context
    ) -> webhook_deliveries_pb2.WebhookDeliveryListEnvelope:
        """Show the log."""
        page = await self._webhooks.log(
            current_identity().account_id,
            webhook_id=_filter(request.webhook_id, "webhook_id"),
            task_id=_filter(request.task_id, "task_id"),
            states=[DeliveryState(request.status.upper())] if request.HasField("status") else [],
            size=request.page_size,
            token=request.page_token,
        )
        data = webhook_deliveries_pb2.WebhookDeliveryList(
            items=map(_delivery, page.deliveries), next_page_token=page.next_page_token or None
        )
        return webhook_deliveries_pb2.WebhookDeliveryListEnvelope(code=200, message=_SUCCESS, data=data)

    async def ReplayWebhookDelivery(
        self, request: webhook_deliveries_pb2.ReplayWebhookDeliveryRequest, context: Context
    ) -> webhook_deliveries_pb2.WebhookDeliveryEnvelope:
        """Send a delivery again."""
        delivery = await self._webhooks.replay(current_identity().account_id, _delivery_id(request.id), current_idempotency())
        return webhook_deliveries_pb2.WebhookDeliveryEnvelope(code=200, message=_SUCCESS, data=_delivery(delivery))


def _webhook_id(text: str) -> int:
    """A webhook's id. Raises WEBHOOK_NOT_FOUND for an invalid id, as for one that does not exist."""
    number = decimal_id(text)
    if number is None:
        raise webhook_not_found()
    return number


def _delivery_id(text: str) -> int:
    """A delivery's id. Raises WEBHOOK_DELIVERY_NOT_FOUND for an invalid id, as for one that does not exist."""
    number = decimal_id(text)
    if number is None:
        raise delivery_not_found()
    return number


def _filter(text: str, field: str) -> int:
    """The id to filter by; 0, no filter, for the empty string. Raises FIELD_INVALID."""
    if not text:
        return _NONE
    number = decimal_id(text)
    if number is None:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: must be an id: a whole number of up to 15 digits", field=field)
    return number


def _webhook(webhook: WebhookView) -> pb.WebhookRecord:
    return pb.WebhookRecord(
        id=str(webhook.id),
        url=webhook.url,
        event_types=webhook.event_types,
        created_at=timestamp(webhook.create_time),
        disabled_at=_moment(webhook.disable_time),
        previous_secret_expires_at=_moment(webhook.previous_until),
    )


def _delivery(delivery: WebhookDelivery) -> webhook_deliveries_pb2.WebhookDeliveryRecord:
    return webhook_deliveries_pb2.WebhookDeliveryRecord(
        id=str(delivery.id),
        webhook_id=str(delivery.webhook_id) if delivery.webhook_id else None,
        task_id=str(delivery.task_id) if delivery.task_id else None,
        batch_id=str(delivery.batch_id) if delivery.batch_id else None,
        url=delivery.url,
        event_type=delivery.event_type,
        status=delivery.state.value.capitalize(),
        attempts=delivery.attempts,
        response_status=delivery.response_status,
        response_body=delivery.response_body or None,
        error=delivery.error or None,
        created_at=timestamp(delivery.create_time),
        attempted_at=_moment(delivery.attempt_time),
        next_attempt_at=_moment(delivery.next_at),
        ended_at=_moment(delivery.end_time),
    )


def _moment(moment: datetime | None) -> Timestamp | None:
    return timestamp(moment) if moment is not None else None
