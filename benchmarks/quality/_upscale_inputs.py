"""Photographs that packages bundle, and small pictures made from them in known ways."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels8 = npt.NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ROOT / ".venv-bench" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
_SIDE = 192
"""Side of the crops, in pixels: divisible by every factor."""
_QUALITY = 80

# File, and the row and column where the crop begins.
TUNED = {
    "skimage/data/astronaut.png": (0, 140),
    "skimage/data/chelsea.png": (40, 100),
    "skimage/data/coffee.png": (60, 200),
    "skimage/data/rocket.jpg": (100, 200),
    "skimage/data/motorcycle_left.png": (150, 250),
    "sklearn/datasets/images/china.jpg": (150, 100),
    "sklearn/datasets/images/flower.jpg": (100, 150),
}
HELD_OUT = {
    "skimage/data/camera.png": (60, 160),
    "skimage/data/hubble_deep_field.jpg": (300, 300),
    "skimage/data/ihc.png": (150, 150),
    "skimage/data/retina.jpg": (600, 500),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A small picture, and the crop of a photograph that it was made from."""

    name: str
    factor: int
    jpeg: bool
    given: Pixels8
    truth: Pixels8


def cases(photographs: dict[str, tuple[int, int]], factor: int, *, jpeg: bool) -> Iterator[Case]:
    """Each photograph, reduced with an antialiased bicubic filter and, with `jpeg`, saved at quality 80. Raises FileNotFoundError."""
    for file, (top, left) in photographs.items():
        path = PACKAGES / file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: run `python deploy/setup.py bench` first")
        whole = np.asarray(Image.open(path).convert("RGB"))
        truth = np.ascontiguousarray(whole[top : top + _SIDE, left : left + _SIDE])
        given = np.asarray(Image.fromarray(truth).resize((_SIDE // factor, _SIDE // factor), Image.Resampling.BICUBIC))
        if jpeg:
            encoded = cv2.imencode(".jpg", given[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
            given = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
        yield Case(Path(file).stem, factor, jpeg, given, truth)
