"""What the sender of webhooks counts. docs/monitoring.md explains each."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.common.telemetry.durations import CALLS, WORK

ATTEMPTS = Counter("darkroom_webhook_attempts", "Attempts to deliver, by outcome: delivered, retried or given_up.", ["outcome"])
POST_SECONDS = Histogram("darkroom_webhook_post_seconds", "Time of one request to a receiver.", buckets=CALLS)
DELIVERY_SECONDS = Histogram(
    "darkroom_webhook_delivery_seconds", "Time from an event to its delivery, failed attempts included.", buckets=WORK
)
SENDING = Gauge("darkroom_webhook_sending", "Requests to receivers that are under way.")
