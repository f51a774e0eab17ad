"""Claid's image editing API."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.rpc.server import Mount
from services.tasks.surfaces.claid.batches import ClaidBatches
from services.tasks.surfaces.claid.edits import ClaidEdits
from services.tasks.surfaces.claid.pictures import Pictures
from services.tasks.surfaces.claid.urls import Urls
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    pictures, urls = Pictures(parts.files), Urls(parts.public_url)
    return [
        Mount(ClaidEdits(parts.acceptance, parts.tasks, parts.watching, pictures, urls)),
        Mount(ClaidBatches(parts.acceptance, parts.batches, pictures, urls)),
    ]
