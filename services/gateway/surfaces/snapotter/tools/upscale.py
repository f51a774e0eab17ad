"""`upscale`: larger, with a network that restores detail."""

from __future__ import annotations

import json
from collections.abc import Mapping

from compat.snapotter.v1.enlarge_tools_pb2 import UpscaleSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_FACE, ENHANCEMENT_QUALITY, Upscale
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.convert import ALIASES, writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = UpscaleSettings
BUNDLE = "upscale-enhance"
FAILED = "Upscaling failed"
_FACTORS = (2, 3, 4, 8)
"""What networks do without a resize after them."""
_NOTHING = "none"
"""The method of what was not enlarged."""


def plan(settings: UpscaleSettings, name: str) -> Plan:
    """The operations."""
    parts, format_ = Name.of(name), ALIASES.get(settings.format, settings.format)
    as_kept = format_ == "auto"
    upscale = Upscale()
    if settings.scale in _FACTORS:
        upscale.factor = int(settings.scale)
    else:
        upscale.resize.CopyFrom(Resize(width_percent=100 * settings.scale))
    if settings.face_enhance:
        upscale.enhancements.append(ENHANCEMENT_FACE)
    if settings.denoise:
        upscale.enhancements.append(ENHANCEMENT_QUALITY)
    last = kept(rounded(settings.quality)) if as_kept else operation_pb2.Operation(convert=writing(format_, settings.quality))
    extension = parts.extension if as_kept else f".{format_}"
    return Plan(
        [operation_pb2.Operation(upscale=upscale), last],
        f"{parts.stem}_{settings.scale:g}x{extension}",
        chooses_writing=settings.HasField("quality"),
    )


def result(done: Done) -> Mapping[str, object]:
    """Its size, and the network."""
    used = [json.loads(notice.details_json)["model"] for notice in done.run.notices if notice.code == "model_used" and notice.details_json]
    size = done.run.outputs[0].image
    return {"width": size.width, "height": size.height, "method": used[-1] if used else _NOTHING}
