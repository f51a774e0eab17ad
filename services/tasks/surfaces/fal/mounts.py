"""The fal queue."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.rpc.server import Mount
from services.tasks.surfaces.fal.queue import FalQueue
from services.tasks.surfaces.fal.settings import FalSettings
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its service."""
    return [Mount(FalQueue(parts, FalSettings().fal_generation))]
