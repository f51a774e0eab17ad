"""The fal queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.platform.rpc.server import Mount
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.surfaces.fal.queue import FalQueue, FalRun
from services.tasks.surfaces.fal.replies import Replies
from services.tasks.surfaces.fal.settings import FalSettings
from services.tasks.surfaces.fal.submitting import Submitting
from services.tasks.surfaces.fal.webhooks import FalFormat, FalWebhookKeys, signing_keys
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    submitting, replies = Submitting(parts, FalSettings().fal_generation), Replies(parts)
    return [
        Mount(FalQueue(parts, submitting, replies)),
        Mount(FalRun(parts, submitting, replies)),
        Mount(FalWebhookKeys(signing_keys(parts))),
    ]


def webhook_formats(parts: SurfaceParts) -> Mapping[str, WebhookFormat]:
    """The body for the URLs of `fal_webhook`."""
    return {"fal": FalFormat(Replies(parts), signing_keys(parts))}
