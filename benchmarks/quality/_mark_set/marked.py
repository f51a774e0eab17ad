"""The evaluation set of watermark removal: photographs overlaid with marks, and pictures that only look as if they had one."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage
import sklearn.datasets
from PIL import Image

from benchmarks.quality._mark_set import drawers
from benchmarks.quality._mark_set.drawers import Cover, Size

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Recipe = tuple[str, str, Callable[[Size], Cover], Colour, float, int | None]

WHITE, BLACK, RED, BLUE, ORANGE = (255, 255, 255), (0, 0, 0), (205, 30, 35), (25, 70, 190), (255, 140, 0)

TUNED_ON = ("coffee", "astronaut", "rocket", "motorcycle_left", "grass", "camera")
HELD_OUT = ("china", "flower", "chelsea", "ihc", "gravel", "hubble_deep_field")


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A photograph with a mark and its known ground truth."""

    kind: str
    name: str
    clean: Pixels
    cover: Cover
    """How much of a pixel the mark covers."""
    colour: Colour
    opacity: float
    quality: int | None
    """JPEG quality, applied after the mark was overlaid; None: lossless."""
    held_out: bool

    @property
    def picture(self) -> Pixels:
        """The picture as a user has it."""
        alpha = (self.cover * self.opacity)[..., np.newaxis]
        seen = np.round(self.clean * (1 - alpha) + np.array(self.colour, np.float32) * alpha).clip(0, 255).astype(np.uint8)
        return seen if self.quality is None else jpeg(seen, self.quality)


@cache
def photograph(name: str) -> Pixels:
    """A photograph by name, from scikit-image or scikit-learn, at most 640 pixels on its longer side."""
    folders = (Path(skimage.__file__).parent / "data", Path(sklearn.datasets.__file__).parent / "images")
    [path] = [path for folder in folders for path in folder.glob(f"{name}.*") if path.suffix in {".png", ".jpg"}]
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((640, 640), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """The picture after JPEG compression."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))


def marked() -> Iterator[Marked]:
    """All marked photographs, those used for tuning first."""
    yield from itertools.starmap(partial(_case, held_out=False), _tuned())
    yield from itertools.starmap(partial(_case, held_out=True), _held_out())


def _case(
    kind: str, name: str, draw: Callable[[Size], Cover], colour: Colour, opacity: float, quality: int | None, *, held_out: bool
) -> Marked:
    clean = photograph(name)
    return Marked(kind, name, clean, draw(clean.shape[:2]), colour, opacity, quality, held_out)


def _at(size: Size, x: float, y: float) -> tuple[float, float]:
    """A point given as shares of width and height."""
    return x * size[1], y * size[0]


def _tuned() -> Iterator[Recipe]:
    yield (
        "tiled, level grid",
        "coffee",
        lambda size: drawers.pillow_tiles(size, "SAMPLE", "Roboto", 28, (170, 110), 30, grid=False),
        WHITE,
        0.3,
        90,
    )
    yield (
        "tiled, turned grid",
        "coffee",
        lambda size: drawers.pillow_tiles(size, "© Studio", "Roboto", 26, (140, 80), 30, grid=True),
        WHITE,
        0.35,
        92,
    )
    yield (
        "diagonal text",
        "coffee",
        lambda size: drawers.pillow_text(size, "PREVIEW", "Roboto", 90, _at(size, 0.5, 0.5), 30),
        WHITE,
        0.5,
        90,
    )
    yield "diagonal text", "rocket", lambda size: drawers.vips_text(size, "SAMPLE", 84, _at(size, 0.5, 0.55), 35), WHITE, 0.45, 85
    yield (
        "corner text",
        "astronaut",
        lambda size: drawers.pillow_text(size, "© Jane Doe Photo", "Roboto", 20, _at(size, 0.81, 0.95)),
        WHITE,
        0.85,
        92,
    )
    yield (
        "coloured text",
        "rocket",
        lambda size: drawers.pillow_text(size, "WATERMARK", "Roboto", 70, _at(size, 0.5, 0.5), 30),
        BLUE,
        0.55,
        90,
    )
    yield "corner logo", "coffee", lambda size: drawers.pillow_emblem(size, 56, _at(size, 0.93, 0.9)), WHITE, 0.6, 90

    yield (
        "opaque text",
        "coffee",
        lambda size: drawers.pillow_text(size, "PHOTO BY JOHN", "Roboto", 36, _at(size, 0.5, 0.5)),
        WHITE,
        1.0,
        90,
    )
    yield "opaque plate", "coffee", lambda size: drawers.pillow_plate(size, (150, 70), _at(size, 0.3, 0.7)), RED, 1.0, 90
    yield "opaque logo", "motorcycle_left", lambda size: drawers.pillow_emblem(size, 60, _at(size, 0.88, 0.87)), ORANGE, 1.0, 90


def _held_out() -> Iterator[Recipe]:
    yield "tiled, turned grid", "china", lambda size: drawers.skia_tiles(size, "EXAMPLE", "Caladea", 26, (151.5, 88.3), 27), WHITE, 0.35, 92
    yield (
        "tiled, turned grid",
        "chelsea",
        lambda size: drawers.skia_tiles(size, "© Cat Pictures", "Fredoka One", 16, (146, 71), -33),
        WHITE,
        0.4,
        85,
    )
    yield "tiled, coloured", "china", lambda size: drawers.skia_tiles(size, "DRAFT", "Fredoka One", 26, (140.5, 95.2), 30), BLUE, 0.4, 90
    yield (
        "diagonal text",
        "chelsea",
        lambda size: drawers.skia_text(size, "EXAMPLE", "Caladea", 70, _at(size, 0.5, 0.5), -30),
        BLACK,
        0.5,
        92,
    )
    yield (
        "corner text",
        "china",
        lambda size: drawers.skia_text(size, "© A. Photographer", "Caladea", 20, _at(size, 0.84, 0.95)),
        WHITE,
        1.0,
        90,
    )
    yield "coloured text", "china", lambda size: drawers.skia_text(size, "COPYRIGHT", "Roboto", 84, _at(size, 0.5, 0.5), 30), RED, 0.5, 90
    yield "corner logo", "flower", lambda size: drawers.skia_emblem(size, 70, _at(size, 0.08, 0.88)), WHITE, 0.6, 85
    yield (
        "opaque text",
        "chelsea",
        lambda size: drawers.skia_text(size, "CAT PICTURES", "Fredoka One", 40, _at(size, 0.5, 0.5)),
        BLACK,
        1.0,
        85,
    )
    yield "opaque plate", "ihc", lambda size: drawers.pillow_plate(size, (130, 60), _at(size, 0.6, 0.3)), ORANGE, 1.0, 80
    yield "opaque logo", "gravel", lambda size: drawers.skia_emblem(size, 80, _at(size, 0.85, 0.15)), BLUE, 1.0, 90
