"""Claid's image editing API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.platform.rpc.server import Mount
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.surfaces.claid.batches import ClaidBatches
from services.tasks.surfaces.claid.edits import ClaidEdits
from services.tasks.surfaces.claid.generation import ClaidGeneration
from services.tasks.surfaces.claid.kept import SURFACE
from services.tasks.surfaces.claid.pictures import Pictures
from services.tasks.surfaces.claid.storages import ClaidStorages
from services.tasks.surfaces.claid.webhooks import ClaidWebhooks
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    pictures = Pictures(parts.files)
    return [
        Mount(ClaidEdits(parts.acceptance, parts.tasks, parts.watching, pictures)),
        Mount(ClaidBatches(parts.acceptance, parts.batches, pictures)),
        Mount(ClaidStorages(parts.files)),
        Mount(ClaidGeneration()),
    ]


def webhook_formats(parts: SurfaceParts) -> Mapping[str, WebhookFormat]:
    """The form of its events."""
    return {SURFACE: ClaidWebhooks(parts.batches, Pictures(parts.files))}
