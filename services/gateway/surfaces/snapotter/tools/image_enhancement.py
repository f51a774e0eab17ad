"""`image-enhancement`: correct what a picture lacks."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.photo_tools_pb2 import ImageEnhancementSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.enhance_picture_pb2 import (
    CORRECTION_CONTRAST,
    CORRECTION_EXPOSURE,
    CORRECTION_NOISE,
    CORRECTION_SATURATION,
    CORRECTION_SHARPNESS,
    CORRECTION_WHITE_BALANCE,
    Correction,
    EnhanceMode,
    EnhancePicture,
)
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ImageEnhancementSettings
_CORRECTIONS: Mapping[str, Correction.ValueType] = {
    "exposure": CORRECTION_EXPOSURE,
    "contrast": CORRECTION_CONTRAST,
    "white_balance": CORRECTION_WHITE_BALANCE,
    "saturation": CORRECTION_SATURATION,
    "sharpness": CORRECTION_SHARPNESS,
    "denoise": CORRECTION_NOISE,
}


def plan(settings: ImageEnhancementSettings, _name: str) -> Plan:
    """The operations."""
    chosen = settings.corrections if settings.HasField("corrections") else None
    enhance = EnhancePicture(
        mode=EnhanceMode.Value(f"ENHANCE_MODE_{settings.mode.upper().replace('-', '_')}"),
        intensity=settings.intensity,
        without=[] if chosen is None else [each for name, each in _CORRECTIONS.items() if not getattr(chosen, name)],
    )
    return Plan([operation_pb2.Operation(enhance_picture=enhance), kept()])
