"""The size that an operation gives a picture, according to its protos: a fixed change, or one requested as a factor or in pixels."""

from __future__ import annotations

from google.protobuf.message import Message

from darkroom.operations.v1.options_pb2 import (
    PARAMETER_ROLE_FACTOR,
    PARAMETER_ROLE_HEIGHT,
    PARAMETER_ROLE_LONGEST_SIDE,
    PARAMETER_ROLE_WIDTH,
)
from services.common.errors import DarkroomError, ErrorReason
from services.common.operations import OperationSpec, spec_of_parameters

_DISTORTION = 0.01
"""How much the enlargement of the two sides may differ: enough for rounding to whole pixels, too little to be seen."""
_SIZES = (PARAMETER_ROLE_LONGEST_SIDE, PARAMETER_ROLE_WIDTH, PARAMETER_ROLE_HEIGHT)


def result_size(parameters: Message, width: int, height: int) -> tuple[int, int]:
    """Width and height, in pixels, of the result that an operation with these parameters makes of a picture of this size, before trimming.

    Raises FIELD_INVALID, naming the field, for a size that would distort the picture or enlarge it by more than the operation can.
    """
    spec = spec_of_parameters(parameters)
    change = spec.size_change
    if change is None:
        return width, height
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
