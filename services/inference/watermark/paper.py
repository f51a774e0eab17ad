"""Documents as pictures: paper with print on it, and marks that are lighter than the print."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Mask, Pixels8, luminance, thickened

_DARKEST = 190  # levels: what is darker is no paper
_SPREAD = 6  # levels
_LEAST_SHARE = 0.45  # of the picture, in the tone of the paper
_DRAWN = 0.6  # of the pixels
PRINT = 100
"""Levels by which print is darker than the paper, at least."""
_SOFT_EDGE = 2  # pixels


def tone(pixels: Pixels8) -> npt.NDArray[np.float32] | None:
    """The colour of the paper that a picture shows, one value a channel; None where it shows something else."""
    gray = luminance(pixels)
    counts = np.bincount(gray.astype(np.uint8).ravel(), minlength=256)
    lightness = int(counts.argmax())
    if lightness < _DARKEST:
        return None
    near = np.abs(gray - lightness) <= _SPREAD
    return np.asarray(np.median(pixels[near], axis=0), np.float32) if near.mean() >= _LEAST_SHARE else None


def is_drawn(pixels: Pixels8) -> bool:
    """Whether a program has drawn the picture, as a window or a chart: most of it is of exactly its neighbour's colour."""
    return float((pixels[:, 1:] == pixels[:, :-1]).all(axis=2).mean()) > _DRAWN


def without_print(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> Pixels8:
    """The document with nothing on it that is as dark as print: what a light mark under the text looks like alone."""
    dark = _print(pixels, paper)
    result = pixels.copy()
    result[dark] = np.round(paper).astype(np.uint8)
    return result


def is_empty(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> bool:
    """Whether there is nothing on the paper."""
    return float((np.abs(luminance(pixels) - float(paper.mean())) > _SPREAD).mean()) < 0.0008


def _print(pixels: Pixels8, paper: npt.NDArray[np.float32]) -> Mask:
    darkest = np.asarray(cv2.erode(luminance(pixels), np.ones((3, 3), np.uint8)), np.float32)
    return thickened(darkest < float(paper.mean()) - PRINT, _SOFT_EDGE)
