"""Which picture work is short: about half a second of processor time at most.

Acceptance chooses the lane by it, and workers do such work in warm children.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from google.protobuf.message import Message

from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_CMYK, PNG_COMPRESSION_BEST, Convert
from darkroom.operations.v1.options_pb2 import MEDIA_KIND_DATA
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat, kept_format, written_format
from services.pictures.operations import spec_of_parameters
from services.pictures.result_size import resolve_percentages, result_size
from services.platform.errors import DarkroomError

_MOST_OPERATIONS = 8
LARGEST_AT_ONCE = (2896, 2896)
"""Width and height of a picture whose pixels are the most for work that is done at once, while its caller waits: 8.4 million."""
LARGEST_RESULT = 256 << 20
"""Bytes of a file that short work may make."""
_READ: Mapping[MediaFormat, float] = {
    MediaFormat.JPEG: 25,
    MediaFormat.PNG: 16,
    MediaFormat.TIFF: 16,
    MediaFormat.BMP: 16,
    MediaFormat.WEBP: 12,
}
"""Millions of pixels that are read, by format. No SVG, which draws for as long as it likes, and no animation."""
READ_QUICKLY = frozenset(_READ)
"""Formats of pictures on which work may be short."""
_WRITTEN: Mapping[MediaFormat, float] = {
    MediaFormat.JPEG: 16,
    MediaFormat.TIFF: 8,
    MediaFormat.WEBP: 4,
    MediaFormat.PNG: 4,
    MediaFormat.GIF: 2,
}
"""Millions of pixels that are written, by format."""
_WRITTEN_TIGHTLY = 0.5
"""Millions of pixels that are written as lossless WebP, or as PNG with the best compression."""
_TRIES = 8
"""How often a picture is written whose file must not be too large."""


def is_short(operations: Sequence[Message], format_: MediaFormat, size: Size) -> bool:
    """Whether these operations on a picture of this format and upright size are short work. Percentages are those of the picture."""
    specs = [spec_of_parameters(parameters) for parameters in operations]
    # A conversion between others takes no time.
    work = sum(not isinstance(parameters, Convert) for parameters in operations)
    between = len(specs) > 1 and any(spec.reads_file for spec in specs)
    if between or work > _MOST_OPERATIONS or _megapixels(size) > _READ.get(format_, 0) or not all(spec.short_megapixels for spec in specs):
        return False
    conversions = [parameters for parameters in operations if isinstance(parameters, Convert)]
    # A signed result names its input, which a warm child does not keep.
    if any(conversion.content_credentials for conversion in conversions):
        return False
    written = _written(conversions, format_, adds_alpha=any(spec.may_add_alpha for spec in specs))
    try:
        sizes = [size]
        for parameters in operations:
            sizes.append(result_size(resolve_percentages(parameters, size), *sizes[-1]))
    except DarkroomError:
        return False
    if any(max(map(_megapixels, around)) > spec.short_megapixels for spec, around in zip(specs, pairwise(sizes), strict=True)):
        return False
    return specs[-1].produces == MEDIA_KIND_DATA or _megapixels(sizes[-1]) <= written


def _written(conversions: Sequence[Convert], source: MediaFormat, *, adds_alpha: bool) -> float:
    if not conversions:
        most = _WRITTEN.get(kept_format(source), 0)
        return min(most, _WRITTEN[MediaFormat.PNG]) if adds_alpha else most
    # A profile for print is a file of the operator's, which children cannot open.
    if any(conversion.color_space == COLOR_SPACE_CMYK for conversion in conversions):
        return 0
    # Each keeps, or changes, the format that the one before it has chosen.
    format_, conversion = source, conversions[-1]
    for each in conversions:
        format_ = written_format(each.format, format_)
    tight = conversion.lossless if format_ is MediaFormat.WEBP else conversion.compression == PNG_COMPRESSION_BEST
    tight = tight and format_ in (MediaFormat.WEBP, MediaFormat.PNG)
    most = _WRITTEN_TIGHTLY if tight else _WRITTEN.get(format_, 0)
    if adds_alpha and any(each.keep_alpha for each in conversions):
        most = min(most, _WRITTEN[MediaFormat.PNG])
    if any(each.max_colors for each in conversions) and format_ in (MediaFormat.PNG, MediaFormat.GIF):
        most = min(most, _WRITTEN[MediaFormat.GIF])
    return most / _TRIES if conversion.max_bytes else most


def _megapixels(size: Size) -> float:
    return size[0] * size[1] / 1e6
