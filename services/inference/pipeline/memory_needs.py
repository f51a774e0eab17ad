"""How much memory work on an input will take, told before any of it is decoded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from services.common.upscale_size import result_size
from services.inference.media import Header
from services.inference.pipeline.registry import Bound
from services.inference.upscaling.sizing import passes

ALWAYS = 256 << 20
"""Bytes for what does not depend on the size: the child that decodes, a row of tiles, edges at the size of the model, encoders."""
_TIMES = 8
_TIMES_WIDE = 12
"""Copies of the decoded samples, of 8 and of 16 bits, that an operation has at its peak, its result included.

Measured by `python -m benchmarks --only needs`, together with what does not depend on the size: 386 MiB for a cut-out of 24 megapixels
(69 MiB of samples) and 426 MiB for a gray one; 474 MiB for a cut-out of 12 megapixels of 16 bits with alpha (92 MiB).
"""
_TIMES_WATERMARK = 10
"""As above: 561 MiB for 12 megapixels (34 MiB of samples) under a mark that is repeated every 1,400 pixels; 311 MiB for one watermark."""
_TIMES_UPSCALE = 4
"""Copies of what the network is given; by 8, of what it has enlarged by 2.

As above: 441 MiB for 25 megapixels (72 MiB of samples) that become 100, 368 MiB for 1.6 that become 100 as well, 527 MiB for 12 of 16 bits
with alpha. The result is in files, and counts while it is mapped.
"""
_STRIP = 70 * 4 * 6
"""Bytes for each sample of a row of the result and each time that the last network enlarges: rows of a strip in which detail is given back,
as 32-bit numbers, and the copies of it that there are."""

_TIMES_AUXILIARY = 2
"""The samples, and once more where they come without alpha from an array that has it. What is made of them has the size of the input."""


def needed_memory(picture: Header, operations: Sequence[Bound], auxiliaries: Sequence[Header]) -> int:
    """Bytes that the operations will take together with the picture and those that they need beside it, at most.

    Raises FIELD_INVALID as `result_size`.
    """
    if operations:
        # What networks and edges see of a gray picture has its samples thrice, and so has a gray picture with a coloured one.
        picture = dataclasses.replace(picture, channels=max(3, picture.channels))
    beside = _TIMES_AUXILIARY * max((each.samples_bytes for each in auxiliaries), default=0)
    most = picture.samples_bytes
    for operation in operations:
        if operation.spec.name == "upscale":
            width, height = result_size(operation.parameters, picture.width, picture.height)  # type: ignore[arg-type]
            most = max(most, _for_upscale(picture, passes(picture.width, picture.height, width, height)))
            picture = dataclasses.replace(picture, width=width, height=height)
        else:
            times = _TIMES_WATERMARK if operation.spec.name == "remove_watermark" else _TIMES
            most = max(most, picture.samples_bytes * (_TIMES_WIDE if picture.wide else times))
    return ALWAYS + most + beside


def _for_upscale(picture: Header, factors: Sequence[int]) -> int:
    *earlier, last = factors or (1,)
    given = math.prod(earlier)
    row = picture.width * given * last * picture.channels
    return picture.samples_bytes * given**2 * _TIMES_UPSCALE + row * last * _STRIP
