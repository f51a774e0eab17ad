"""The size that an operation gives a picture: that of its layout, or, according to its proto, a fixed change, a factor or pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from darkroom.operations.v1.border_pb2 import Border
from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.options_pb2 import (
    PARAMETER_ROLE_FACTOR,
    PARAMETER_ROLE_HEIGHT,
    PARAMETER_ROLE_LONGEST_SIDE,
    PARAMETER_ROLE_RESIZE,
    PARAMETER_ROLE_WIDTH,
)
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.passport_photo_pb2 import PassportPhoto
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_COVER, FIT_CROP, FIT_FILL
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from darkroom.operations.v1.smart_crop_pb2 import SmartCrop
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.pictures.geometry import Size, bordering, carving, cropped_area, percent_of, rotated_size, whole
from services.pictures.operations import OperationSpec, spec_of_parameters
from services.pictures.passport_photos import COUNTRIES, USUAL_DPI, CountryPhoto, photo_for, pixels
from services.platform.errors import DarkroomError, ErrorReason

_DISTORTION = 0.01
"""How much the enlargement of the two sides may differ: enough for rounding to whole pixels, too little to be seen."""
_SIZES = (PARAMETER_ROLE_LONGEST_SIDE, PARAMETER_ROLE_WIDTH, PARAMETER_ROLE_HEIGHT)

_Sizing = Callable[[Any, int, int], Size]


@dataclass(frozen=True, slots=True)
class Fitting:
    """The effect of a resize on a picture."""

    scaled_size: Size
    """The size that the whole picture is scaled to."""
    result: Size
    """The part of it that is kept, or the canvas that it is placed on."""


def fitting(parameters: Resize, width: int, height: int) -> Fitting:
    """The effect of the resize on a picture of this size."""
    wide = parameters.width or percent_of(width, parameters.width_percent)
    high = parameters.height or percent_of(height, parameters.height_percent)
    if not wide and not high:
        return Fitting((width, height), (width, height))
    if parameters.box_within_picture:
        wide, high = min(wide, width), min(high, height)
    if parameters.fit == FIT_CROP:
        return _cropped(wide or width, high or height, width, height, enlarge=not parameters.without_enlargement)
    if not wide or not high:
        scale = wide / width if wide else high / height
        wide, high = wide or whole(width * scale), high or whole(height * scale)
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
    for field, border, side in (("horizontal", parameters.horizontal, width), ("vertical", parameters.vertical, height)):
        if 2 * border >= side and border:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: a border of {border} pixels covers the whole of a {width} × {height} picture that keeps its size.",
                field=field,
                allowed=(f"at most {(side - 1) // 2} pixels",),
            )
    free = max(1, width - 2 * across), max(1, height - 2 * down)
    inner = _scaled(*free, width, height, covers=False, enlarge=False)
    return Padding(inner, (width, height), (width - inner[0]) // 2, (height - inner[1]) // 2)


def _after_crop(parameters: Crop, width: int, height: int) -> Size:
    area = cropped_area(parameters, width, height)
    return area.width, area.height


def _after_trim(parameters: TrimEdges, width: int, height: int) -> Size:
    side = parameters.side or (max(width, height) if parameters.square else 0)
    return (side, side) if side else (width, height)


def demanded_photo(parameters: PassportPhoto) -> CountryPhoto:
    """The requirements on the photo. Raises FIELD_INVALID for an unknown country without a size."""
    photo = photo_for(parameters.country_code, parameters.width_mm, parameters.height_mm)
    if photo is None:
        message = f"country_code: there is no country {parameters.country_code} here, and no width_mm is given instead."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="country_code", allowed=sorted(COUNTRIES))
    return photo


def _of_passport_photo(parameters: PassportPhoto, _width: int, _height: int) -> Size:
    photo, dpi = demanded_photo(parameters), parameters.dpi or USUAL_DPI
    return pixels(photo.width_mm, dpi), pixels(photo.height_mm, dpi)


_LAID_OUT: Mapping[str, _Sizing] = {
    Resize.DESCRIPTOR.full_name: lambda parameters, width, height: fitting(parameters, width, height).result,
    Crop.DESCRIPTOR.full_name: _after_crop,
    Pad.DESCRIPTOR.full_name: lambda parameters, width, height: padding(parameters, width, height).result,
    Rotate.DESCRIPTOR.full_name: rotated_size,
    Border.DESCRIPTOR.full_name: lambda parameters, width, height: bordering(parameters, width, height).canvas,
    SmartCrop.DESCRIPTOR.full_name: lambda parameters, width, height: (parameters.width, parameters.height),
    TrimEdges.DESCRIPTOR.full_name: _after_trim,
    CarveSeams.DESCRIPTOR.full_name: carving,
    PassportPhoto.DESCRIPTOR.full_name: _of_passport_photo,
}
"""Operations that lay a picture out again."""


def result_size(parameters: Message, width: int, height: int) -> Size:
    """Width and height, in pixels, of the result that an operation with these parameters makes of a picture of this size, before trimming.

    Raises FIELD_INVALID, naming the field, for a size that would distort the picture or enlarge it by more than the operation can, and for
    an area or a border that the picture has no room for.
    """
    laid_out = _LAID_OUT.get(parameters.DESCRIPTOR.full_name)
    if laid_out is not None:
        return laid_out(parameters, width, height)
    spec = spec_of_parameters(parameters)
    change = spec.size_change
    if change is None:
        return width, height
    if (resize := resize_in(parameters)) is not None:
        return fitting(resize, width, height).result
    if not is_sized_in_pixels(parameters):
        factor = spec.number(parameters, PARAMETER_ROLE_FACTOR) or change.default_factor
        return width * factor, height * factor
    result = _size_in_pixels(spec, parameters, width, height)
    most = change.max_factor
    if max(result[0] / width, result[1] / height) > most + _DISTORTION:
        field = next(spec.roles[role] for role in _SIZES if spec.number(parameters, role))
        allowed = (f"at most {most * width} × {most * height} pixels",)
        message = f"{field}: {result[0]} × {result[1]} pixels are more than {most} times the picture's {width} × {height}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field, allowed=allowed)
    return result


def changes_size(parameters: Message) -> bool:
    """Whether the operation with these parameters is one that gives pictures another size, before trimming."""
    return parameters.DESCRIPTOR.full_name in _LAID_OUT or spec_of_parameters(parameters).size_change is not None


def resize_in(parameters: Message) -> Resize | None:
    """The resize that the operation enlarges the picture for; None if there is none."""
    field = spec_of_parameters(parameters).roles.get(PARAMETER_ROLE_RESIZE)
    return getattr(parameters, field) if field is not None and parameters.HasField(field) else None


def resolve_percentages(parameters: Message, original: Size) -> Message:
    """The parameters with percentages of the task's input, which has this size, as pixels; the very same where there are none."""
    if isinstance(parameters, Resize):
        return _percentages_in_pixels(parameters, *original) if parameters.percent_of_input else parameters
    resize = resize_in(parameters)
    if resize is None or not resize.percent_of_input:
        return parameters
    own = type(parameters)()
    own.CopyFrom(parameters)
    getattr(own, spec_of_parameters(parameters).roles[PARAMETER_ROLE_RESIZE]).CopyFrom(_percentages_in_pixels(resize, *original))
    return own


def size_of_any(parameters: Message) -> Size | None:
    """The size of the result if it is the same for every picture, else None."""
    resize = parameters if isinstance(parameters, Resize) else resize_in(parameters)
    return None if resize is None else fixed_size(resize)


def fixed_size(parameters: Resize) -> Size | None:
    """The size of the result if it is the same for every picture, else None."""
    exact = parameters.fit in (FIT_CROP, FIT_CANVAS, FIT_FILL) and parameters.width and parameters.height
    shrinks_only = parameters.box_within_picture or (parameters.without_enlargement and parameters.fit != FIT_CANVAS)
    return (parameters.width, parameters.height) if exact and not shrinks_only else None


def _percentages_in_pixels(parameters: Resize, width: int, height: int) -> Resize:
    """The same resize with its percentages as pixels, for a picture of this size."""
    own = Resize()
    own.CopyFrom(parameters)
    own.width = parameters.width or percent_of(width, parameters.width_percent)
    own.height = parameters.height or percent_of(height, parameters.height_percent)
    own.width_percent = own.height_percent = 0
    own.percent_of_input = False
    return own


def is_sized_in_pixels(parameters: Message) -> bool:
    """Whether the parameters name the size of the result in pixels, not by a factor."""
    spec = spec_of_parameters(parameters)
    return any(spec.number(parameters, role) for role in _SIZES)


def _size_in_pixels(spec: OperationSpec, parameters: Message, width: int, height: int) -> Size:
    longest, wide, high = (spec.number(parameters, role) for role in _SIZES)
    across, down = wide / width, high / height
    if longest:
        across = down = longest / max(width, height)
    elif wide and high:
        if max(across, down) / min(across, down) > 1 + _DISTORTION:
            field = spec.roles[PARAMETER_ROLE_HEIGHT]
            fits = f"{wide} × {whole(height * across)}", f"{whole(width * down)} × {high}"
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: {wide} × {high} pixels would distort a picture of {width} × {height}. "
                f"Give one side only: {fits[0]} or {fits[1]} fit.",
                field=field,
                allowed=fits,
            )
        return wide, high
    across = down = across or down
    return whole(width * across), whole(height * down)


def _cropped(wide: int, high: int, width: int, height: int, *, enlarge: bool) -> Fitting:
    if not enlarge:
        wide, high = min(wide, width), min(high, height)
    return Fitting(_scaled(wide, high, width, height, covers=True, enlarge=enlarge), (wide, high))


def _scaled(wide: int, high: int, width: int, height: int, *, covers: bool, enlarge: bool) -> Size:
    """The size of a picture scaled to cover a box, or else to fit inside it: exact on one side, and rounded on the other."""
    across, down = wide / width, high / height
    by_width = (across >= down) == covers
    size = (wide, whole(height * across)) if by_width else (whole(width * down), high)
    if not enlarge and max(size[0] / width, size[1] / height) > 1:
        return width, height
    return (max(size[0], wide), max(size[1], high)) if covers else (min(size[0], wide), min(size[1], high))
