"""Animated PNG: each frame is a PNG file without a head, and they are laid one over the other as the standard says.

PNG (third edition): https://www.w3.org/TR/png-3/#apng-frame-based-animation
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from services.inference.media import Limits, colour, decode
from services.inference.media.errors import damaged_error
from services.inference.moving.leaving import Samples
from services.pictures.media_format import MediaFormat

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SHARED = frozenset((b"PLTE", b"tRNS", b"iCCP", b"sRGB"))
"""Chunks that say what the samples of all frames mean."""
_TO_NOTHING, _TO_BEFORE = 1, 2
"""The change to the place of a frame after it was shown; 0: none."""
_USUAL_PER_SECOND = 100


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    left: int
    top: int
    milliseconds: float
    disposal: int
    over: bool
    """Whether it is laid over what is there, and does not replace it."""
    parts: list[memoryview] = field(default_factory=list)
    """The compressed samples."""


class Apng:
    """An animated PNG; another is one of one frame. Nothing is decoded yet. Raises FILE_CORRUPT."""

    def __init__(self, data: bytes) -> None:
        self._head = b""
        self._shared: list[tuple[bytes, bytes]] = []
        self._all: list[_Frame] = []
        self.exif = b""
        self.loop = 0
        said = 0
        for kind, content in _chunks(data):
            match kind:
                case b"IHDR" if len(content) == 13:
                    self._head = bytes(content)
                    self.width, self.height = struct.unpack_from(">2I", content)
                case b"acTL" if len(content) == 8:
                    said, self.loop = struct.unpack(">2I", content)
                case b"fcTL" if len(content) == 26:
                    self._all.append(self._checked(content))
                case b"IDAT" if self._head and not said and not self._all:
                    said = 1
                    self._all.append(_Frame(self.width, self.height, 0, 0, 0.0, 0, False, [content]))
                case b"IDAT" if self._all:
                    self._all[-1].parts.append(content)
                case b"fdAT" if self._all:
                    self._all[-1].parts.append(content[4:])
                case b"eXIf":
                    self.exif = bytes(content)
                case _ if kind in _SHARED:
                    self._shared.append((kind, bytes(content)))
        if not self._head or len(self._all) != said:
            raise damaged_error(MediaFormat.PNG)

    @property
    def delays(self) -> list[float]:
        """Milliseconds of each frame."""
        return [frame.milliseconds for frame in self._all]

    @property
    def has_alpha(self) -> bool:
        """Whether frames may be transparent."""
        first = self._all[0]
        cleared = any(frame.disposal == _TO_NOTHING for frame in self._all)
        covered = (first.width, first.height) == (self.width, self.height) and not cleared
        return self._head[9] in (4, 6) or any(kind == b"tRNS" for kind, _ in self._shared) or not covered

    def frames(self, limits: Limits) -> Iterator[Samples]:
        """The canvas with each frame, height x width x 4, sRGB."""
        canvas = np.zeros((self.height, self.width, 4), np.uint8)
        for frame in self._all:
            place = canvas[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
            before = place.copy() if frame.disposal == _TO_BEFORE else None
            new = self._decoded(frame, limits)
            place[...] = _over(new, place) if frame.over else new
            yield canvas.copy()
            if frame.disposal == _TO_NOTHING:
                place[...] = 0
            elif before is not None:
                place[...] = before

    def _checked(self, content: memoryview) -> _Frame:
        width, height, left, top, number, per_second, disposal, over = struct.unpack(">4x4I2H2B", content)
        if not self._head or not width or not height or left + width > self.width or top + height > self.height:
            raise damaged_error(MediaFormat.PNG)
        # Nothing was there before the first frame.
        disposal = _TO_NOTHING if disposal == _TO_BEFORE and not self._all else disposal
        return _Frame(width, height, left, top, 1000 * number / (per_second or _USUAL_PER_SECOND), disposal, over == 1)

    def _decoded(self, frame: _Frame, limits: Limits) -> Samples:
        if not frame.parts:
            raise damaged_error(MediaFormat.PNG)
        image = decode(
            png(
                [(b"IHDR", struct.pack(">2I", frame.width, frame.height) + self._head[8:]), *self._shared, (b"IDAT", b"".join(frame.parts))]
            ),
            limits,
        )
        samples = np.full((frame.height, frame.width, 4), 255, np.uint8)
        samples[..., :3] = image.srgb()
        if image.alpha is not None:
            samples[..., 3] = colour.to_8bit(image.alpha)
        return samples


def png(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG file with these chunks, and its end."""
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in (*chunks, (b"IEND", b"")))


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of each chunk before the end. Raises FILE_CORRUPT."""
    whole, at = memoryview(data), len(SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise damaged_error(MediaFormat.PNG)
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        end = at + 8 + length
        if end + 4 > len(data) or zlib.crc32(whole[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise damaged_error(MediaFormat.PNG)
        yield kind, whole[at + 8 : end]
        at = end + 4


def _over(new: Samples, old: Samples) -> Samples:
    front, back = new[..., 3:].astype(np.float32) / 255, old[..., 3:].astype(np.float32) / 255
    through = back * (1 - front)
    alpha = front + through
    mixed = (new[..., :3] * front + old[..., :3] * through) / np.where(alpha > 0, alpha, 1)
    made: Samples = np.rint(np.concatenate([mixed, 255 * alpha], axis=2)).astype(np.uint8)
    return made
