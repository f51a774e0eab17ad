"""`qr-generate`: a QR code."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.code_tools_pb2 import QrGenerateSettings
from darkroom.operations.v1 import operation_pb2, qr_code_pb2
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = QrGenerateSettings
_LEVELS: Mapping[str, qr_code_pb2.QrErrorCorrection.ValueType] = {
    "L": qr_code_pb2.QR_ERROR_CORRECTION_L,
    "M": qr_code_pb2.QR_ERROR_CORRECTION_M,
    "Q": qr_code_pb2.QR_ERROR_CORRECTION_Q,
    "H": qr_code_pb2.QR_ERROR_CORRECTION_H,
}
_STYLES: Mapping[str, qr_code_pb2.QrStyle.ValueType] = {
    "squares": qr_code_pb2.QR_STYLE_SQUARES,
    "dots": qr_code_pb2.QR_STYLE_DOTS,
    "rounded": qr_code_pb2.QR_STYLE_ROUNDED,
}
_QUIET_ZONE = 2


def plan(settings: QrGenerateSettings, _name: str) -> Plan:
    """The operations."""
    made = qr_code_pb2.QrCode(
        text=settings.text or settings.data,
        size=rounded(settings.size),
        error_correction=_LEVELS[settings.error_correction_level or settings.error_correction],
        foreground=settings.color_dark or settings.foreground,
        background=settings.color_light or settings.background,
        quiet_zone=_QUIET_ZONE,
        style=_STYLES[settings.style],
    )
    return Plan([operation_pb2.Operation(qr_code=made), kept()], name="qrcode.png")
