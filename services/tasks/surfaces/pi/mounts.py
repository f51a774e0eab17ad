"""Pi's jobs."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.rpc.server import Mount
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.pi.images import PiImages
from services.tasks.surfaces.pi.jobs import PiJobs
from services.tasks.surfaces.pi.messages import SURFACE
from services.tasks.surfaces.pi.refused import PiRefused
from services.tasks.surfaces.pi.replies import Replies
from services.tasks.surfaces.pi.webhooks import PiFormat, PiWebhooks


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    replies = Replies(parts.tasks, parts.files)
    return [
        Mount(PiJobs(parts.acceptance, parts.tasks, parts.watching, replies, parts.heartbeat)),
        Mount(PiImages(parts.acceptance, replies)),
        Mount(PiWebhooks(parts.webhooks)),
        Mount(PiRefused()),
    ]


def webhook_formats(parts: SurfaceParts) -> dict[str, WebhookFormat]:
    """The form of its events."""
    return {SURFACE: PiFormat(parts.files)}
