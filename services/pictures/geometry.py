"""The sizes and areas that resize, crop, pad, rotate and border give a picture, in whole pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from darkroom.operations.v1.border_pb2 import Border
from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_COVER, FIT_CROP, FIT_FILL
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.platform.errors import DarkroomError, ErrorReason

Size = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """The effect of a resize on a picture."""

    scaled_size: Size
    """The size that the whole picture is scaled to."""
    result: Size
    """The part of it that is kept, or the canvas that it is placed on."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a picture."""

    left: int
    top: int
    width: int
    height: int


def fitting(parameters: Resize, width: int, height: int) -> Fitting:
    """The effect of the resize on a picture of this size."""
    wide = parameters.width or _share(width, parameters.width_percent)
    high = parameters.height or _share(height, parameters.height_percent)
    if not wide and not high:
        return Fitting((width, height), (width, height))
    if parameters.box_within_picture:
        wide, high = min(wide, width), min(high, height)
    if parameters.fit == FIT_CROP:
        return _cropped(wide or width, high or height, width, height, enlarge=not parameters.without_enlargement)
    if not wide or not high:
        scale = wide / width if wide else high / height
        wide, high = wide or _side(width * scale), high or _side(height * scale)
        if parameters.without_enlargement and scale > 1 and parameters.fit != FIT_CANVAS:
            wide, high = width, height
        scaled = (width, height) if parameters.without_enlargement and scale > 1 else (wide, high)
        return Fitting(scaled, (wide, high))
    if parameters.fit == FIT_FILL:
        if parameters.without_enlargement:
            wide, high = min(wide, width), min(high, height)
        return Fitting((wide, high), (wide, high))
    covers = parameters.fit == FIT_COVER
    scaled = _scaled(wide, high, width, height, covers=covers, enlarge=not parameters.without_enlargement)
    return Fitting(scaled, (wide, high) if parameters.fit == FIT_CANVAS else scaled)


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
        return _within("relative_area", Area(left, top, _share(width, share.width), _share(height, share.height)), width, height)
    across, down = (int(number) for number in parameters.aspect_ratio.split(":"))
    wide, high = (width, _side(width * down / across)) if width * down <= height * across else (_side(height * across / down), height)
    return Area((width - wide) // 2, (height - high) // 2, wide, high)


def rotated_size(parameters: Rotate, width: int, height: int) -> Size:
    """The size of a picture of this size once it is turned: of the box around it."""
    angle = parameters.angle % 360
    if angle % 90 == 0:
        return (height, width) if angle in (90, 270) else (width, height)
    across, down = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    return _side(width * across + height * down), _side(width * down + height * across)


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


@dataclass(frozen=True, slots=True)
class Padding:
    """A border around a picture."""

    inner: Size
    """The size that the picture is scaled to."""
    result: Size
    left: int
    """Columns before it."""
    top: int
    """Rows above it."""


def padding(parameters: Pad, width: int, height: int) -> Padding:
    """The border around a picture of this size. Raises FIELD_INVALID, naming the field, where no pixel of the picture would be left."""
    across = parameters.horizontal or round(width * parameters.horizontal_percent / 100)
    down = parameters.vertical or round(height * parameters.vertical_percent / 100)
    if not parameters.keep_size:
        return Padding((width, height), (width + 2 * across, height + 2 * down), across, down)
    for field, pixels, side in (("horizontal", parameters.horizontal, width), ("vertical", parameters.vertical, height)):
        if 2 * pixels >= side and pixels:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: a border of {pixels} pixels covers the whole of a {width} × {height} picture that keeps its size.",
                field=field,
                allowed=(f"at most {(side - 1) // 2} pixels",),
            )
    free = max(1, width - 2 * across), max(1, height - 2 * down)
    inner = _scaled(*free, width, height, covers=False, enlarge=False)
    return Padding(inner, (width, height), (width - inner[0]) // 2, (height - inner[1]) // 2)


def in_pixels(parameters: Resize, width: int, height: int) -> Resize:
    """The same resize with its percentages as pixels, for a picture of this size."""
    own = Resize()
    own.CopyFrom(parameters)
    own.width = parameters.width or _share(width, parameters.width_percent)
    own.height = parameters.height or _share(height, parameters.height_percent)
    own.width_percent = own.height_percent = 0
    own.percent_of_input = False
    return own


def fixed_size(parameters: Resize) -> Size | None:
    """The size of the result if it is the same for every picture, else None."""
    exact = parameters.fit in (FIT_CROP, FIT_CANVAS, FIT_FILL) and parameters.width and parameters.height
    shrinks_only = parameters.box_within_picture or (parameters.without_enlargement and parameters.fit != FIT_CANVAS)
    return (parameters.width, parameters.height) if exact and not shrinks_only else None


def _cropped(wide: int, high: int, width: int, height: int, *, enlarge: bool) -> Fitting:
    if not enlarge:
        wide, high = min(wide, width), min(high, height)
    return Fitting(_scaled(wide, high, width, height, covers=True, enlarge=enlarge), (wide, high))


def _scaled(wide: int, high: int, width: int, height: int, *, covers: bool, enlarge: bool) -> Size:
    """The size of a picture scaled to cover a box, or else to fit inside it: exact on one side, and rounded on the other."""
    across, down = wide / width, high / height
    by_width = (across >= down) == covers
    size = (wide, _side(height * across)) if by_width else (_side(width * down), high)
    if not enlarge and max(size[0] / width, size[1] / height) > 1:
        return width, height
    return (max(size[0], wide), max(size[1], high)) if covers else (min(size[0], wide), min(size[1], high))


def _within(field: str, area: Area, width: int, height: int) -> Area:
    if area.left + area.width > width or area.top + area.height > height:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID,
            f"{field}: {area.width} × {area.height} pixels at {area.left}, {area.top} do not fit into a picture of {width} × {height}.",
            field=field,
            allowed=(f"an area within {width} × {height} pixels",),
        )
    return area


def _share(side: int, percent: float) -> int:
    return max(1, _rounded(side * percent / 100)) if percent else 0


def _rounded(pixels: float) -> int:
    """To whole pixels, a half upwards."""
    return math.floor(pixels + 0.5)


def _span(start: float, end: float, side: int) -> tuple[int, int]:
    first, last = min(round(side * start / 100), side - 1), round(side * end / 100)
    return first, max(last, first + 1)


def _side(pixels: float) -> int:
    return max(1, round(pixels))
