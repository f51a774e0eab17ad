"""Claid's image editing API."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.rpc.server import Mount
from services.tasks.surfaces.claid.batches import ClaidBatches
from services.tasks.surfaces.claid.edits import ClaidEdits
from services.tasks.surfaces.claid.generation import ClaidGeneration
from services.tasks.surfaces.claid.pictures import Pictures
from services.tasks.surfaces.claid.storages import ClaidStorages
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    pictures = Pictures(parts.files)
    return [
        Mount(ClaidEdits(parts.acceptance, parts.tasks, parts.watching, pictures)),
        Mount(ClaidBatches(parts.acceptance, parts.batches, pictures)),
        Mount(ClaidStorages()),
        Mount(ClaidGeneration()),
    ]
