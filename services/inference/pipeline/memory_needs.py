"""How much memory an input will take, estimated before any of it is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from services.common.result_size import result_size
from services.inference.media import Header
from services.inference.pipeline.registry import Bound

ALWAYS = 256 << 20
"""Bytes for what does not depend on the size: the child that decodes, a row of tiles, edges at the size of the model, encoders."""
_COPIES_OF_AUXILIARY = 2
"""The samples, and once more where they come without alpha from an array that has it. What is made of them has the size of the input."""


def needed_memory(picture: Header, operations: Sequence[Bound], auxiliaries: Sequence[Header]) -> int:
    """Bytes that the operations will take at most, together with the picture and those that they need beside it.

    Raises FIELD_INVALID as `result_size`.
    """
    if operations:
        # What networks and edges see of a gray picture has its samples thrice, and so has a gray picture with a coloured one.
        picture = dataclasses.replace(picture, channels=max(3, picture.channels))
    beside = _COPIES_OF_AUXILIARY * max((each.samples_bytes for each in auxiliaries), default=0)
    most = picture.samples_bytes
    for operation in operations:
        most = max(most, operation.peak_memory(picture))
        width, height = result_size(operation.parameters, picture.width, picture.height)
        picture = dataclasses.replace(picture, width=width, height=height)
    return ALWAYS + most + beside
