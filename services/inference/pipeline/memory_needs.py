"""How much memory an input will take, estimated before any of it is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from darkroom.operations.v1.convert_pb2 import Convert
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Tools
from services.inference.media import Header, Limits
from services.inference.moving.model import Facts
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run
from services.pictures.media_format import MediaFormat, kept_format
from services.pictures.operations import Arity
from services.pictures.result_size import resolve_percentages, result_size
from services.platform.errors import DarkroomError

_COSTLY = (MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.HEIC, MediaFormat.HEIF)
_COPIES_OF_ENCODING = 5
"""Copies of the samples where the result has the input's format: the picture, what the format can hold, and its encoder's state."""
ALWAYS = 256 << 20
"""Bytes for what does not depend on the size: the decoding child, a row of tiles, edges at the model's size, encoders."""
_IN_FLIGHT, _SAMPLES = 6, 4
"""Frames between what reads and what writes, besides those that are worked on, and bytes of a pixel."""
_CHILDREN = 512 << 20
_READER, _WRITER = 48, 200
"""Bytes of the children that read and write frames: of both, and for a pixel of a frame that each of them holds. A decoder keeps up to 16
frames, of 1.5 bytes a pixel, and an encoder looks ahead at 40 to 60."""
_COPIES_OF_AUXILIARY = 2
"""The samples, and a second copy when they are taken without alpha from an array that has it. Derived data have the input's size."""


def needed_memory(picture: Header, operations: Sequence[BoundOperation], auxiliaries: Sequence[Header], results: Limits) -> int:
    """Most bytes that the operations will need, including the picture and their auxiliary pictures; those up to one that will refuse the
    size of what it gets, or of what it would make.

    Raises FIELD_INVALID as `result_size` if that is the first one.
    """
    most, _ = _most_and_result(picture, operations, results)
    beside = _COPIES_OF_AUXILIARY * max((each.samples_bytes for each in auxiliaries), default=0)
    return ALWAYS + most + beside


def memory_of_run(run: Run, operations: Sequence[BoundOperation], auxiliaries: Sequence[Header], tools: Tools) -> int:
    """Bytes at the peak of a run; 0 for nothing worth counting. For a document: the limit of its process, or all memory. Raises as
    `needed_memory`."""
    if not operations:
        return 0
    if not run.sources:
        needed = operations[0].peak_memory(None)
        return ALWAYS + needed if needed else 0
    if operations[0].spec.arity is Arity.ALL:
        return ALWAYS + operations[0].peak_memory(run.headers)
    if not run.headers:
        return min(tools.documents.memory_bytes, tools.memory.total)
    return max(needed_memory(each, operations, auxiliaries, tools.result_limits) for each in run.headers)


def memory_of_frames(
    frames: Facts, operations: Sequence[BoundOperation], auxiliaries: Sequence[Header], results: Limits, at_once: int
) -> int:
    """Most bytes that the operations on an animation or a video will need, with so many frames worked on at once, and the children that
    read and write it. It does not depend on the number of frames. Raises as `needed_memory`."""
    picture = Header(frames.format, frames.width, frames.height, _SAMPLES, wide=False)
    most, result = _most_and_result(picture, operations, results)
    # Operations on all frames together do not wait for those on each.
    together = sum(operation.over_frames is not None for operation in operations)
    alone = any(operation.over_frames is None and not isinstance(operation.parameters, Convert) for operation in operations)
    worked_on = at_once * max(1, together + alone)
    sizes = [each.samples_bytes for each in auxiliaries]
    # Each auxiliary picture stays, and each frame derives something from one.
    beside = sum(sizes) + worked_on * max(sizes, default=0)
    pixels, made = picture.width * picture.height, result.width * result.height
    children = _CHILDREN + pixels * _READER + made * _WRITER
    return ALWAYS + most * worked_on + beside + (pixels + made) * _SAMPLES * (_IN_FLIGHT + worked_on) + children


def _most_and_result(picture: Header, operations: Sequence[BoundOperation], results: Limits) -> tuple[int, Header]:
    """Most bytes that one of the operations needs with a picture, and the header of what the last one makes."""
    if operations:
        # Networks and edge solving get a gray picture with its samples tripled, as does compositing with a coloured one.
        picture = dataclasses.replace(picture, channels=max(3, picture.channels))
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
    return most, picture
