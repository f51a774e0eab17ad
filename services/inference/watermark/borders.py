"""Both sides of the borders of shapes: whether one paint explains all of them, and which."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import PAINTS, Mask, Pixels8, thin

Colours = npt.NDArray[np.float32]
"""n x channels, in levels."""

MOST_OPACITY = 0.9
_INSIDE, _OUTSIDE = 2.2, (2.2, 3.0)  # pixels from the border
_NEAR = 12.0  # levels: a picture so near the paint's colour says nothing about it
_LEAST_PAIRS = 10
_WIDTH, _LEAST_WIDTH = 0.35, 0.03  # of the step that most pairs agree on
_MISFIT, _LEAST_MISFIT = 0.45, 2.0  # of what the paint changes; levels
_PURE = 25.0  # levels
_SEEN = 8.0  # levels by which paint changes what it covers
_ROUNDS = 3
_COLOURED = 0.9  # white and black are more likely than any other colour


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The paint that explains the borders of shapes best, given roughly: values from 0 to 255, 0 to 1."""

    colour: tuple[float, ...]
    opacity: float
    agreeing: float
    """Share of the border's pixels that it explains."""


def fit_border(pixels: Pixels8, shapes: Mask, colour: tuple[float, ...]) -> Fit | None:
    """The opacity of a paint of about this colour, and its colour unless it is white or black; None if there are too few pixels."""
    inside, outside, depth, _ = _sides(pixels, shapes)
    return _fitted(inside, outside, depth, colour)


def best_fit(pixels: Pixels8, shapes: Mask) -> Fit | None:
    """The paint of any colour that explains the borders of most shapes; None if there are too few pixels."""
    inside, outside, depth, _ = _sides(pixels, shapes)
    best: tuple[float, Fit] | None = None
    for name, colour in PAINTS.items():
        fit = _fitted(inside, outside, depth, tuple(map(float, colour)))
        if fit is None:
            continue
        score = fit.agreeing * (1.0 if name in ("white", "black") else _COLOURED)
        if best is None or score > best[0]:
            best = score, fit
    return None if best is None else best[1]


def _fitted(inside: Colours, outside: Colours, depth: npt.NDArray[np.float32], colour: tuple[float, ...]) -> Fit | None:
    fit = _with_opacity(inside, outside, depth, colour)
    if fit is None or max(colour) == 0 or min(colour) == 255:
        return fit
    coloured = _colour_of(inside, outside, fit)
    return fit if coloured == fit.colour else _with_opacity(inside, outside, depth, coloured)


def _with_opacity(inside: Colours, outside: Colours, depth: npt.NDArray[np.float32], colour: tuple[float, ...]) -> Fit | None:
    paint = np.array(colour, np.float32)
    seen, below = (np.sqrt(((side - paint) ** 2).mean(axis=1)) for side in (inside, outside))
    telling = below > _NEAR
    if telling.sum() < _LEAST_PAIRS:
        return None
    steps = np.log((below[telling] + 1.5) / (seen[telling] + 1.5))
    # The middle of a stroke has the full opacity, its edge has less.
    deep = depth[telling] >= np.median(depth[telling])
    step = float(np.median(steps[deep]))
    for _ in range(_ROUNDS):
        near = deep & (np.abs(steps - step) < _WIDTH * step + _LEAST_WIDTH)
        if near.sum() < _LEAST_PAIRS:
            break
        step = float(np.percentile(steps[near], 55))
    opacity = min(MOST_OPACITY, 1 - float(np.exp(-max(step, 0.02))))
    fit = Fit(colour, opacity, 0.0)
    return replace(fit, agreeing=float(_explained(inside, outside, fit).mean()))


def under_paint(picture: Colours, colour: tuple[float, ...], opacity: float) -> Colours:
    """How the picture is seen under paint."""
    return np.asarray(picture + (np.array(colour, np.float32) - picture) * np.float32(opacity), np.float32)


def _colour_of(inside: Colours, outside: Colours, fit: Fit) -> tuple[float, ...]:
    expected = under_paint(outside, fit.colour, fit.opacity)
    agreeing = np.abs(inside - expected).mean(axis=1) < 0.6 * np.abs(outside - expected).mean(axis=1) + 4
    if agreeing.sum() < _LEAST_PAIRS:
        return fit.colour
    added = inside[agreeing] - (1 - fit.opacity) * outside[agreeing]
    colour = (np.median(added, axis=0) / fit.opacity).clip(0, 255)
    if colour.min() > 255 - _PURE:
        return (255.0,) * len(colour)
    if colour.max() < _PURE:
        return (0.0,) * len(colour)
    return tuple(float(level) for level in colour)


def explained_border(pixels: Pixels8, shapes: Mask, fit: Fit) -> tuple[int, int]:
    """How many pixels of the shapes' border the paint explains, and how many it does not."""
    inside, outside, _, _ = _sides(pixels, shapes)
    count = int(_explained(inside, outside, fit).sum())
    return count, len(inside) - count


def telling(pixels: Pixels8, shapes: Mask, fit: Fit) -> tuple[int, int]:
    """`explained_border`, of those pixels where the paint would be seen."""
    inside, outside, _, _ = _sides(pixels, shapes)
    seen = np.abs(under_paint(outside, fit.colour, fit.opacity) - outside).mean(axis=1) > _SEEN
    agreeing = _explained(inside, outside, fit)
    return int((seen & agreeing).sum()), int((seen & ~agreeing).sum())


def agreement(pixels: Pixels8, shapes: Mask, fit: Fit, labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """The share of its border that the paint explains, for each connected shape, which `labels` numbers from 1 to `count` - 1."""
    inside, outside, _, (rows, columns) = _sides(pixels, shapes)
    of = labels[rows, columns]
    explained = np.bincount(of[_explained(inside, outside, fit)], minlength=count)
    return np.asarray(explained / np.maximum(1, np.bincount(of, minlength=count)), np.float64)


def _explained(inside: Colours, outside: Colours, fit: Fit) -> npt.NDArray[np.bool_]:
    expected = under_paint(outside, fit.colour, fit.opacity)
    misfit = np.abs(inside - expected).mean(axis=1) - _LEAST_MISFIT
    return np.asarray(misfit < _MISFIT * np.abs(outside - expected).mean(axis=1), np.bool_)


def _sides(pixels: Pixels8, shapes: Mask) -> tuple[Colours, Colours, npt.NDArray[np.float32], tuple[npt.NDArray[np.intp], ...]]:
    """For each pixel of the shapes' border: the colours inside and outside, half the stroke's width there, and its row and column."""
    rows, columns = np.nonzero(shapes & ~thin(shapes, 1))
    soft = cv2.GaussianBlur(shapes.astype(np.float32), (0, 0), 1.0)
    right, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0)[rows, columns], cv2.Sobel(soft, cv2.CV_32F, 0, 1)[rows, columns]
    length = np.hypot(right, down) + 1e-6
    towards = np.stack([right / length, down / length], axis=1)
    depth = cv2.dilate(cv2.distanceTransform(shapes.astype(np.uint8), cv2.DIST_L2, 3), np.ones((5, 5), np.uint8))[rows, columns]
    place = np.stack([columns, rows], axis=1).astype(np.float32)
    inside = _at(pixels, np.asarray(place + towards * (depth - 1).clip(0, _INSIDE)[:, np.newaxis], np.float32))
    outside = np.mean([_at(pixels, np.asarray(place - towards * away, np.float32)) for away in _OUTSIDE], axis=0)
    return inside, np.asarray(outside, np.float32), np.asarray(depth, np.float32), (rows, columns)


def _at(pixels: Pixels8, place: npt.NDArray[np.float32]) -> Colours:
    """The colours at fractional places (column, row), interpolated linearly."""
    if min(pixels.shape[:2]) == 1:
        pixels = np.asarray(np.pad(pixels, ((0, 1), (0, 1), (0, 0)), "edge"), np.uint8)
    height, width = pixels.shape[:2]
    place = place.clip(0, (width - 1.001, height - 1.001))
    column, row = place.astype(np.int64).T
    across, down = (place - np.floor(place)).astype(np.float32).T[..., np.newaxis]
    above = pixels[row, column] * (1 - across) + pixels[row, column + 1] * across
    under = pixels[row + 1, column] * (1 - across) + pixels[row + 1, column + 1] * across
    return np.asarray(above * (1 - down) + under * down, np.float32)
