"""The evaluation set of background removal: pictures of 3 to 5 megapixels, made from a seed, whose alpha and foreground are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.quality import _cutout_shapes as shapes
from benchmarks.quality._cutout_photographs import Floats, Pixels, Pool, outline_subject
from benchmarks.quality._cutout_scenes import Matte, take_photograph

KINDS = ("solid", "hair", "fine", "glass", "shadow")
_SIZES = (1600, 2200), (2200, 1600), (1900, 1900)


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture as a camera would produce it, and its ground truth."""

    name: str
    kind: str
    asked: str
    """The subject that a person would ask for: `portrait`, `product` or `general`."""
    photographs: tuple[str, ...]
    """Those that can be seen."""
    picture: Pixels
    alpha: Floats
    foreground: Floats
    """Height x width x 3, 0 to 1."""

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.alpha.size / 1e6


def scenes(pool: Pool, matte: Matte, seed: int, each: int) -> Iterator[Scene]:
    """So many scenes of each kind. `matte` finds the outlines of the photographs' subjects."""
    for number in range(each):
        for place, kind in enumerate(KINDS):
            yield _scene(pool, matte, kind, np.random.default_rng((seed, number, place)))


def _scene(pool: Pool, matte: Matte, kind: str, rng: np.random.Generator) -> Scene:
    height, width = _SIZES[rng.integers(len(_SIZES))]
    tall = round(height * rng.uniform(0.55, 0.9))
    asked, standing = "product", False
    if kind == "glass":
        name, *subject = shapes.glass(tall, rng)
    elif kind == "fine":
        name, asked = str(rng.choice(["racket", "fern"])), "general"
        subject = list(shapes.racket(tall) if name == "racket" else shapes.fern(tall, rng))
    else:
        standing = kind == "hair" or (kind == "solid" and rng.random() < 0.5)
        name = str(rng.choice(pool.people if standing else pool.things))
        photograph = pool.read(name)
        tall = min(tall, round(0.9 * width * photograph.shape[0] / photograph.shape[1]))
        subject = list(outline_subject(photograph, matte(photograph), tall))
        asked = "portrait" if standing else asked
    colours, alpha = subject
    if kind == "hair":
        length, curl = rng.uniform(0.04, 0.16), rng.uniform(0.05, 0.2)
        alpha = shapes.with_strands(alpha, rng, count=int(rng.integers(800, 2600)), length=length, below=0.42, curl=curl)
    behind, background = ("paper", _paper(height, width, rng)) if rng.random() < 0.35 else _backdrop(pool, name, height, width, rng)
    top = height - tall if standing else int(rng.integers(0, height - tall + 1))
    left = int(rng.integers(min(0, width - alpha.shape[1]), max(0, width - alpha.shape[1]) + 1))
    placed = _placed(colours, height, width, top, left), _placed(alpha, height, width, top, left)
    if kind == "shadow":
        background = background * (1 - shapes.cast_shadow(placed[1], rng))[..., None]
    seen = tuple(each for each in (name, behind) if each in (*pool.things, *pool.people, *pool.backdrops))
    return Scene(f"{kind}: {name} on {behind}", kind, asked, seen, *take_photograph(*placed, background, rng))


def _placed(plane: Floats, height: int, width: int, top: int, left: int) -> Floats:
    """A subject's plane in the frame, empty around it."""
    frame = np.zeros((height, width, *plane.shape[2:]), np.float32)
    start, end = max(left, 0), min(left + plane.shape[1], width)
    frame[top : top + plane.shape[0], start:end] = plane[: height - top, start - left : end - left]
    return frame


def _backdrop(pool: Pool, beside: str, height: int, width: int, rng: np.random.Generator) -> tuple[str, Floats]:
    """A photograph that fills the frame, tinted a little and more or less out of focus; and its name."""
    name = str(rng.choice([each for each in pool.backdrops if each != beside]))
    picture = pool.read(name)
    scale = max(height / picture.shape[0], width / picture.shape[1]) * 1.001
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[:height, :width].astype(np.float32) / 255
    large = (large * rng.uniform(0.75, 1.15, 3).astype(np.float32)).clip(0, 1)
    blur = rng.choice([0, 0.006, 0.02]) * height
    return name, np.asarray(cv2.GaussianBlur(large, (0, 0), blur) if blur else large, np.float32)


def _paper(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Studio background paper, lit from above."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = 1.03 - 0.2 * np.hypot((x / width - 0.5), (y / height - 0.35))
    return np.asarray((rng.uniform(0.5, 0.95, 3).astype(np.float32) * light[..., None]).clip(0, 1), np.float32)
