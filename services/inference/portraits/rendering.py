"""A part of a picture before a plain colour, and a sheet of copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from services.inference.media import Image
from services.inference.media.colour import contiguous, strips, to_8bit, to_srgb
from services.inference.portraits.geometry import Paper, Window, size_of
from services.pictures.geometry import Size

Pixels8 = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]

SHEET_DPI = 300
_WHITE = 255
_MARGIN = 8
"""Pixels around what is scaled, for the filter: Lanczos reaches 3 pixels of the larger scale, here at most 6."""


def render(image: Image, part: Window, size: Size, colour: Rgb, check: Callable[[], None]) -> Pixels8:
    """The part of a picture in this size, height x width x 3, uint8 sRGB, over a colour, which is also around the picture.

    Pictures enlarged or made smaller by less than 2 are scaled with a Lanczos filter; pictures with more pixels are averaged by a whole
    factor first. `check` is called between steps and may raise to cancel.
    """
    factor = max(1, math.floor(min(part.width / size[0], part.height / size[1])))
    across, left = _needed(part.left, part.width, factor)
    down, top = _needed(part.top, part.height, factor)
    canvas = np.empty((down.stop - down.start, across.stop - across.start, 3), np.uint8)
    canvas[:] = colour
    rows, columns = _within(down, factor, image.height), _within(across, factor, image.width)
    if rows.stop > rows.start and columns.stop > columns.start:
        flat = _flattened(image, rows, columns, colour)
        check()
        small = np.asarray(PillowImage.fromarray(flat).reduce(factor)) if factor > 1 else flat
        at_y, at_x = rows.start // factor - down.start, columns.start // factor - across.start
        canvas[at_y : at_y + small.shape[0], at_x : at_x + small.shape[1]] = small
    check()
    box = (left, top, left + part.width / factor, top + part.height / factor)
    scaled = PillowImage.fromarray(canvas).resize(size, PillowImage.Resampling.LANCZOS, box=box)
    return np.asarray(scaled)


def sheet_of(photo: Pixels8, paper: Paper, places: Sequence[tuple[float, float]]) -> Pixels8:
    """A white sheet at 300 pixels per inch with copies of a photo, which has that resolution, at these places in millimetres."""
    wide, high = size_of(paper.width_mm, paper.height_mm, SHEET_DPI)
    sheet = np.full((high, wide, 3), _WHITE, np.uint8)
    for left_mm, top_mm in places:
        left, top = (round(edge / 25.4 * SHEET_DPI) for edge in (left_mm, top_mm))
        # Rounding may place the last pixel beyond the edge of a sheet that is filled exactly.
        room = sheet[top : top + photo.shape[0], left : left + photo.shape[1]]
        room[:] = photo[: room.shape[0], : room.shape[1]]
    return sheet


def _needed(start: float, length: float, factor: int) -> tuple[slice, float]:
    """Which pixels of the picture made smaller by `factor` are needed, also outside of it, and where the part begins among them."""
    first, last = math.floor(start / factor) - _MARGIN, math.ceil((start + length) / factor) + _MARGIN
    return slice(first, last), start / factor - first


def _within(needed: slice, factor: int, side: int) -> slice:
    """The pixels of the picture that they are made of."""
    return slice(min(max(needed.start, 0) * factor, side), max(min(needed.stop * factor, side), 0))


def _flattened(image: Image, rows: slice, columns: slice, colour: Rgb) -> Pixels8:
    """Some rows and columns of a picture in sRGB, over a colour."""
    flat = to_srgb(contiguous(image.pixels[rows, columns]), image.icc)
    if image.alpha is None:
        return flat
    alpha = to_8bit(contiguous(image.alpha[rows, columns]))
    out, under = np.empty_like(flat), np.array(colour, np.uint32)
    for part in strips(flat.shape[0]):
        weight = alpha[part, :, np.newaxis].astype(np.uint32)
        out[part] = (flat[part] * weight + under * (255 - weight) + 127) // 255
    return out
