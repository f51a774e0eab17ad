"""The size that an operation gives a picture, according to its protos: a fixed change, or one requested as a factor or in pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from darkroom.operations.v1.smart_crop_pb2 import SmartCrop
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.pictures.geometry import bordering, carving, cropped_area, fitting, fixed_size, in_pixels, padding, rotated_size
from services.pictures.operations import OperationSpec, spec_of_parameters
from services.pictures.passport_photos import COUNTRIES, USUAL_DPI, CountryPhoto, photo_for, pixels
from services.platform.errors import DarkroomError, ErrorReason

_DISTORTION = 0.01
"""How much the enlargement of the two sides may differ: enough for rounding to whole pixels, too little to be seen."""
_SIZES = (PARAMETER_ROLE_LONGEST_SIDE, PARAMETER_ROLE_WIDTH, PARAMETER_ROLE_HEIGHT)

_Sizing = Callable[[Any, int, int], tuple[int, int]]


def _after_crop(parameters: Crop, width: int, height: int) -> tuple[int, int]:
    area = cropped_area(parameters, width, height)
    return area.width, area.height


def _after_trim(parameters: TrimEdges, width: int, height: int) -> tuple[int, int]:
    side = parameters.side or (max(width, height) if parameters.square else 0)
    return (side, side) if side else (width, height)


def demanded_photo(parameters: PassportPhoto) -> CountryPhoto:
    """The requirements on the photo. Raises FIELD_INVALID for an unknown country without a size."""
    photo = photo_for(parameters.country_code, parameters.width_mm, parameters.height_mm)
    if photo is None:
        message = f"country_code: there is no country {parameters.country_code} here, and no width_mm is given instead."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="country_code", allowed=sorted(COUNTRIES))
    return photo


def _of_passport_photo(parameters: PassportPhoto, _width: int, _height: int) -> tuple[int, int]:
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


def result_size(parameters: Message, width: int, height: int) -> tuple[int, int]:
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
    result = _in_pixels(spec, parameters, width, height)
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


def resolve_percentages(parameters: Message, original: tuple[int, int]) -> Message:
    """The parameters with percentages of the task's input, which has this size, as pixels; the very same where there are none."""
    if isinstance(parameters, Resize):
        return in_pixels(parameters, *original) if parameters.percent_of_input else parameters
    resize = resize_in(parameters)
    if resize is None or not resize.percent_of_input:
        return parameters
    own = type(parameters)()
    own.CopyFrom(parameters)
    getattr(own, spec_of_parameters(parameters).roles[PARAMETER_ROLE_RESIZE]).CopyFrom(in_pixels(resize, *original))
    return own


def size_of_any(parameters: Message) -> tuple[int, int] | None:
    """The size of the result if it is the same for every picture, else None."""
    resize = parameters if isinstance(parameters, Resize) else resize_in(parameters)
    return None if resize is None else fixed_size(resize)


def is_sized_in_pixels(parameters: Message) -> bool:
    """Whether the parameters name the size of the result in pixels, not by a factor."""
    spec = spec_of_parameters(parameters)
    return any(spec.number(parameters, role) for role in _SIZES)


def _in_pixels(spec: OperationSpec, parameters: Message, width: int, height: int) -> tuple[int, int]:
    longest, wide, high = (spec.number(parameters, role) for role in _SIZES)
    across, down = wide / width, high / height
    if longest:
        across = down = longest / max(width, height)
    elif wide and high:
        if max(across, down) / min(across, down) > 1 + _DISTORTION:
            field = spec.roles[PARAMETER_ROLE_HEIGHT]
            fitting = f"{wide} × {_side(height * across)}", f"{_side(width * down)} × {high}"
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: {wide} × {high} pixels would distort a picture of {width} × {height}. "
                f"Give one side only: {fitting[0]} or {fitting[1]} fit.",
                field=field,
                allowed=fitting,
            )
        return wide, high
    across = down = across or down
    return _side(width * across), _side(height * down)


def _side(pixels: float) -> int:
    return max(1, round(pixels))
