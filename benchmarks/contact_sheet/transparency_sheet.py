"""The sheet of `transparency-fixer`, and its pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.contact_sheet.cells import Cell, Sheet, each
from benchmarks.contact_sheet.sources import photo, source, written

Floats = npt.NDArray[np.float64]

_SMALL = 180
"""Longest side of what is enlarged."""


def _cup() -> tuple[Floats, Floats]:
    """A round part of a photograph with a hole in it, and its opacity."""
    cup = np.asarray(photo(), np.float64)
    rows, columns = np.mgrid[: cup.shape[0], : cup.shape[1]]
    away = np.hypot(rows - 200, columns - 290)
    inside = np.minimum(165 + 12 * np.sin(7 * np.arctan2(rows - 200, columns - 290)) - away, np.hypot(rows - 250, columns - 290) - 30)
    return cup, np.clip(inside / 2 + 0.5, 0, 1)[..., None]


def _over_squares(side: float) -> bytes:
    cup, opacity = _cup()
    rows, columns = np.mgrid[: cup.shape[0], : cup.shape[1]]
    squares = np.where(((rows // side + columns // side) % 2 == 0)[..., None], 255, 204)
    return written(Image.fromarray((cup * opacity + squares * (1 - opacity)).round().astype(np.uint8)), "JPEG", quality=80)


@source("checkered", "checkered.jpg", "checkered")
def _checkered() -> bytes:
    return _over_squares(10)


@source("checkered 12.4", "checkered.jpg", "checkered, 12.4 pixels")
def _checkered_oddly() -> bytes:
    return _over_squares(12.4)


@source("drawing on white", "drawing.png", "drawing on white")
def _drawing() -> bytes:
    picture = Image.new("RGB", (2400, 1600), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((500, 200, 1700, 1400), "#d02040")
    draw.ellipse((850, 550, 1350, 1050), "white")
    draw.polygon([(1500, 1500), (2000, 300), (2200, 1500)], "#2050c0")
    return written(picture.resize((600, 400), Image.Resampling.BOX), "PNG")


@source("fringed", "fringed.png", "white fringe")
def _fringed() -> bytes:
    cup, opacity = _cup()
    mixed = cup * opacity + 255 * (1 - opacity)
    return written(Image.fromarray(np.dstack([mixed, 255 * opacity]).round().astype(np.uint8)), "PNG")


def fixed() -> Sheet:
    """Before and after."""
    cells = []
    for name in ("checkered", "checkered 12.4", "drawing on white", "fringed"):
        cells += [Cell(name), *each(name, "transparency-fixer", {})]
    return Sheet("transparency-fixer", cells, columns=4)
