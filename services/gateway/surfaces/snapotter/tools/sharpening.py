"""`sharpening`."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.colour_tools_pb2 import SharpeningSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.sharpen_pb2 import (
    SHARPEN_DENOISE_LIGHT,
    SHARPEN_DENOISE_MEDIUM,
    SHARPEN_DENOISE_STRONG,
    SHARPEN_DENOISE_UNSPECIFIED,
    SHARPEN_METHOD_ADAPTIVE,
    SHARPEN_METHOD_HIGH_PASS,
    SHARPEN_METHOD_UNSHARP_MASK,
    Sharpen,
    SharpenDenoise,
    SharpenMethod,
)
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = SharpeningSettings
_METHODS: Mapping[str, SharpenMethod.ValueType] = {
    "adaptive": SHARPEN_METHOD_ADAPTIVE,
    "unsharp-mask": SHARPEN_METHOD_UNSHARP_MASK,
    "high-pass": SHARPEN_METHOD_HIGH_PASS,
    "unsharp": SHARPEN_METHOD_UNSHARP_MASK,
    "highpass": SHARPEN_METHOD_HIGH_PASS,
}
_DENOISE: Mapping[str, SharpenDenoise.ValueType] = {
    "off": SHARPEN_DENOISE_UNSPECIFIED,
    "light": SHARPEN_DENOISE_LIGHT,
    "medium": SHARPEN_DENOISE_MEDIUM,
    "strong": SHARPEN_DENOISE_STRONG,
}


def plan(settings: SharpeningSettings, _name: str) -> Plan:
    """The operations."""
    sharpen = Sharpen(
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
    return Plan([operation_pb2.Operation(sharpen=sharpen), kept()])
