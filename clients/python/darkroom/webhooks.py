"""Webhooks: the URLs that are notified when tasks end, and the log of deliveries.

A call that fails on the way is retried and never creates a second webhook, secret or delivery.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import grpc

from darkroom.calls import Call, new_key, pages
from darkroom.tasks.v1 import webhook_pb2, webhooks_service_pb2, webhooks_service_pb2_grpc


class Webhooks:
    """`webhooks` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = webhooks_service_pb2_grpc.WebhooksServiceStub(channel), call

    async def create(self, url: str, event_types: Sequence[str] = ()) -> tuple[webhook_pb2.Webhook, str]:
        """Add a webhook for the given event types (`task.failed` …), or for all if none are given. Returns it with its secret, which
        cannot be shown again."""
        request = webhooks_service_pb2.CreateWebhookRequest(url=url, event_types=event_types)
        reply: webhooks_service_pb2.CreateWebhookResponse = await self._call(self._stub.CreateWebhook, request, idempotency_key=new_key())
        return reply.webhook, reply.secret

    async def list(self) -> Sequence[webhook_pb2.Webhook]:
        """All webhooks, oldest first."""
        reply: webhooks_service_pb2.ListWebhooksResponse = await self._call(
            self._stub.ListWebhooks, webhooks_service_pb2.ListWebhooksRequest()
        )
        return reply.webhooks

    async def set_events(self, webhook_id: int, event_types: Sequence[str]) -> webhook_pb2.Webhook:
        """Set the event types that a webhook receives from now on; all if none are given."""
        request = webhooks_service_pb2.SetWebhookEventsRequest(webhook_id=webhook_id, event_types=event_types)
        reply: webhooks_service_pb2.SetWebhookEventsResponse = await self._call(self._stub.SetWebhookEvents, request)
        return reply.webhook

    async def enable(self, webhook_id: int) -> webhook_pb2.Webhook:
        """Re-enable a webhook that was disabled because it answered 410 Gone."""
        request = webhooks_service_pb2.EnableWebhookRequest(webhook_id=webhook_id)
        reply: webhooks_service_pb2.EnableWebhookResponse = await self._call(self._stub.EnableWebhook, request)
        return reply.webhook

    async def delete(self, webhook_id: int) -> None:
        """Remove a webhook."""
        await self._call(self._stub.DeleteWebhook, webhooks_service_pb2.DeleteWebhookRequest(webhook_id=webhook_id))

    async def rotate_secret(self, webhook_id: int = 0) -> str:
        """Create and return a new secret for a webhook; without an id, a new default secret of the account. For 24 hours deliveries are
        signed with the previous secret too."""
        request = webhooks_service_pb2.RotateWebhookSecretRequest(webhook_id=webhook_id)
        reply: webhooks_service_pb2.RotateWebhookSecretResponse = await self._call(
            self._stub.RotateWebhookSecret, request, idempotency_key=new_key()
        )
        return reply.secret

    async def default_secret(self) -> str:
        """The account's default secret, which signs deliveries to the `webhook_url` of tasks and batches."""
        reply: webhooks_service_pb2.GetDefaultWebhookSecretResponse = await self._call(
            self._stub.GetDefaultWebhookSecret, webhooks_service_pb2.GetDefaultWebhookSecretRequest()
        )
        return reply.secret

    async def deliveries(
        self,
        limit: int = 100,
        *,
        webhook_id: int = 0,
        task_id: int = 0,
        states: Sequence[webhook_pb2.WebhookDeliveryState.ValueType] = (),
    ) -> Sequence[webhook_pb2.WebhookDelivery]:
        """The newest deliveries, up to `limit`; only those to one webhook, about one task, or in one of `states`, if given."""
        return [found async for found in self.iterate_deliveries(limit, webhook_id=webhook_id, task_id=task_id, states=states)]

    async def iterate_deliveries(
        self,
        limit: int | None = None,
        *,
        webhook_id: int = 0,
        task_id: int = 0,
        states: Sequence[webhook_pb2.WebhookDeliveryState.ValueType] = (),
    ) -> AsyncIterator[webhook_pb2.WebhookDelivery]:
        """Like `deliveries`, but all of them or up to `limit`, fetched page by page as they are read."""
        request = webhooks_service_pb2.ListWebhookDeliveriesRequest(page_size=1000, webhook_id=webhook_id, task_id=task_id, states=states)
        async for delivery in pages(self._call, self._stub.ListWebhookDeliveries, request, "deliveries", limit):
            yield delivery

    async def replay(self, delivery_id: int) -> webhook_pb2.WebhookDelivery:
        """Send a delivery again immediately, with the same `webhook-id`."""
        request = webhooks_service_pb2.ReplayWebhookDeliveryRequest(delivery_id=delivery_id)
        reply: webhooks_service_pb2.ReplayWebhookDeliveryResponse = await self._call(
            self._stub.ReplayWebhookDelivery, request, idempotency_key=new_key()
        )
        return reply.delivery

    async def test(self, webhook_id: int) -> webhook_pb2.WebhookDelivery:
        """Send an event of type `webhook.test`."""
        request = webhooks_service_pb2.SendTestWebhookRequest(webhook_id=webhook_id)
        reply: webhooks_service_pb2.SendTestWebhookResponse = await self._call(
            self._stub.SendTestWebhook, request, idempotency_key=new_key()
        )
        return reply.delivery
