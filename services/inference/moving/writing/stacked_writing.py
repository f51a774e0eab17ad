"""WebP and AVIF animations from frames that come one after the other.

Pillow saves only frames that it has all at once, so its encoders, which take one at a time, are called here as its own modules do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from PIL import Image as PillowImage
from PIL import _avif, _webp

from services.inference.moving.model import MovingSaving
from services.inference.moving.writing.arriving import Arrived

MILLISECOND = 1_000
"""Microseconds of the unit of time."""
LEAST, MOST = 11, 0xFFFFFF
"""Units that a frame is shown; browsers show what is faster more slowly."""
_WEBP_QUALITY, _AVIF_QUALITY = 80, 70
_WEBP_EFFORT, _AVIF_SPEED = 4, 8
_KEYFRAMES = 59, 60
"""Least and most frames from one that needs no other to the next: the fewer, the smaller the file."""
_THREADS = 2


def write_webp(target: BinaryIO, frames: Iterable[tuple[Arrived, int]], saving: MovingSaving) -> None:
    """Write all frames, each with its time in milliseconds."""
    quality = _WEBP_QUALITY if saving.quality is None else saving.quality
    encoder, now = None, 0
    for frame, time in frames:
        picture = _picture(frame)
        if encoder is None:
            encoder = _webp.WebPAnimEncoder(picture.size, 0, saving.loop, False, *_KEYFRAMES, False, False)
        encoder.add(picture.getim(), now, saving.lossless, quality, 100, _WEBP_EFFORT)
        now += time
    assert encoder is not None
    encoder.add(None, now, saving.lossless, quality, 100, 0)
    target.write(encoder.assemble("", b"", b""))


def write_avif(target: BinaryIO, frames: Iterable[tuple[Arrived, int]], saving: MovingSaving) -> None:
    """The same. Colours have the resolution of the picture only if nothing is to be lost."""
    quality = 100 if saving.lossless else _AVIF_QUALITY if saving.quality is None else saving.quality
    encoder = None
    for frame, time in frames:
        picture = _picture(frame)
        if encoder is None:
            encoder = _avif.AvifEncoder(
                picture.size,
                "4:4:4" if saving.lossless else "4:2:0",
                quality,
                _AVIF_SPEED,
                _THREADS,
                "auto",
                "full",
                0,
                0,
                False,
                True,
                b"",
                b"",
                1,
                b"",
                None,
            )
        encoder.add(picture.tobytes(), time, picture.size, picture.mode, False)
    assert encoder is not None
    target.write(_timeless(encoder.finish()))


def _timeless(data: bytes) -> bytes:
    """The file without the time at which it was made: the same frames give the same file."""
    made = bytearray(data)
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.find(kind, 0, data.find(b"mdat"))
        while at >= 0:
            times = slice(at + 8, at + 8 + (16 if data[at + 4] == 1 else 8))
            made[times] = bytes(times.stop - times.start)
            at = data.find(kind, times.stop, data.find(b"mdat"))
    return bytes(made)


def _picture(frame: Arrived) -> PillowImage.Image:
    return PillowImage.fromarray(frame.pixels if frame.alpha is None else frame.rgba)
