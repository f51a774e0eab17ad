"""Tools that change a picture's light and colours."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.colour_tools_pb2 import AdjustColorsSettings, ReplaceColorSettings, SharpeningSettings
from darkroom.operations.v1 import color_adjust_pb2, sharpen_pb2
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.replace_color_pb2 import ReplaceColor
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.writing import keep_format

_EFFECTS: Mapping[str, color_adjust_pb2.ColorEffect.ValueType] = {
    "none": color_adjust_pb2.COLOR_EFFECT_UNSPECIFIED,
    "grayscale": color_adjust_pb2.COLOR_EFFECT_GRAYSCALE,
    "sepia": color_adjust_pb2.COLOR_EFFECT_SEPIA,
    "invert": color_adjust_pb2.COLOR_EFFECT_INVERT,
}
_WHOLE = 100
"""Per cent of a channel that stays unchanged."""
_METHODS: Mapping[str, sharpen_pb2.SharpenMethod.ValueType] = {
    "adaptive": sharpen_pb2.SHARPEN_METHOD_ADAPTIVE,
    "unsharp-mask": sharpen_pb2.SHARPEN_METHOD_UNSHARP_MASK,
    "high-pass": sharpen_pb2.SHARPEN_METHOD_HIGH_PASS,
    "unsharp": sharpen_pb2.SHARPEN_METHOD_UNSHARP_MASK,
    "highpass": sharpen_pb2.SHARPEN_METHOD_HIGH_PASS,
}
_DENOISE: Mapping[str, sharpen_pb2.SharpenDenoise.ValueType] = {
    "off": sharpen_pb2.SHARPEN_DENOISE_UNSPECIFIED,
    "light": sharpen_pb2.SHARPEN_DENOISE_LIGHT,
    "medium": sharpen_pb2.SHARPEN_DENOISE_MEDIUM,
    "strong": sharpen_pb2.SHARPEN_DENOISE_STRONG,
}
_TRANSPARENT = "transparent"


def _adjust_colors(settings: AdjustColorsSettings, _name: str) -> Plan:
    adjust = color_adjust_pb2.ColorAdjust(
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
    return Plan([Operation(color_adjust=adjust), keep_format()])


def _sharpening(settings: SharpeningSettings, _name: str) -> Plan:
    sharpen = sharpen_pb2.Sharpen(
        method=_METHODS[settings.mode or settings.method],
        denoise=_DENOISE[settings.denoise],
        sigma=settings.sigma,
        m1=settings.m1,
        m2=settings.m2,
        x1=settings.x1,
        y2=settings.y2,
        y3=settings.y3,
        amount=settings.amount,
        radius=settings.radius,
        threshold=settings.threshold,
        strength=settings.strength,
        kernel_size=settings.kernel_size,
    )
    return Plan([Operation(sharpen=sharpen), keep_format()])


def _replace_color(settings: ReplaceColorSettings, _name: str) -> Plan:
    """With a `replacement_color`, the target is what is replaced."""
    source, target = settings.source_color, settings.target_color
    if settings.replacement_color:
        source, target = target, settings.replacement_color
    replace = ReplaceColor(color=source, replacement=_TRANSPARENT if settings.make_transparent else target, tolerance=settings.tolerance)
    return Plan([Operation(replace_color=replace), keep_format()], may_become_png=settings.make_transparent)


ADJUST_COLORS = Tool("adjust-colors", AdjustColorsSettings, _adjust_colors, pipeline=True)
BRIGHTNESS_CONTRAST = Tool("brightness-contrast", AdjustColorsSettings, _adjust_colors, pipeline=True)
SATURATION = Tool("saturation", AdjustColorsSettings, _adjust_colors, pipeline=True)
COLOR_CHANNELS = Tool("color-channels", AdjustColorsSettings, _adjust_colors, pipeline=True)
COLOR_EFFECTS = Tool("color-effects", AdjustColorsSettings, _adjust_colors, pipeline=True)
COLOR_ADJUSTMENTS = Tool("color-adjustments", AdjustColorsSettings, _adjust_colors)
"""The name that the published reference has for `adjust-colors`; the ones above are older names of it."""
SHARPENING = Tool("sharpening", SharpeningSettings, _sharpening, pipeline=True)
REPLACE_COLOR = Tool("replace-color", ReplaceColorSettings, _replace_color, pipeline=True)
