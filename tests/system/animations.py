"""Animations for tests, and their frames as Pillow reads them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw


def walk(size: tuple[int, int] = (96, 64), count: int = 8, format_: str = "GIF", loop: int = 3) -> bytes:
    """A disc that walks to the right, over a light ground, each frame shown for longer than the one before."""
    frames = []
    for number in range(count):
        frame = Image.new("RGB", size, (240, 240, 230))
        across = size[0] * (number + 1) / (count + 1)
        ImageDraw.Draw(frame).ellipse((across - 12, size[1] / 2 - 12, across + 12, size[1] / 2 + 12), (200, 40, 20 + 20 * number))
        frames.append(frame)
    target = io.BytesIO()
    frames[0].save(target, format_, save_all=True, append_images=frames[1:], duration=times(count), loop=loop)
    return target.getvalue()


def times(count: int) -> list[int]:
    """Milliseconds of each frame of `walk`."""
    return [50 + 10 * number for number in range(count)]


def frames_of(content: bytes) -> Sequence[tuple[npt.NDArray[np.uint8], int]]:
    """Each frame in RGB, and its milliseconds."""
    found = []
    with Image.open(io.BytesIO(content)) as opened:
        for number in range(getattr(opened, "n_frames", 1)):
            opened.seek(number)
            opened.load()
            found.append((np.asarray(opened.convert("RGB")), int(opened.info.get("duration", 0))))
    return found


def loop_of(content: bytes) -> int | None:
    """How many times an animation is shown; 0: forever."""
    with Image.open(io.BytesIO(content)) as opened:
        loop: int | None = opened.info.get("loop")
    return loop
