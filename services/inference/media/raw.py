"""Camera raw, developed by LibRaw: demosaiced, with the white balance that the camera chose, in sRGB."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import rawpy

from services.inference.media.errors import damaged_error
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.pictures.media_format import MediaFormat

_FAILURES = (rawpy.LibRawError, RuntimeError, ValueError, TypeError, OSError, OverflowError)
_SRGB_CURVE = (2.4, 12.92)
_QUARTER_TURNS = (5, 6)
"""LibRaw's numbers for pictures that are turned to the left and to the right."""


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`."""
    with _opened(data, format_, limits) as file:
        sizes = file.sizes
        width, height = (sizes.height, sizes.width) if sizes.flip in _QUARTER_TURNS else (sizes.width, sizes.height)
        return Header(format_, width, height, channels=3, wide=True)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Develops the recording to 16-bit sRGB, upright: its brightest hundredth becomes white. Raises as `read_header`."""
    with _opened(data, format_, limits) as file:
        samples = file.postprocess(use_camera_wb=True, output_color=rawpy.ColorSpace.sRGB, output_bps=16, gamma=_SRGB_CURVE)
    return from_samples(samples, None, Metadata(), format_)


@contextmanager
def _opened(data: bytes, format_: MediaFormat, limits: Limits) -> Iterator[rawpy.RawPy]:
    """The file, within the limits; its recording is not unpacked yet."""
    try:
        with rawpy.imread(io.BytesIO(data)) as file:
            sizes = file.sizes
            if min(sizes.width, sizes.height) < 1:
                raise damaged_error(format_)
            # With the border that is read and then cut off.
            limits.check(max(sizes.width, sizes.raw_width), max(sizes.height, sizes.raw_height))
            yield file
    except _FAILURES as error:
        raise damaged_error(format_) from error
