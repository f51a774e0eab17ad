"""How far a cut-out is from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

TOLERANCE = 0.001  # of the diagonal, by which an outline may be off: about a pixel of the network
_WITHIN = 0.003  # of the longest side: the boundary reaches this far from pixels that are neither subject nor background
_SEEN = 0.05  # opacity above which a pixel's colour counts


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one result."""

    alpha: float
    """Mean absolute error of alpha, 0 to 1, over the whole picture."""
    boundary: float
    """The same at the boundary."""
    precision: float
    """The share of the result's outline, where alpha is one half, that is within the tolerance of the true one."""
    recall: float
    """The share of the true outline that is within the tolerance of the result's."""
    colour: float
    """Mean absolute error of the foreground's colour where the true alpha is between, weighted by it; levels of 255."""

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


class Truth:
    """A picture's true alpha, height x width, and colours, height x width x 3; 0 to 1."""

    def __init__(self, alpha: Floats, colours: Floats) -> None:
        self._alpha, self._colours = alpha, colours
        self._boundary, self._outline = _boundary(alpha), _outline(alpha)
        self._tolerance = TOLERANCE * float(np.hypot(*alpha.shape))
        self._near = _within(self._outline, self._tolerance)

    def score(self, rgba: npt.NDArray[np.uint8]) -> Score:
        """The errors of a cut-out, height x width x 4."""
        alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
        error = np.abs(alpha - self._alpha)
        between = (self._alpha > _SEEN) & (self._alpha < 1 - _SEEN) & (alpha > _SEEN)
        weight = self._alpha[between]
        off = np.abs(rgba[..., :3][between].astype(np.float32) - self._colours[between] * 255).mean(axis=1)
        outline = _outline(alpha)
        return Score(
            alpha=float(error.mean(dtype=np.float64)),
            boundary=float(error[self._boundary].mean(dtype=np.float64)),
            precision=_share(self._near, outline),
            recall=_share(_within(outline, self._tolerance), self._outline),
            colour=float((off * weight).sum() / max(float(weight.sum()), 1e-6)),
        )


def mean(scores: Sequence[Score]) -> Score:
    """The mean of each error."""
    return Score(*(float(np.mean([getattr(each, name) for each in scores])) for name in Score.__slots__))


def _boundary(alpha: Floats) -> Bools:
    edge = ((alpha > 0.004) & (alpha < 0.996)).astype(np.uint8)
    size = 2 * max(5, round(max(alpha.shape) * _WITHIN)) + 1
    return np.asarray(cv2.dilate(edge, np.ones((size, size), np.uint8)) > 0)


def _outline(alpha: Floats) -> Bools:
    inside = (alpha >= 0.5).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0)


def _within(outline: Bools, tolerance: float) -> Bools:
    """The pixels that are so near to an outline."""
    size = 2 * int(tolerance) + 1
    return np.asarray(cv2.dilate(outline.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0)


def _share(region: Bools, outline: Bools) -> float:
    """Of an outline, how much lies in a region; none if there is no outline."""
    return float(region[outline].mean()) if outline.any() else 0.0
