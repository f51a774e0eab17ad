"""Tools that change a picture's size, edges and direction."""

from __future__ import annotations

import math
from collections.abc import Mapping

from compat.snapotter.v1.shape_tools_pb2 import BorderSettings, CropSettings, ResizeSettings, RotateSettings
from darkroom.operations.v1.border_pb2 import Border
from darkroom.operations.v1.crop_pb2 import Crop, PixelArea, RelativeArea
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS, FIT_CANVAS, FIT_COVER, FIT_CROP, FIT_FILL, Fit
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.writing import keep_format, round_half_up

_FITS: Mapping[str, Fit.ValueType] = {
    "contain": FIT_CANVAS,
    "cover": FIT_CROP,
    "fill": FIT_FILL,
    "inside": FIT_BOUNDS,
    "outside": FIT_COVER,
}
_BLACK = "#000000"
_LARGEST_PERCENTAGE = 1e6
"""More makes a picture of any size larger than results may be."""
_FARTHEST = 1_000_000
"""Beyond the edge of any picture, as what is farther is."""
_BOTH = "both"
_INVISIBLE = 1e-6
"""Per cent of opacity that show nothing."""


def _resize(settings: ResizeSettings, _name: str) -> Plan:
    """A percentage counts before a box."""
    if settings.HasField("percentage"):
        percentage = min(settings.percentage, _LARGEST_PERCENTAGE)
        resize = Resize(width_percent=percentage, height_percent=percentage, fit=FIT_FILL)
    else:
        # With one side, the picture keeps its ratio, whatever the fit.
        fit = _FITS[settings.fit] if settings.width and settings.height else FIT_BOUNDS
        resize = Resize(width=settings.width, height=settings.height, fit=fit, background=_BLACK)
    resize.box_within_picture = settings.without_enlargement
    return Plan([Operation(resize=resize), keep_format()])


def _crop(settings: CropSettings, _name: str) -> Plan:
    """Numbers count before an aspect ratio."""
    left, top, width, height = settings.left, settings.top, settings.width, settings.height
    if not (settings.HasField("width") and settings.HasField("height")):
        crop = Crop(aspect_ratio=settings.aspect_ratio)
    elif settings.unit == "percent":
        left, top, width, height = (min(number, _FARTHEST) for number in (left, top, width, height))
        crop = Crop(relative_area=RelativeArea(left=left, top=top, width=width, height=height))
    else:
        corner = {"left": _pixels(left), "top": _pixels(top)}
        crop = Crop(area=PixelArea(**corner, width=max(1, _pixels(width)), height=max(1, _pixels(height))))
    return Plan([Operation(crop=crop), keep_format()])


def _pixels(number: float) -> int:
    return round_half_up(min(number, _FARTHEST))


def _rotate(settings: RotateSettings, _name: str) -> Plan:
    rotate = Rotate(
        angle=math.fmod(settings.angle, 360),
        mirror_horizontally=settings.horizontal or settings.flip in ("horizontal", _BOTH),
        mirror_vertically=settings.vertical or settings.flip in ("vertical", _BOTH),
        background=settings.background,
    )
    return Plan([Operation(rotate=rotate), keep_format()])


def _border(settings: BorderSettings, _name: str) -> Plan:
    """The short names of a setting count before its long one."""
    border = Border(
        width=round_half_up(settings.width if settings.HasField("width") else settings.border_width),
        color=settings.color or settings.border_color,
        margin=round_half_up(settings.padding),
        margin_color=settings.padding_color,
        corner_radius=round_half_up(settings.border_radius if settings.HasField("border_radius") else settings.corner_radius),
    )
    if settings.shadow:
        border.shadow = True
        border.shadow_blur = settings.shadow_blur
        border.shadow_offset_x = round_half_up(settings.shadow_offset_x)
        border.shadow_offset_y = round_half_up(settings.shadow_offset_y)
        border.shadow_color = settings.shadow_color
        border.shadow_opacity = max(settings.shadow_opacity, _INVISIBLE)
    return Plan([Operation(border=border), keep_format()], may_become_png=border.shadow or border.corner_radius > 0)


RESIZE = Tool("resize", ResizeSettings, _resize, pipeline=True)
CROP = Tool("crop", CropSettings, _crop, pipeline=True)
ROTATE = Tool("rotate", RotateSettings, _rotate, pipeline=True)
BORDER = Tool("border", BorderSettings, _border, pipeline=True)
