"""Making pupils dark that a flash has made red."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.faces.mesh import Iris
from services.inference.media import Image

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_LEAST_RED, _MOST_RED = 0.25, 0.65
"""Share of a pixel's red by which it is above green and blue, from which it is of a red pupil: at the highest sensitivity and the lowest.
Skin has up to 0.3."""
_ORANGE = 0.75  # of the excess of green over blue, that counts against red: brown irises have it, red pupils hardly
_LEAST_EXCESS = 0.2  # of the range of samples: the same in absolute terms, since dark pixels have no certain hue
_BEYOND = 1.15  # radii of the iris within which a pupil is sought
_INNER = 0.6  # radii of the iris: a pupil reaches into that
_LEAST_AREA = 0.05  # of the iris
_ROUND = 0.45  # of the circle around it: what a pupil covers at least, with the glint in it
_SOFT = 0.08  # radii of the iris: standard deviation of the edge of what is corrected
_DARK, _DARKEST = 0.6, 0.25
"""A corrected pupil is as bright as this share of its green and blue, and at most so bright, of the range of samples."""
_SMALLEST = 1.5  # pixels: radius of an iris, below which nothing can be recognised


def correct_red_eyes(image: Image, irises: Sequence[Iris], sensitivity: float, strength: float) -> tuple[Image, int]:
    """The picture with red pupils made dark, and how many; the very same if there are none. Both settings from 0 to 1.

    Only pixels within an iris and between its lids change, and of those the ones that are red: the glint stays.
    """
    if image.is_gray:
        return image, 0
    pixels = image.pixels
    count = 0
    for iris in irises:
        window = _window(iris, image)
        if window is None:
            continue
        rows, columns = window
        part = pixels[rows, columns].astype(np.float32) / np.float32(image.maximum)
        weights = _red_pupil(part, _places(iris, rows, columns), iris, _MOST_RED + (_LEAST_RED - _MOST_RED) * sensitivity)
        if weights is None:
            continue
        if count == 0:
            pixels = pixels.copy()
        count += 1
        made = _darkened(part, weights, 1 - (1 - strength) ** 2)
        pixels[rows, columns] = np.where(weights[..., np.newaxis] > 0, np.round(made * image.maximum), pixels[rows, columns])
    return (dataclasses.replace(image, pixels=pixels), count) if count else (image, 0)


def _window(iris: Iris, image: Image) -> tuple[slice, slice] | None:
    """The rows and columns around an iris; None if it is too small, or not in the picture."""
    if iris.radius < _SMALLEST:
        return None
    reach = iris.radius * (_BEYOND + 3 * _SOFT) + 1
    left, right = max(0, int(iris.x - reach)), min(image.width, int(iris.x + reach) + 2)
    top, bottom = max(0, int(iris.y - reach)), min(image.height, int(iris.y + reach) + 2)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


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
    inside = (distances <= _BEYOND) & between
    red, green, blue = np.moveaxis(part, 2, 0)
    excess = red - np.maximum(green, blue) - _ORANGE * np.maximum(green - blue, 0)
    redness = np.where(excess > _LEAST_EXCESS, excess / np.maximum(red, 1e-6), 0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(((redness >= least) & inside).astype(np.uint8), connectivity=8)
    area = np.pi * iris.radius**2
    best, most = 0, 0
    for label in range(1, count):
        covered = int(stats[label, cv2.CC_STAT_AREA])
        if covered > most and bool(((labels == label) & (distances <= _INNER)).any()):
            best, most = label, covered
    if not best or most < _LEAST_AREA * area:
        return None
    pupil = _filled(labels == best)
    _, around = cv2.minEnclosingCircle(np.argwhere(pupil)[:, ::-1].astype(np.float32))
    if pupil.sum() < _ROUND * np.pi * (around + 0.5) ** 2:
        return None
    soft = cv2.GaussianBlur(_grown(pupil, iris.radius).astype(np.float32), (0, 0), max(0.5, _SOFT * iris.radius))
    # Less red at its edge and around the glint: there, the share of red that is mixed in counts.
    share = ((redness - least / 2) / (least / 2)).clip(0, 1)
    return np.asarray(np.where(inside, soft * share, 0), np.float32)


def _filled(shape: Flags) -> Flags:
    """A shape without its holes, such as the glint."""
    outlines, _ = cv2.findContours(shape.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    result = np.zeros(shape.shape, np.uint8)
    cv2.drawContours(result, outlines, -1, 1, cv2.FILLED)
    return np.asarray(result > 0)


def _grown(shape: Flags, radius: float) -> Flags:
    reach = max(1, round(radius * _SOFT * 2))
    return np.asarray(cv2.dilate(shape.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0)


def _darkened(part: Floats, weights: Floats, amount: float) -> Floats:
    neutral = np.minimum(part[..., 1:].mean(axis=2) * _DARK, _DARKEST)[..., np.newaxis]
    return np.asarray(part + amount * weights[..., np.newaxis] * (neutral - part), np.float32)
