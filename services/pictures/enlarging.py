"""From the requested size to the enlargements that reach it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from darkroom.operations.v1.placement_pb2 import FIT_CROP
from darkroom.operations.v1.resize_pb2 import Resize
from services.pictures.geometry import Size
from services.pictures.result_size import Fitting, fitting

_PASSES = {2: (2,), 3: (3,), 4: (4,), 6: (2, 3), 8: (2, 4)}
"""By factor. The smaller comes first, since a network takes time for each pixel that it is given."""
_ROUNDING = 0.02  # of a factor: sides are whole pixels


@dataclass(frozen=True, slots=True)
class Target:
    """How far a picture is enlarged for a resize."""

    part: Size
    """The part of the picture that is enlarged: with the fit CROP, only the kept part."""
    size: Size
    """The size that the network enlarges the part to; its own size if it is not enlarged."""
    fit: Fitting
    """The remaining resize."""


def target_of(resize: Resize, width: int, height: int, most: int) -> Target:
    """How far to enlarge a picture of this size for a resize: as far as it does, up to a factor of `most`, and never down."""
    part, fit = (width, height), fitting(resize, width, height)
    if resize.fit == FIT_CROP and fit.scaled_size[0] > width:
        shares = fit.result[0] / fit.scaled_size[0], fit.result[1] / fit.scaled_size[1]
        part = min(width, math.ceil(width * shares[0])), min(height, math.ceil(height * shares[1]))
        fit = fitting(Resize(width=fit.result[0], height=fit.result[1], fit=FIT_CROP), *part)
    scale = min(float(most), max(fit.scaled_size[0] / part[0], fit.scaled_size[1] / part[1]))
    size = part if scale <= 1 else (max(1, round(part[0] * scale)), max(1, round(part[1] * scale)))
    return Target(part, size, fit)


def passes(width: int, height: int, target_width: int, target_height: int) -> tuple[int, ...]:
    """Factors whose product enlarges a picture to at least the target; none for a target that is no larger than the picture.

    Raises ValueError for a target over eight times the size.
    """
    needed = max(target_width / width, target_height / height)
    if needed <= 1:
        return ()
    for factor, found in _PASSES.items():
        if needed <= factor + _ROUNDING:
            return found
    raise ValueError(f"{target_width} x {target_height} is more than 8 times {width} x {height}")
