"""Translucent marks: the colour laid over the picture, its opacity, and the picture without it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Mask, Pixels8, thicken

Levels = npt.NDArray[np.float32]

_LEAST_OPACITY, _MOST_OPACITY = 0.06, 0.85  # above the second, eight bits no longer hold the picture below
_INSIDE, _OUTSIDE = (1.5, 6.0), (2.0, 6.5)  # pixels from a stroke's border: excludes soft edges and ringing
_PATCH, _LEAST_IN_PATCH, _LEAST_PATCHES = 12, 5, 6
_LEAST_VARIATION = 6.0  # levels of standard deviation of the surrounding picture; less cannot distinguish paint from glass
_LEAST_CORRELATION = 0.7
_BEYOND = 40.0  # levels by which a colour estimate may leave the valid range
_ROUNDS = 6
_MOST_MISFIT = 0.2


@dataclass(frozen=True, slots=True)
class Blend:
    """`seen = (1 - opacity) x below + opacity x colour`, a value from 0 to 255 for each channel."""

    colour: tuple[float, ...]
    opacity: float
    correlation: float
    """Between the picture next to the strokes and the pixels in them: 1 where it shows through them exactly."""

    misfit: float = 0.0
    """The part that the paint does not explain, as a share of what it adds; the median over places."""


def measure(pixels: Pixels8, strokes: Mask) -> Blend | None:
    """How the strokes were blended over the crop; None if that cannot be determined or they are opaque.

    On both sides of the strokes' borders the picture below is the same except for texture. So mean colours inside, plotted against those
    a few pixels outside, lie on a line whose slope is the share that shows through. Texture disturbs both, in the same proportion as the
    slope, for which geometric mean regression is consistent. A sign painted on a wall does not follow this: varying light
    makes its light letters vary more than its ground, not less.
    """
    inside, outside = _sides(pixels, strokes)
    if len(inside) < _LEAST_PATCHES:
        return None
    weight = np.ones(len(inside))
    slope, offset, correlation, variation = 0.0, np.zeros(pixels.shape[2]), 0.0, 0.0
    for _ in range(_ROUNDS):
        total = weight.sum()
        mean_in, mean_out = (weight @ inside) / total, (weight @ outside) / total
        from_in, from_out = inside - mean_in, outside - mean_out
        spread_in = float(weight @ (from_in**2).sum(axis=1)) / total
        spread_out = float(weight @ (from_out**2).sum(axis=1)) / total
        together = float(weight @ (from_in * from_out).sum(axis=1)) / total
        variation = float(np.sqrt(spread_out / pixels.shape[2]))
        if variation < _LEAST_VARIATION or together <= 0 or spread_in <= 0:
            return None
        slope, correlation = float(np.sqrt(spread_in / spread_out)), float(together / np.sqrt(spread_in * spread_out))
        offset = mean_in - slope * mean_out
        error = np.sqrt(((inside - slope * outside - offset) ** 2).mean(axis=1))
        # Places across an edge of the picture do not measure the paint.
        limit = max(3.0, 1.5 * float(np.median(error)))
        weight = 1 / (1 + (error / limit) ** 4)
    opacity = 1 - slope
    if not _LEAST_OPACITY <= opacity <= _MOST_OPACITY or correlation < _LEAST_CORRELATION:
        return None
    colour = offset / opacity
    if colour.min() < -_BEYOND or colour.max() > 255 + _BEYOND:
        return None
    error = np.linalg.norm(inside - slope * outside - offset, axis=1)
    added = np.linalg.norm(offset - opacity * outside, axis=1)
    misfit = float(np.median(error) / max(1.0, float(np.median(added))))
    if misfit > _MOST_MISFIT:
        return None
    return Blend(tuple(float(value) for value in colour.clip(0, 255)), opacity, correlation, misfit)


def unblend(samples: Levels, opacity: Levels | float, colour: Levels | float) -> Levels:
    """The picture below: samples from 0 to 255, height x width x channels or n x channels. `opacity` is below 1."""
    return np.asarray((samples - opacity * colour) / (1 - opacity), np.float32).clip(0, 255)


def smooth_below(pixels: Pixels8, mask: Mask) -> Pixels8:
    """The crop with the mask filled from its border (Bertalmio et al., Navier-Stokes, CVPR 2001)."""
    filled = cv2.inpaint(pixels if pixels.shape[2] == 3 else pixels[..., 0], mask.astype(np.uint8), 3, cv2.INPAINT_NS)
    return np.asarray(filled, np.uint8).reshape(pixels.shape)


def _sides(pixels: Pixels8, strokes: Mask) -> tuple[Levels, Levels]:
    """Mean colours inside and next to the strokes, one row for each square of the crop with enough of both."""
    depth = cv2.distanceTransform(strokes.astype(np.uint8), cv2.DIST_L2, 5)
    distance = cv2.distanceTransform((~strokes).astype(np.uint8), cv2.DIST_L2, 5)
    # Use the middle of strokes that are too thin to have pixels away from their border.
    ridge = strokes & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & ~thicken(depth > _INSIDE[0], 3)
    inner = _patch_means(pixels, ((depth > _INSIDE[0]) & (depth < _INSIDE[1])) | ridge)
    outer = _patch_means(pixels, (distance > _OUTSIDE[0]) & (distance < _OUTSIDE[1]))
    both = ~np.isnan(inner[:, 0]) & ~np.isnan(outer[:, 0])
    return inner[both], outer[both]


def _patch_means(pixels: Pixels8, mask: Mask) -> Levels:
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    across = -(-width // _PATCH)
    label = (rows // _PATCH) * across + columns // _PATCH
    size = across * -(-height // _PATCH)
    count = np.bincount(label, minlength=size).astype(np.float64)
    count[count < _LEAST_IN_PATCH] = np.nan
    sums = [np.bincount(label, pixels[rows, columns, channel].astype(np.float64), size) for channel in range(pixels.shape[2])]
    return np.asarray(np.stack(sums, axis=1) / count[:, np.newaxis], np.float32)
