"""Webhooks of the account: who hears of the end of tasks, and what was sent to them.

A call that fails on the way is repeated; none makes a second webhook, secret or delivery.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import grpc

from darkroom.calls import Call, new_key, pages
from darkroom.tasks.v1 import webhook_pb2, webhooks_service_pb2, webhooks_service_pb2_grpc


class Webhooks:
    """The webhooks part of `AsyncClient`; its methods raise what those of the client do."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = webhooks_service_pb2_grpc.WebhooksServiceStub(channel), call

    async def create(self, url: str, event_types: Sequence[str] = ()) -> tuple[webhook_pb2.Webhook, str]:
        """Add a webhook that hears of some types of events (`task.failed`, …; none given: of all). Returns it with its secret, which cannot
        be shown again."""
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
        """Have a webhook hear of some types of events from now on; none given: of all."""
        request = webhooks_service_pb2.SetWebhookEventsRequest(webhook_id=webhook_id, event_types=event_types)
        reply: webhooks_service_pb2.SetWebhookEventsResponse = await self._call(self._stub.SetWebhookEvents, request)
        return reply.webhook

    async def enable(self, webhook_id: int) -> webhook_pb2.Webhook:
        """Send to a webhook again that was disabled because it answered 410 Gone."""
        request = webhooks_service_pb2.EnableWebhookRequest(webhook_id=webhook_id)
        reply: webhooks_service_pb2.EnableWebhookResponse = await self._call(self._stub.EnableWebhook, request)
        return reply.webhook

    async def delete(self, webhook_id: int) -> None:
        """Remove a webhook."""
        await self._call(self._stub.DeleteWebhook, webhooks_service_pb2.DeleteWebhookRequest(webhook_id=webhook_id))

    async def rotate_secret(self, webhook_id: int = 0) -> str:
        """Make a new secret, without an id the account's default one, and return it. For a day the one before signs as well."""
        request = webhooks_service_pb2.RotateWebhookSecretRequest(webhook_id=webhook_id)
        reply: webhooks_service_pb2.RotateWebhookSecretResponse = await self._call(
            self._stub.RotateWebhookSecret, request, idempotency_key=new_key()
        )
        return reply.secret

    async def default_secret(self) -> str:
        """The secret that signs what is sent to the `webhook_url` of tasks."""
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
        """The newest deliveries, up to `limit`; to one webhook, about one task, in one of the given states, if any are given."""
        return [found async for found in self.iterate_deliveries(limit, webhook_id=webhook_id, task_id=task_id, states=states)]

    async def iterate_deliveries(
        self,
        limit: int | None = None,
        *,
        webhook_id: int = 0,
        task_id: int = 0,
        states: Sequence[webhook_pb2.WebhookDeliveryState.ValueType] = (),
    ) -> AsyncIterator[webhook_pb2.WebhookDelivery]:
        """The same, all of them or up to `limit`, fetched page by page as they are read."""
        request = webhooks_service_pb2.ListWebhookDeliveriesRequest(page_size=1000, webhook_id=webhook_id, task_id=task_id, states=states)
        async for delivery in pages(self._call, self._stub.ListWebhookDeliveries, request, "deliveries", limit):
            yield delivery

    async def replay(self, delivery_id: int) -> webhook_pb2.WebhookDelivery:
        """Send a delivery again, at once and under the same `webhook-id`."""
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
