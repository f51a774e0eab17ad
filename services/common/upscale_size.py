"""The size that an upscale gives a picture: asked for by factor, or in pixels."""

from __future__ import annotations

from darkroom.operations.v1.upscale_pb2 import Upscale
from services.common.errors import DarkroomError, ErrorReason

DEFAULT_FACTOR = 2
MOST = 8
"""Largest enlargement of a side."""
_DISTORTION = 0.01
"""By how much the two sides may be enlarged differently: what rounding to whole pixels brings, and what nobody sees."""


def result_size(parameters: Upscale, width: int, height: int) -> tuple[int, int]:
    """Width and height, in pixels, of the result for a picture of this size.

    Raises FIELD_INVALID, naming the field, for a size that would distort the picture or that is more than eight times its own.
    """
    if not (parameters.width or parameters.height or parameters.longest_side):
        factor = parameters.factor or DEFAULT_FACTOR
        return width * factor, height * factor
    wanted = _wanted(parameters, width, height)
    if max(wanted[0] / width, wanted[1] / height) > MOST + _DISTORTION:
        field = next(name for name in ("longest_side", "width", "height") if getattr(parameters, name))
        allowed = (f"at most {MOST * width} × {MOST * height} pixels",)
        message = f"{field}: {wanted[0]} × {wanted[1]} pixels are more than {MOST} times the picture's {width} × {height}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field, allowed=allowed)
    return wanted


def _wanted(parameters: Upscale, width: int, height: int) -> tuple[int, int]:
    across, down = parameters.width / width, parameters.height / height
    if parameters.longest_side:
        across = down = parameters.longest_side / max(width, height)
    elif parameters.width and parameters.height:
        if max(across, down) / min(across, down) > 1 + _DISTORTION:
            fitting = f"{parameters.width} × {_side(height * across)}", f"{_side(width * down)} × {parameters.height}"
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"height: {parameters.width} × {parameters.height} pixels would distort a picture of {width} × {height}. "
                f"Give one side only: {fitting[0]} or {fitting[1]} fit.",
                field="height",
                allowed=fitting,
            )
        return parameters.width, parameters.height
    across = down = across or down
    return _side(width * across), _side(height * down)


def _side(pixels: float) -> int:
    return max(1, round(pixels))
