"""How much memory an input will take, estimated before any of it is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from services.inference.contract.memory import copies_of_samples
from services.inference.media import Header, Limits
from services.inference.pipeline.registry import BoundOperation
from services.pictures.media_format import MediaFormat, kept_format
from services.pictures.result_size import resolve_percentages, result_size
from services.platform.errors import DarkroomError

_COSTLY = (MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.HEIC, MediaFormat.HEIF)
_COPIES_OF_ENCODING = 5
"""Copies of the samples where the result has the input's format: the picture, what the format can hold, and its encoder's state."""
ALWAYS = 256 << 20
"""Bytes for what does not depend on the size: the decoding child, a row of tiles, edges at the model's size, encoders."""
_COPIES_OF_AUXILIARY = 2
"""The samples, and a second copy when they are taken without alpha from an array that has it. Derived data have the input's size."""


def needed_memory(picture: Header, operations: Sequence[BoundOperation], auxiliaries: Sequence[Header], results: Limits) -> int:
    """Most bytes that the operations will need, including the picture and their auxiliary pictures; those up to one that will refuse the
    size of what it gets, or of what it would make.

    Raises FIELD_INVALID as `result_size` if that is the first one.
    """
    if operations:
        # Networks and edge solving get a gray picture with its samples tripled, as does compositing with a coloured one.
        picture = dataclasses.replace(picture, channels=max(3, picture.channels))
    beside = _COPIES_OF_AUXILIARY * max((each.samples_bytes for each in auxiliaries), default=0)
    most = picture.samples_bytes
    in_format = kept_format(picture.format)
    original = picture.width, picture.height
    for number, operation in enumerate(operations):
        parameters = resolve_percentages(operation.parameters, original)
        try:
            width, height = result_size(parameters, picture.width, picture.height)
            if number:
                results.check(width, height)
        except DarkroomError:
            if not number:
                raise
            break
        most = max(most, operation.declared_memory(picture, parameters))
        picture = dataclasses.replace(picture, width=width, height=height)
    if operations and in_format in _COSTLY:
        most = max(most, copies_of_samples(picture, _COPIES_OF_ENCODING, _COPIES_OF_ENCODING))
    return ALWAYS + most + beside
