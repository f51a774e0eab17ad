"""`stitch`: pictures in a row, a column or a grid."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.montage_tools_pb2 import StitchSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.stitch_pb2 import (
    STITCH_ALIGNMENT_CENTER,
    STITCH_ALIGNMENT_END,
    STITCH_ALIGNMENT_START,
    STITCH_DIRECTION_GRID,
    STITCH_DIRECTION_HORIZONTAL,
    STITCH_DIRECTION_VERTICAL,
    STITCH_SIZING_CROP,
    STITCH_SIZING_FIT,
    STITCH_SIZING_ORIGINAL,
    STITCH_SIZING_STRETCH,
    Stitch,
    StitchAlignment,
    StitchDirection,
    StitchSizing,
)
from services.gateway.surfaces.snapotter.tools._montages import written
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = StitchSettings
_DIRECTIONS: Mapping[str, StitchDirection.ValueType] = {
    "horizontal": STITCH_DIRECTION_HORIZONTAL,
    "vertical": STITCH_DIRECTION_VERTICAL,
    "grid": STITCH_DIRECTION_GRID,
}
_SIZINGS: Mapping[str, StitchSizing.ValueType] = {
    "fit": STITCH_SIZING_FIT,
    "original": STITCH_SIZING_ORIGINAL,
    "stretch": STITCH_SIZING_STRETCH,
    "crop": STITCH_SIZING_CROP,
}
_ALIGNMENTS: Mapping[str, StitchAlignment.ValueType] = {
    "start": STITCH_ALIGNMENT_START,
    "center": STITCH_ALIGNMENT_CENTER,
    "end": STITCH_ALIGNMENT_END,
}


def plan(settings: StitchSettings, _name: str) -> Plan:
    """The operations."""
    stitch = Stitch(
        direction=_DIRECTIONS[settings.direction],
        columns=settings.grid_columns,
        sizing=_SIZINGS[settings.resize_mode],
        alignment=_ALIGNMENTS[settings.alignment],
        gap=rounded(settings.gap),
        border=rounded(settings.border),
        corner_radius=rounded(settings.corner_radius),
        background=settings.background_color,
    )
    operations = [operation_pb2.Operation(stitch=stitch), written(settings.format, settings.quality)]
    return Plan(operations, name=f"stitch.{settings.format}")
