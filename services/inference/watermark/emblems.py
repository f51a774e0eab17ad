"""Opaque logos in a corner: paint of one colour that is nowhere else in the picture, on ground that is not flat itself.

`solids` finds shapes of exactly one colour whose edges are at most two pixels wide. A photograph has almost none; a sticker, a lamp or a
label may still look like that. So a logo is sure only if it has several pieces or encloses part of the picture, if it lies free in its
corner on textured ground, and if its colour, unlike the colours of a scene, is nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.report import Kind
from services.inference.watermark.solids import solids_of_one_colour
from services.inference.watermark.strokes import Mask, Pixels8, luminance, thicken

_SEARCH_SIDE = 1024  # pixels of the copy in which logos are searched
_CORNER = 4  # a corner is this part of width and of height
_LEAST_PIECE, _LEAST_AREA = 30, 150  # pixels of that copy
_HALO, _RING = 3, 10  # pixels around a logo: reach of its edge, and extent of its ground
_SAME, _LIKE = 8, 40  # largest difference in a channel, in levels: paint after JPEG, and paint fading into the picture
_MOST_ELSEWHERE = 0.05  # of the logo's area, in its colour
_LEAST_CONTRAST = 40.0  # levels between the paint and the ground
_LEAST_TEXTURE = 2.0  # levels: median local deviation of the ground
_SURE, _LIKELY = 0.7, 0.5
_ALL = 3  # pieces of evidence


def find_emblems(pixels: Pixels8, check: Callable[[], None]) -> list[DetectedMark]:
    """The logos in the corners of a photograph (sRGB), a limited number in each; possible ones are not `sure`.

    Not for pictures drawn by a program, where everything is of one colour.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _SEARCH_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels, np.uint8)
    gray = luminance(small)
    texture = np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 2))
    found = []
    for crop, region in _corners(*small.shape[:2]):
        check()
        for colour, painted in solids_of_one_colour(np.ascontiguousarray(small[crop.window]), region):
            logo = np.zeros(small.shape[:2], np.bool_)
            logo[crop.window] = _free(painted, region)
            evidence = _evidence(small, texture, logo, colour) if logo.sum() >= _LEAST_AREA else None
            if evidence is not None:
                found.append(_at_full_size(pixels, logo, colour, evidence, sure=len(evidence) == _ALL))
    return found


def _corners(height: int, width: int) -> Iterator[tuple[Box, Mask]]:
    """Each corner with the same extent again next to and below it, and the corner's place in that."""
    down, across = height // _CORNER, width // _CORNER
    if min(down, across) < 2 * _RING:
        return
    for bottom, right in product((False, True), repeat=2):
        top, left = (height - 2 * down) * bottom, (width - 2 * across) * right
        region = np.zeros((2 * down, 2 * across), np.bool_)
        region[down * bottom : down * (1 + bottom), across * right : across * (1 + right)] = True
        yield Box(left, top, left + 2 * across, top + 2 * down), region


def _free(painted: Mask, region: Mask) -> Mask:
    """The pieces that lie within their corner: what extends beyond it or beyond the picture is the picture's own."""
    inner = cv2.erode(np.pad(region.astype(np.uint8), 1), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(painted.astype(np.uint8), connectivity=8)
    kept = (stats[:, cv2.CC_STAT_AREA] >= _LEAST_PIECE) & (np.bincount(labels[~inner], minlength=count) == 0)
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def _evidence(pixels: Pixels8, texture: npt.NDArray[np.float32], logo: Mask, colour: npt.NDArray[np.int16]) -> tuple[str, ...] | None:
    """Evidence for a logo; None if its colour is the picture's own, or it does not stand out from its ground."""
    wide = thicken(logo, _HALO)
    ground = thicken(logo, _RING) & ~wide
    difference = np.abs(pixels.astype(np.int16) - colour).max(axis=2)
    if float(np.median(difference[ground])) < _LEAST_CONTRAST or float(np.median(texture[ground])) < _LEAST_TEXTURE:
        return None
    evidence = ["opaque paint in a corner"]
    if ((difference <= _SAME) & ~wide).sum() <= _MOST_ELSEWHERE * logo.sum():
        evidence.append("of a colour that is nowhere else")
    if _pieces(logo) > 1:
        evidence.append("in several pieces")
    return tuple(evidence)


def _pieces(logo: Mask) -> int:
    """Number of pieces and of areas that they enclose."""
    outlines, tree = cv2.findContours(logo.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return sum(parent < 0 or cv2.contourArea(outline) >= _LEAST_PIECE for outline, (*_, parent) in zip(outlines, tree[0], strict=True))


def _at_full_size(pixels: Pixels8, logo: Mask, colour: npt.NDArray[np.int16], evidence: tuple[str, ...], *, sure: bool) -> DetectedMark:
    """The logo at full resolution, from its position on the smaller copy."""
    height, width = pixels.shape[:2]
    across, down = width / logo.shape[1], height / logo.shape[0]
    near = thicken(logo, 2)
    rows, columns = np.nonzero(near)
    box = Box(int(columns.min() * across), int(rows.min() * down), round((columns.max() + 1) * across), round((rows.max() + 1) * down))
    inner = near[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.uint8)
    allowed = cv2.resize(inner, (box.width, box.height), interpolation=cv2.INTER_NEAREST) > 0
    strokes = (np.abs(pixels[box.window].astype(np.int16) - colour).max(axis=2) <= _LIKE) & allowed
    return DetectedMark(Kind.LOGO, box, strokes, _SURE if sure else _LIKELY, evidence, sure=sure)
