"""Documents as pictures: paper with print on it, and marks that are lighter than the print."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.watermark.strokes import Mask, Pixels8, luminance, thicken

_DARKEST = 190  # levels: darker is not paper
_SPREAD = 6  # levels
_LEAST_SHARE = 0.45  # of the picture, in the tone of the paper
_DRAWN = 0.6  # of the pixels
PRINT = 100
"""Minimum levels by which print is darker than the paper."""
_SOFT_EDGE = 2  # pixels


def tone(pixels: Pixels8) -> npt.NDArray[np.float32] | None:
    """The colour of the paper that a picture shows, one value per channel; None if it shows something else."""
    gray = np.asarray(pixels[..., 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    lightness = int(_counts(gray).argmax())
    if lightness < _DARKEST:
        return None
    near = np.asarray(cv2.inRange(gray, lightness - _SPREAD, lightness + _SPREAD), np.uint8)
    if cv2.countNonZero(near) < _LEAST_SHARE * gray.size:
        return None
    return np.array([_median(_counts(np.ascontiguousarray(channel), near)) for channel in cv2.split(pixels)], np.float32)


def _counts(plane: Pixels8, where: Pixels8 | None = None) -> npt.NDArray[np.int64]:
    """Number of pixels at each of 256 levels."""
    return np.asarray(cv2.calcHist([plane], [0], where, [256], [0, 256]), np.int64).ravel()


def _median(counts: npt.NDArray[np.int64]) -> float:
    """The median level, given the number of values at each level."""
    below, total = np.cumsum(counts), int(counts.sum())
    return float(np.searchsorted(below, ((total - 1) // 2, total // 2), side="right").mean())


def is_drawn(pixels: Pixels8) -> bool:
    """Whether a program drew the picture, such as a window or a chart: most pixels have exactly their neighbour's colour."""
    same = sum(int((pixels[rows, 1:] == pixels[rows, :-1]).all(axis=2).sum()) for rows in strips(pixels.shape[0]))
    return same > _DRAWN * float(pixels.shape[0] * (pixels.shape[1] - 1))


def without_print(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> Pixels8:
    """The document without anything as dark as print: what a light mark under the text looks like alone."""
    dark = _print(pixels, paper)
    result = pixels.copy()
    result[dark] = np.round(paper).astype(np.uint8)
    return result


def is_empty(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> bool:
    """Whether there is nothing on the paper."""
    return float((np.abs(luminance(pixels) - float(paper.mean())) > _SPREAD).mean()) < 0.0008


def _print(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> Mask:
    darkest = np.asarray(cv2.erode(luminance(pixels), np.ones((3, 3), np.uint8)), np.float32)
    return thicken(darkest < float(paper.mean()) - PRINT, _SOFT_EDGE)
