"""The native API."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.rpc.server import Mount
from services.tasks.surfaces.native.batches import NativeBatches
from services.tasks.surfaces.native.pipelines import NativePipelines
from services.tasks.surfaces.native.tasks import NativeBalance, NativeTasks
from services.tasks.surfaces.native.webhooks import NativeWebhooks
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    life = parts.task_life
    return [
        Mount(NativeTasks(parts.acceptance, parts.tasks, parts.watching, parts.files, parts.pipelines, life)),
        Mount(NativeWebhooks(parts.webhooks)),
        Mount(NativeBatches(parts.acceptance, parts.batches, parts.archiving, parts.pipelines, life)),
        Mount(NativeBalance(parts.ledger, parts.acceptance)),
        Mount(NativePipelines(parts.pipelines)),
    ]
