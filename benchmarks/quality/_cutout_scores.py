"""How far a cut-out is from the truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._cutout_scenes import Scene

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_WITHIN = 0.003  # of the longest side: the boundary reaches this far from pixels that are neither subject nor background
_SEEN = 0.05  # opacity above which a pixel's colour counts


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one result; alpha's in per cent of full opacity, the colour's in levels of 255."""

    alpha: float
    """Mean absolute error of alpha, over the whole picture."""
    boundary: float
    """The same at the boundary."""
    gradient: float
    """Mean absolute error of alpha's gradient there."""
    colour: float
    """Mean absolute error of the foreground's colour at the boundary, weighted by the true alpha."""


def boundary_of(alpha: Floats) -> Bools:
    """The true alpha's boundary."""
    edge = ((alpha > 0.004) & (alpha < 0.996)).astype(np.uint8)
    size = 2 * max(5, round(max(alpha.shape) * _WITHIN)) + 1
    return np.asarray(cv2.dilate(edge, np.ones((size, size), np.uint8)) > 0)


def score(scene: Scene, boundary: Bools, alpha: Floats, colours: npt.NDArray[np.uint8]) -> Score:
    """The errors of a cut-out: its alpha, 0 to 1, and its colours, height x width x 3."""
    error = np.abs(alpha - scene.alpha)
    seen = boundary & (scene.alpha > _SEEN) & (scene.alpha < 1 - _SEEN) & (alpha > _SEEN)
    weight = scene.alpha[seen]
    off = np.abs(colours[seen].astype(np.float32) - scene.foreground[seen] * 255).mean(axis=1)
    return Score(
        alpha=float(error.mean(dtype=np.float64)) * 100,
        boundary=float(error[boundary].mean(dtype=np.float64)) * 100,
        gradient=float(np.abs(_gradient(alpha) - _gradient(scene.alpha))[boundary].mean(dtype=np.float64)) * 100,
        colour=float((off * weight).sum() / max(float(weight.sum()), 1e-6)),
    )


def mean(scores: list[Score]) -> Score:
    """The mean of each error."""
    return Score(*(float(np.mean([getattr(each, name) for each in scores])) for name in ("alpha", "boundary", "gradient", "colour")))


def _gradient(alpha: Floats) -> Floats:
    return np.asarray(cv2.magnitude(cv2.Sobel(alpha, cv2.CV_32F, 1, 0), cv2.Sobel(alpha, cv2.CV_32F, 0, 1)), np.float32)
