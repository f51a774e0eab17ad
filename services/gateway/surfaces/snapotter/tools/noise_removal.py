"""`noise-removal`: the picture without its noise."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.restoration_tools_pb2 import NoiseRemovalSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.remove_noise_pb2 import NoiseTier, RemoveNoise
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.convert import ALIASES, writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = NoiseRemovalSettings
BUNDLE = "upscale-enhance"
FAILED = "Noise removal failed"


def plan(settings: NoiseRemovalSettings, name: str) -> Plan:
    """The operations."""
    parts, format_ = Name.of(name), ALIASES.get(settings.format, settings.format)
    as_kept = format_ == "original"
    noise = RemoveNoise(
        tier=NoiseTier.Value(f"NOISE_TIER_{settings.tier.upper()}"),
        strength=settings.strength,
        detail=settings.detail_preservation,
        color_noise=settings.color_noise,
    )
    # As a PNG, which has no quality, it keeps all its colours.
    quality = None if format_ == "png" else settings.quality
    last = kept(rounded(settings.quality)) if as_kept else operation_pb2.Operation(convert=writing(format_, quality))
    extension = parts.extension if as_kept else f".{format_}"
    return Plan(
        [operation_pb2.Operation(remove_noise=noise), last],
        f"{parts.stem}_denoised{extension}",
        chooses_writing=settings.HasField("quality") or not as_kept,
    )


def result(_done: Done) -> Mapping[str, object]:
    """Nothing besides where it is."""
    return {}
