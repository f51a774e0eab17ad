"""Photographs that packages bundle, and small pictures made from them in known ways."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels8 = npt.NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ROOT / ".venv-bench" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
SIDE = 192
"""Side of the crops, in pixels: divisible by every factor."""

# File, and the row and column where the crop begins.
SEEN = {
    "skimage/data/astronaut.png": (0, 140),
    "skimage/data/chelsea.png": (40, 100),
    "skimage/data/coffee.png": (60, 200),
    "skimage/data/rocket.jpg": (100, 200),
    "skimage/data/motorcycle_left.png": (150, 250),
    "sklearn/datasets/images/china.jpg": (150, 100),
    "sklearn/datasets/images/flower.jpg": (100, 150),
    "skimage/data/camera.png": (60, 160),
    "skimage/data/hubble_deep_field.jpg": (300, 300),
    "skimage/data/ihc.png": (150, 150),
    "skimage/data/retina.jpg": (600, 500),
}


@dataclass(frozen=True, slots=True)
class Making:
    """How a small picture is made from a photograph."""

    box: bool = False
    """Reduced to the means of squares, as cameras and fast programs do, instead of with an antialiased bicubic filter."""
    quality: int = 0
    """Of the JPEG that it is then saved as; 0: none."""
    noise: float = 0.0
    """Standard deviation, in levels, of the noise that is then added."""


CLEAN = Making()
MAKINGS: Mapping[str, Making] = {
    "clean": CLEAN,
    "clean, box": Making(box=True),
    "JPEG of 80": Making(quality=80),
    "JPEG of 50": Making(quality=50),
    "noise of 5": Making(noise=5),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A small picture, and the crop of a photograph that it was made from."""

    name: str
    factor: int
    input: Pixels8
    truth: Pixels8


def crops() -> Iterator[tuple[str, Pixels8]]:
    """Names and crops of the photographs that packages bundle. Raises FileNotFoundError."""
    for file, (top, left) in SEEN.items():
        path = PACKAGES / file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: run `python deploy/setup.py bench` first")
        whole = np.asarray(Image.open(path).convert("RGB"))
        yield Path(file).stem, np.ascontiguousarray(whole[top : top + SIDE, left : left + SIDE])


def case(name: str, truth: Pixels8, factor: int, making: Making) -> Case:
    """A small picture of a crop."""
    return Case(name, factor, _made(truth, factor, making, zlib.crc32(name.encode())), truth)


def _made(truth: Pixels8, factor: int, making: Making, seed: int) -> Pixels8:
    side = SIDE // factor
    method = Image.Resampling.BOX if making.box else Image.Resampling.BICUBIC
    given = np.asarray(Image.fromarray(truth).resize((side, side), method))
    if making.noise:
        noisy = given + np.random.default_rng(seed).normal(0, making.noise, given.shape)
        given = np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)
    if making.quality:
        encoded = cv2.imencode(".jpg", given[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, making.quality])[1]
        given = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return given
