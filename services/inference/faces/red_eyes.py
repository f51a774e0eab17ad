"""Making pupils dark that a flash has made red, orange, pink or golden."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.faces.mesh import Iris
from services.inference.media import Image

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_LEAST_RED, _MOST_RED = 0.24, 0.44
"""Redness from which a pixel is of a red pupil, at the highest sensitivity and the lowest."""
_GLOW = 0.75  # of the light around: more red than that has no iris
_AROUND, _LIGHT = 2.5, 95
"""The light around an eye: so many percent of the pixels within so many radii of the iris have less red."""
_LEAST_LIGHT = 0.25  # of the range of samples: dark pixels have no certain colour
_INNER, _PEAK = 0.6, 75
"""A pupil reaches within so many radii of the iris; so many percent of the pixels there are less red than it may be."""
_LEAST_AREA = 0.1  # of the iris
_ROUND = 0.55  # of the circle around it: what a pupil covers at least, with the glint in it
_LIT = 0.95  # of a pupil's red: its middle has at least so much, as an iris around a dark pupil has not
_PALE, _PURE = 0.25, 0.55
"""Shares of a pupil's colour: pixels with less than the first are left, and those with more than the second are wholly of the pupil."""
_SOFT = 0.08  # radii of the iris: standard deviation of the edge of what is corrected
_DARK, _DARKEST = 0.6, 0.12
"""A corrected pupil is as bright as this share of its green and blue, and at most so bright, of the range of samples."""
_GLINT = 1.3  # of the lower of green and blue in a pupil: a pixel with more is of the glint
_SMALLEST = 1.5  # pixels: radius of an iris, below which nothing can be recognised


def correct_red_eyes(image: Image, irises: Sequence[Iris], sensitivity: float, strength: float) -> tuple[Image, int]:
    """The picture with coloured pupils made dark, and how many; the very same if there are none. Both settings from 0 to 1.

    Only pixels within an iris and between its lids change, and of those the coloured ones: the glint stays.
    """
    found = list(_pupils(image, irises, sensitivity))
    if not found:
        return image, 0
    pixels = image.pixels.copy()
    for place, weights in found:
        part = pixels[place].astype(np.float32) / np.float32(image.maximum)
        made = _darkened(part, weights, 1 - (1 - strength) ** 2)
        pixels[place] = np.where(weights[..., np.newaxis] > 0, np.round(made * image.maximum), pixels[place])
    return dataclasses.replace(image, pixels=pixels), len(found)


def count_red_eyes(image: Image, irises: Sequence[Iris]) -> int:
    """How many pupils are red at the highest sensitivity."""
    return sum(1 for _ in _pupils(image, irises, 1))


def _pupils(image: Image, irises: Sequence[Iris], sensitivity: float) -> Iterator[tuple[tuple[slice, slice], Floats]]:
    """Where each coloured pupil is, and how much of each pixel there is of it."""
    for iris in () if image.is_gray else irises:
        place = _window(iris, image)
        if place is not None:
            part = image.pixels[place].astype(np.float32) / np.float32(image.maximum)
            weights = _red_pupil(part, _places(iris, *place), iris, _MOST_RED + (_LEAST_RED - _MOST_RED) * sensitivity)
            if weights is not None:
                yield place, weights


def _window(iris: Iris, image: Image) -> tuple[slice, slice] | None:
    """The rows and columns around an iris; None if it is too small, or its middle is not in the picture."""
    if iris.radius < _SMALLEST or not (0 <= iris.x < image.width and 0 <= iris.y < image.height):
        return None
    reach = iris.radius * _AROUND + 1
    left, right = max(0, int(iris.x - reach)), min(image.width, int(iris.x + reach) + 2)
    top, bottom = max(0, int(iris.y - reach)), min(image.height, int(iris.y + reach) + 2)
    return slice(top, bottom), slice(left, right)


def _places(iris: Iris, rows: slice, columns: slice) -> tuple[Floats, Flags]:
    """How far each pixel is from the middle of the iris, in its radii; and whether it is between the lids, with a margin."""
    down = (np.arange(rows.start, rows.stop) + 0.5 - iris.y)[:, np.newaxis]
    across = np.arange(columns.start, columns.stop) + 0.5 - iris.x
    distances = np.asarray(np.hypot(down, across) / iris.radius, np.float32)
    lids = np.zeros(distances.shape, np.uint8)
    corners = np.round(iris.opening - np.array([columns.start + 0.5, rows.start + 0.5])).astype(np.int32)
    cv2.fillPoly(lids, [corners], 1)
    margin = max(1, round(iris.radius * 0.25))
    return distances, cv2.dilate(lids, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > 0


def _red_pupil(part: Floats, places: tuple[Floats, Flags], iris: Iris, least: float) -> Floats | None:
    """How much of each pixel is of a red pupil, 0 to 1; None if there is none."""
    distances, between = places
    inside = (distances <= 1) & between
    inner = distances <= _INNER
    red = part[..., 0]
    light = max(float(np.percentile(red[distances <= _AROUND], _LIGHT)), _LEAST_LIGHT)
    redness = _redness(part / light)
    around = float(np.median(redness[(distances > 1) & (distances <= _AROUND)]))
    most = float(np.percentile(redness[inner], _PEAK))
    if around >= most:
        return None
    found = (redness >= max(least, (most + around) / 2)) & inside
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    areas = [int(stats[label, cv2.CC_STAT_AREA]) * bool(((labels == label) & inner).any()) for label in range(1, count)]
    if not areas or max(areas) < _LEAST_AREA * np.pi * iris.radius**2:
        return None
    coloured = labels == 1 + int(np.argmax(areas))
    pupil = _filled(coloured)
    (x, y), reach = cv2.minEnclosingCircle(np.argwhere(pupil)[:, ::-1].astype(np.float32))
    if pupil.sum() < _ROUND * np.pi * (reach + 0.5) ** 2:
        return None
    rows, columns = np.indices(pupil.shape)
    typical = float(np.median(red[coloured]))
    middle = (np.hypot(columns - x, rows - y) <= reach / 2) & (coloured | (red < typical))
    if middle.any() and np.median(red[middle]) < _LIT * typical:
        return None
    soft = cv2.GaussianBlur(_grown(pupil, iris.radius).astype(np.float32), (0, 0), max(0.5, _SOFT * iris.radius))
    # Less coloured at its edge and around the glint: there, the share of the colour that is mixed in counts.
    colour = red - part[..., 1:].min(axis=2)
    share = ((colour / float(np.median(colour[coloured])) - _PALE) / (_PURE - _PALE)).clip(0, 1)
    return np.asarray(np.where(inside, soft * share, 0), np.float32)


def _redness(part: Floats) -> Floats:
    """By how much red is above green and blue, as a share of the geometric mean of the pixel's red and the light around, which is 1.

    Where red is nearly as bright as the light, as no iris is, it is by how much it is above their mean, and counts more.
    """
    red, more, less = part[..., 0], part[..., 1:].max(axis=2), part[..., 1:].min(axis=2)
    glow = ((red - _GLOW) / (1 - _GLOW)).clip(0, 0.5)
    return np.asarray((1 + glow) * (red - more + glow * (more - less)) / np.sqrt(np.maximum(red, 1e-3)), np.float32)


def _filled(shape: Flags) -> Flags:
    """The convex hull of a shape: with its holes and dents, such as the glint."""
    result = np.zeros(shape.shape, np.uint8)
    hull = cv2.convexHull(np.argwhere(shape)[:, ::-1].astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(result, hull, 1) > 0)


def _grown(shape: Flags, radius: float) -> Flags:
    reach = max(1, round(radius * _SOFT * 2))
    return np.asarray(cv2.dilate(shape.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0)


def _darkened(part: Floats, weights: Floats, amount: float) -> Floats:
    """The pixels made dark and neutral. Pixels that are brighter without red than the pupil are its glint: they lose only their colour."""
    less = part[..., 1:].min(axis=2)
    usual = min(_GLINT * float(np.percentile(less[weights >= 0.5 * weights.max()], 75)), 0.9)
    glint = ((less - usual) / (1 - usual)).clip(0, 1)
    neutral = np.maximum(np.minimum(part[..., 1:].mean(axis=2) * _DARK, _DARKEST), glint)[..., np.newaxis]
    return np.asarray(part + amount * weights[..., np.newaxis] * (neutral - part), np.float32)
