"""The areas and sizes that crop, rotate, carve and border give a picture, in whole pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from darkroom.operations.v1.border_pb2 import Border
from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.platform.errors import DarkroomError, ErrorReason

Size = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a picture."""

    left: int
    top: int
    width: int
    height: int


def cropped_area(parameters: Crop, width: int, height: int) -> Area:
    """The part of a picture of this size that the crop keeps; with an aspect ratio, that part in the middle.

    Raises FIELD_INVALID, naming the field, for an area that goes past an edge.
    """
    if parameters.HasField("percent_area"):
        box = parameters.percent_area
        left, right = _span(box.x1, box.x2, width)
        top, bottom = _span(box.y1, box.y2, height)
        return Area(left, top, right - left, bottom - top)
    if parameters.HasField("area"):
        area = Area(parameters.area.left, parameters.area.top, parameters.area.width, parameters.area.height)
        return _within("area", area, width, height)
    if parameters.HasField("relative_area"):
        share = parameters.relative_area
        left, top = (_rounded(side * percent / 100) for side, percent in ((width, share.left), (height, share.top)))
        return _within("relative_area", Area(left, top, percent_of(width, share.width), percent_of(height, share.height)), width, height)
    across, down = (int(number) for number in parameters.aspect_ratio.split(":"))
    wide, high = (width, whole(width * down / across)) if width * down <= height * across else (whole(height * across / down), height)
    return Area((width - wide) // 2, (height - high) // 2, wide, high)


def rotated_size(parameters: Rotate, width: int, height: int) -> Size:
    """The size of a picture of this size once it is turned: of the box around it."""
    angle = parameters.angle % 360
    if angle % 90 == 0:
        return (height, width) if angle in (90, 270) else (width, height)
    across, down = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    return whole(width * across + height * down), whole(width * down + height * across)


def carving(parameters: CarveSeams, width: int, height: int) -> Size:
    """The size of a picture of this size once seams are taken out or put in."""
    if not parameters.square:
        return parameters.width or width, parameters.height or height
    side = min((each for each in (parameters.width, parameters.height) if each), default=min(width, height))
    return side, side


@dataclass(frozen=True, slots=True)
class Bordering:
    """A frame around a picture, and the canvas that it stands on."""

    frame: Size
    canvas: Size
    left: int
    """Columns of the canvas before the frame."""
    top: int
    """Rows of the canvas above it."""


def bordering(parameters: Border, width: int, height: int) -> Bordering:
    """The frame around a picture of this size, and the room for its shadow."""
    around = parameters.width + parameters.margin
    frame = width + 2 * around, height + 2 * around
    if not parameters.shadow:
        return Bordering(frame, frame, 0, 0)
    reach = math.ceil(2 * parameters.shadow_blur)
    left, right = max(0, reach - parameters.shadow_offset_x), max(0, reach + parameters.shadow_offset_x)
    top, bottom = max(0, reach - parameters.shadow_offset_y), max(0, reach + parameters.shadow_offset_y)
    return Bordering(frame, (frame[0] + left + right, frame[1] + top + bottom), left, top)


def _within(field: str, area: Area, width: int, height: int) -> Area:
    if area.left + area.width > width or area.top + area.height > height:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID,
            f"{field}: {area.width} × {area.height} pixels at {area.left}, {area.top} do not fit into a picture of {width} × {height}.",
            field=field,
            allowed=(f"an area within {width} × {height} pixels",),
        )
    return area


def percent_of(side: int, percent: float) -> int:
    """Pixels of a percentage of a side: at least one, or 0 for no percentage."""
    return max(1, _rounded(side * percent / 100)) if percent else 0


def _rounded(pixels: float) -> int:
    """To whole pixels, a half upwards."""
    return math.floor(pixels + 0.5)


def _span(start: float, end: float, side: int) -> tuple[int, int]:
    first, last = min(round(side * start / 100), side - 1), round(side * end / 100)
    return first, max(last, first + 1)


def whole(pixels: float) -> int:
    """The side in whole pixels: at least one."""
    return max(1, round(pixels))
