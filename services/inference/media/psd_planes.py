"""The channels of Photoshop's flattened picture, unpacked one at a time."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from services.inference.media.errors import damaged, unread
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat

_RAW, _PACKED, _DEFLATED, _PREDICTED = range(4)
_TYPES = {8: ">u1", 16: ">u2", 32: ">f4"}


def plane_of(data: bytes, at: int, number: int, channels: int, size: Size, depth: int, *, large: bool) -> npt.NDArray[Any]:
    """The samples of channel `number` of a picture whose pixels begin at `at`: height x width, uint8, uint16 or float32.

    `large`: the file is one of the large kind, with longer lengths. Raises FILE_CORRUPT and MEDIA_UNSUPPORTED.
    """
    width, height = size
    row_bytes = (width * depth + 7) // 8
    compression, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    try:
        if compression == _RAW:
            plane = data[at + number * row_bytes * height :][: row_bytes * height]
        elif compression == _PACKED:
            plane = _unpacked(data, at, number, channels, (row_bytes, height), 4 if large else 2)
        elif compression in (_DEFLATED, _PREDICTED) and (compression, depth) != (_PREDICTED, 32):
            plane = zlib.decompressobj().decompress(data[at:], row_bytes * height * (number + 1))[row_bytes * height * number :]
        else:
            raise unread(MediaFormat.PSD, f"is compressed in a way (number {compression})")
        rows = np.frombuffer(plane, np.uint8).reshape(height, row_bytes)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise damaged(MediaFormat.PSD) from error
    if depth == 1:
        # A set bit is black.
        return np.where(np.unpackbits(rows, axis=1)[:, :width], 0, 255).astype(np.uint8)
    samples = rows.view(_TYPES[depth]).astype(np.dtype(_TYPES[depth]).newbyteorder("="))
    # Of each row the first sample, and then the differences.
    return np.cumsum(samples, axis=1, dtype=samples.dtype) if compression == _PREDICTED else samples


def _unpacked(data: bytes, at: int, number: int, channels: int, size: Size, count_bytes: int) -> bytes:
    """A channel that is packed row by row (PackBits), the lengths of all rows standing before all of them."""
    _, height = size
    table = channels * height * count_bytes
    counts = np.frombuffer(data[at : at + table], f">u{count_bytes}").reshape(channels, height).sum(axis=1, dtype=np.int64)
    start = at + table + int(counts[:number].sum())
    packed = data[start : start + int(counts[number])]
    return PillowImage.frombytes("L", size, packed, "packbits", "L").tobytes()
