"""How the worker hands frames to a child that writes: the child asks for the next one, and gets its samples."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from services.inference.media import colour
from services.inference.moving.leaving import Samples
from services.inference.moving.model import Frame

_HEAD = struct.Struct("!IIBQ")


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A frame as a child has it."""

    pixels: Samples
    """Height x width x 3."""
    alpha: Samples | None
    """Height x width; None: opaque."""
    microseconds: int

    @property
    def rgba(self) -> Samples:
        """Pixels and alpha together, height x width x 4."""
        height, width = self.pixels.shape[:2]
        joined = np.full((height, width, 4), 255, np.uint8)
        joined[..., :3] = self.pixels
        if self.alpha is not None:
            joined[..., 3] = self.alpha
        return joined

    def over(self, background: tuple[int, int, int]) -> Samples:
        """The pixels over a colour."""
        if self.alpha is None:
            return self.pixels
        alpha = self.alpha[..., np.newaxis].astype(np.uint16)
        mixed = self.pixels * alpha + np.array(background, np.uint16) * (255 - alpha) + 127
        return (mixed // 255).astype(np.uint8)


def packed(frame: Frame) -> bytes:
    """A frame as bytes, for `arriving`."""
    pixels, alpha = frame.image.srgb(), frame.image.alpha
    height, width = pixels.shape[:2]
    narrow = b"" if alpha is None else colour.to_8bit(alpha).tobytes()
    return b"".join((_HEAD.pack(width, height, bool(narrow), frame.microseconds), pixels.tobytes(), narrow))


def arriving(ask: Callable[[], bytes]) -> Iterator[Arrived]:
    """The frames, until an empty answer."""
    while content := ask():
        width, height, has_alpha, microseconds = _HEAD.unpack_from(content)
        samples = np.frombuffer(content, np.uint8, offset=_HEAD.size)
        count = width * height * 3
        alpha = samples[count:].reshape(height, width) if has_alpha else None
        yield Arrived(samples[:count].reshape(height, width, 3), alpha, microseconds)
