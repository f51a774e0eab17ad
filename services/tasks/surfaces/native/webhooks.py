"""`darkroom.tasks.v1.WebhooksService`: the native public API."""

from __future__ import annotations

from darkroom.tasks.v1 import webhooks_service_pb2 as pb
from darkroom.tasks.v1 import webhooks_service_pb2_grpc
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.surfaces.native.webhook_messages import delivery_message, delivery_state_of, webhook_message
from services.tasks.surfaces.rendering import timestamp


class NativeWebhooks(webhooks_service_pb2_grpc.WebhooksServiceServicer):
    """Webhooks of the calling account."""

    def __init__(self, webhooks: AccountWebhooks) -> None:
        self._webhooks = webhooks

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.CreateWebhookResponse:
        """Add a webhook."""
        webhook, secret = await self._webhooks.create(
            current_identity().account_id, request.url, request.event_types, current_idempotency()
        )
        return pb.CreateWebhookResponse(webhook=webhook_message(webhook), secret=secret)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.ListWebhooksResponse:
        webhooks = await self._webhooks.list(current_identity().account_id)
        return pb.ListWebhooksResponse(webhooks=map(webhook_message, webhooks))

    async def SetWebhookEvents(self, request: pb.SetWebhookEventsRequest, context: Context) -> pb.SetWebhookEventsResponse:
        """Set which events a webhook is sent."""
        webhook = await self._webhooks.set_events(current_identity().account_id, request.webhook_id, request.event_types)
        return pb.SetWebhookEventsResponse(webhook=webhook_message(webhook))

    async def EnableWebhook(self, request: pb.EnableWebhookRequest, context: Context) -> pb.EnableWebhookResponse:
        """Undo the effect of 410 Gone."""
        webhook = await self._webhooks.enable(current_identity().account_id, request.webhook_id)
        return pb.EnableWebhookResponse(webhook=webhook_message(webhook))

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> pb.DeleteWebhookResponse:
        """Remove a webhook."""
        await self._webhooks.delete(current_identity().account_id, request.webhook_id)
        return pb.DeleteWebhookResponse()

    async def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, context: Context) -> pb.RotateWebhookSecretResponse:
        """Make a new secret."""
        secret, until = await self._webhooks.rotate(current_identity().account_id, request.webhook_id, current_idempotency())
        return pb.RotateWebhookSecretResponse(secret=secret, previous_secret_expire_time=timestamp(until) if until is not None else None)

    async def GetDefaultWebhookSecret(
        self, request: pb.GetDefaultWebhookSecretRequest, context: Context
    ) -> pb.GetDefaultWebhookSecretResponse:
        """Show the account's default secret."""
        return pb.GetDefaultWebhookSecretResponse(secret=await self._webhooks.default_secret(current_identity().account_id))

    async def ListWebhookDeliveries(self, request: pb.ListWebhookDeliveriesRequest, context: Context) -> pb.ListWebhookDeliveriesResponse:
        """Show the log."""
        page = await self._webhooks.log(
            current_identity().account_id,
            webhook_id=request.webhook_id,
            task_id=request.task_id,
            states=[delivery_state_of(number) for number in request.states],
            size=request.page_size,
            token=request.page_token,
        )
        return pb.ListWebhookDeliveriesResponse(deliveries=map(delivery_message, page.deliveries), next_page_token=page.next_page_token)

    async def ReplayWebhookDelivery(self, request: pb.ReplayWebhookDeliveryRequest, context: Context) -> pb.ReplayWebhookDeliveryResponse:
        """Send a delivery again."""
        delivery = await self._webhooks.replay(current_identity().account_id, request.delivery_id, current_idempotency())
        return pb.ReplayWebhookDeliveryResponse(delivery=delivery_message(delivery))

    async def SendTestWebhook(self, request: pb.SendTestWebhookRequest, context: Context) -> pb.SendTestWebhookResponse:
        """Send a test event."""
        delivery = await self._webhooks.test(current_identity().account_id, request.webhook_id, current_idempotency())
        return pb.SendTestWebhookResponse(delivery=delivery_message(delivery))
