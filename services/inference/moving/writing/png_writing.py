"""Animated PNG from frames that come one after the other: of each, only the rectangle that differs from the frame before is written.

PNG (third edition): https://www.w3.org/TR/png-3/#apng-frame-based-animation
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from services.inference.media import Image, Saving, encode
from services.inference.moving.leaving import Samples
from services.inference.moving.reading.apng import SIGNATURE, chunk
from services.inference.moving.writing.arriving import Arrived
from services.pictures.media_format import MediaFormat

MILLISECOND = 1_000
"""Microseconds of the unit of time."""
LEAST, MOST = 11, 0xFFFF
"""Units that a frame is shown; browsers show what is faster more slowly."""
_SAVING = Saving(MediaFormat.PNG, keep_metadata=False)
_PER_SECOND = 1000
_KEEP, _REPLACE = 0, 0
"""A frame stays, and the next one takes the place of what it covers."""


def write_png(target: BinaryIO, frames: Iterable[tuple[Arrived, int]], background: tuple[int, int, int], loop: int, *, alpha: bool) -> bool:
    """Write all frames, each with its time in milliseconds, with transparency or without: all are of one kind.

    Returns whether anything transparent was laid over the background.
    """
    covered = False
    before: Samples | None = None
    count = numbers = 0
    counted_at = 0
    for frame, time in frames:
        covered = covered or (frame.alpha is not None and not alpha)
        samples = _visible(frame.rgba) if alpha else frame.over(background)
        left, top, right, bottom = (0, 0, samples.shape[1], samples.shape[0]) if before is None else _changed(before, samples)
        chunks = list(_chunks(_encoded(samples[top:bottom, left:right])))
        if before is None:
            target.write(SIGNATURE + chunk(b"IHDR", next(content for kind, content in chunks if kind == b"IHDR")))
            counted_at = target.tell()
            target.write(chunk(b"acTL", bytes(8)))
        control = struct.pack(">5I2H2B", numbers, right - left, bottom - top, left, top, time, _PER_SECOND, _KEEP, _REPLACE)
        target.write(chunk(b"fcTL", control))
        numbers += 1
        for content in (content for kind, content in chunks if kind == b"IDAT"):
            if before is None:
                target.write(chunk(b"IDAT", content))
            else:
                target.write(chunk(b"fdAT", struct.pack(">I", numbers) + content))
                numbers += 1
        before, count = samples, count + 1
    target.write(chunk(b"IEND", b""))
    target.seek(counted_at)
    target.write(chunk(b"acTL", struct.pack(">2I", count, loop)))
    return covered


def _visible(samples: Samples) -> Samples:
    """Colours that nobody sees would take most of the file of a cut-out."""
    samples[samples[..., 3] == 0] = 0
    return samples


def _changed(before: Samples, now: Samples) -> tuple[int, int, int, int]:
    """The rectangle of the pixels that differ: left, top, right and bottom. One pixel if none does."""
    differs = (before != now).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if rows.size else (0, 0, 1, 1)


def _encoded(samples: Samples) -> bytes:
    return encode(Image(samples[..., :3], samples[..., 3] if samples.shape[2] == 4 else None), _SAVING)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += length + 12
