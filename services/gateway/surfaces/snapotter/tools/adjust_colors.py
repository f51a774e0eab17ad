"""`adjust-colors`: light and colours."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.colour_tools_pb2 import AdjustColorsSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.color_adjust_pb2 import (
    COLOR_EFFECT_GRAYSCALE,
    COLOR_EFFECT_INVERT,
    COLOR_EFFECT_SEPIA,
    COLOR_EFFECT_UNSPECIFIED,
    ColorAdjust,
    ColorEffect,
)
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = AdjustColorsSettings
_EFFECTS: Mapping[str, ColorEffect.ValueType] = {
    "none": COLOR_EFFECT_UNSPECIFIED,
    "grayscale": COLOR_EFFECT_GRAYSCALE,
    "sepia": COLOR_EFFECT_SEPIA,
    "invert": COLOR_EFFECT_INVERT,
}
_WHOLE = 100
"""Per cent of a channel that stays as it is."""


def plan(settings: AdjustColorsSettings, _name: str) -> Plan:
    """The operations."""
    adjust = ColorAdjust(
        brightness=settings.brightness,
        contrast=settings.contrast,
        exposure=settings.exposure,
        saturation=settings.saturation,
        temperature=settings.temperature,
        tint=settings.tint,
        hue=settings.hue,
        sharpness=settings.sharpness,
        red=settings.red - _WHOLE,
        green=settings.green - _WHOLE,
        blue=settings.blue - _WHOLE,
        effect=_EFFECTS[settings.effect],
    )
    return Plan([operation_pb2.Operation(color_adjust=adjust), kept()])
