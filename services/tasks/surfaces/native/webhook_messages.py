"""Webhooks on the wire: as the messages of the protos, and the body that receivers get."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict

from darkroom.tasks.v1 import webhook_pb2
from services.tasks.model import Task, WebhookDelivery
from services.tasks.model.records import BatchNow, WebhookView
from services.tasks.model.state import DeliveryState
from services.tasks.surfaces.native.batch_messages import batch_message
from services.tasks.surfaces.native.messages import task_message
from services.tasks.surfaces.rendering import timestamp

_PREFIX = "WEBHOOK_DELIVERY_STATE_"


def body(delivery: WebhookDelivery, subject: Task | BatchNow | None) -> bytes:
    """The JSON of an event about an ended task or batch; without a subject, of a test event. It is the same at every attempt, since what
    has ended never changes."""
    data: dict[str, Any] = {"webhook_id": str(delivery.webhook_id)}
    if subject is not None:
        message = task_message(subject) if isinstance(subject, Task) else batch_message(subject)
        data = MessageToDict(message, preserving_proto_field_name=True)
    event = {"type": delivery.event_type, "timestamp": timestamp(delivery.create_time).ToJsonString(), "data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def webhook_message(webhook: WebhookView) -> webhook_pb2.Webhook:
    """The webhook as its owner sees it."""
    return webhook_pb2.Webhook(
        id=webhook.id,
        url=webhook.url,
        create_time=timestamp(webhook.create_time),
        disable_time=timestamp(webhook.disable_time) if webhook.disable_time is not None else None,
        previous_secret_expire_time=timestamp(webhook.previous_until) if webhook.previous_until is not None else None,
        event_types=webhook.event_types,
    )


def delivery_state_of(number: webhook_pb2.WebhookDeliveryState.ValueType) -> DeliveryState:
    """The state for a proto enum value that has passed validation."""
    return DeliveryState(webhook_pb2.WebhookDeliveryState.Name(number).removeprefix(_PREFIX))


def delivery_message(delivery: WebhookDelivery) -> webhook_pb2.WebhookDelivery:
    """An entry of the log."""
    return webhook_pb2.WebhookDelivery(
        id=delivery.id,
        webhook_id=delivery.webhook_id,
        task_id=delivery.task_id or 0,
        batch_id=delivery.batch_id or 0,
        url=delivery.url,
        event_type=delivery.event_type,
        state=webhook_pb2.WebhookDeliveryState.Value(_PREFIX + delivery.state.value),
        attempts=delivery.attempts,
        response_status=delivery.response_status or 0,
        response_body=delivery.response_body or "",
        error=delivery.error or "",
        create_time=timestamp(delivery.create_time),
        attempt_time=timestamp(delivery.attempt_time) if delivery.attempt_time is not None else None,
        next_attempt_time=timestamp(delivery.next_at) if delivery.next_at is not None else None,
        end_time=timestamp(delivery.end_time) if delivery.end_time is not None else None,
    )
