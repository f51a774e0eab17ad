"""`image-enhancement`: better light, colours and detail."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.enhancement_tools_pb2 import EnhancementCorrections, ImageEnhancementSettings
from darkroom.operations.v1 import enhance_pb2, operation_pb2
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ImageEnhancementSettings
_MODES: Mapping[str, enhance_pb2.EnhanceMode.ValueType] = {
    "auto": enhance_pb2.ENHANCE_MODE_AUTO,
    "portrait": enhance_pb2.ENHANCE_MODE_PORTRAIT,
    "landscape": enhance_pb2.ENHANCE_MODE_LANDSCAPE,
    "low-light": enhance_pb2.ENHANCE_MODE_LOW_LIGHT,
    "food": enhance_pb2.ENHANCE_MODE_FOOD,
    "document": enhance_pb2.ENHANCE_MODE_DOCUMENT,
}


def plan(settings: ImageEnhancementSettings, _name: str) -> Plan:
    """The operations."""
    made = enhance_pb2.Enhance(mode=_MODES[settings.mode], intensity=settings.intensity)
    if settings.HasField("corrections"):
        asked: EnhancementCorrections = settings.corrections
        made.keep_exposure = not asked.exposure
        made.keep_contrast = not asked.contrast
        made.keep_white_balance = not asked.white_balance
        made.keep_saturation = not asked.saturation
        made.keep_sharpness = not asked.sharpness
        made.keep_noise = not asked.denoise
    return Plan([operation_pb2.Operation(enhance=made), kept()])
