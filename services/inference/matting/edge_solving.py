"""From the model's alpha to one whose edges, including hair, follow the colours of the picture, at the model's own size."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.tuning import Tuning

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

_UNSURE = 4, 251  # of 255: values of the model between these are an edge
_STEP = 100  # an outline may also jump from one to the other
_EPSILON = 1e-6  # colour variance (of 1) that counts as flat
_FIXED = 10.0  # weight of the model's alpha where it is sure
_ROUNDS = 40
_TOLERANCE = 1e-7  # mean of the squared residual at which the solution is good enough
_BETWEEN = 0.1  # alpha between this and 1 less this is neither subject nor background
_ZONE = 25  # pixels of the window that measures a zone's width: the share of an outline is at most the first, of hair the second
_OUTLINE, _HAIR = 0.03, 0.12
_SOFT_PULL = 0.003
_OUTLINE_MOVES = 1  # pixel
_MARGIN = 32  # pixels around unsure ones that are solved as well


def solve_edges(coarse: Pixels8, guide: Pixels8, tuning: Tuning, check: Callable[[], None]) -> Pixels8:
    """The alpha that fits both the model's alpha (`coarse`, height x width) and the colours (`guide`, height x width x 3, sRGB).

    Closed-form matting (Levin, Lischinski, Weiss, TPAMI 2008) with large windows (He, Sun, Tang: "Fast Matting Using Large Kernel
    Matting Laplacian Matrices", CVPR 2010): the matting Laplacian's product with an alpha is the alpha less its guided filter, which box
    filters compute, so that conjugate gradients need no matrix. Where the model is sure, its alpha is kept; elsewhere it is
    weighted by `tuning`. Needs about 100 bytes a pixel. `check` is called between rounds and may raise to cancel.
    """
    unsure = _unsure(coarse, tuning.reach)
    if not unsure.any():
        return coarse
    box = _box(unsure)
    given = coarse[box].astype(np.float32) / np.float32(255)
    window = _Window(guide[box].astype(np.float32) / np.float32(255), tuning.radius)
    softness = _softness(given) * np.float32(tuning.softness)
    weight = np.where(unsure[box], _pull(given, softness, tuning), _FIXED).astype(np.float32)
    solved = _near_outlines(_conjugate_gradients(window, weight, given, check), given, softness)
    out = coarse.copy()
    out[box] = np.where(unsure[box], np.round(solved.clip(0, 1) * 255), out[box]).astype(np.uint8)
    return out


class _Window:
    """Guided filter (He, Sun, Tang, TPAMI 2013) of one guide in square windows."""

    def __init__(self, guide: Floats, radius: int) -> None:
        self._size = (2 * radius + 1, 2 * radius + 1)
        # Centred on zero, products of colours keep their digits in single precision.
        self._guide = guide - guide.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
        self._mean_guide = self._mean(self._guide)
        self._inverse = self._inverted()

    def filter(self, alpha: Floats) -> Floats:
        """Each pixel from the linear functions of colour that fit `alpha` best in the windows that contain it."""
        mean = self._mean(alpha)
        red, green, blue = np.moveaxis(self._mean(self._guide * alpha[..., None]) - self._mean_guide * mean[..., None], -1, 0)
        rr, rg, rb, gg, gb, bb = self._inverse
        slopes = np.dstack([rr * red + rg * green + rb * blue, rg * red + gg * green + gb * blue, rb * red + gb * green + bb * blue])
        offset = mean - np.einsum("yxc,yxc->yx", slopes, self._mean_guide)
        return np.asarray(np.einsum("yxc,yxc->yx", self._mean(slopes), self._guide) + self._mean(offset), np.float32)

    def _inverted(self) -> list[Floats]:
        """The inverse covariance of the colours in each window: rr, rg, rb, gg, gb, bb."""
        # In single precision, the determinant for collinear colours, such as grays, would be only rounding errors.
        rr, rg, rb, gg, gb, bb = (self._covariance(i, j).astype(np.float64) for i in range(3) for j in range(i, 3))
        rr, gg, bb = rr + _EPSILON, gg + _EPSILON, bb + _EPSILON
        cofactors = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg, rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]
        return [(cofactor / determinant).astype(np.float32) for cofactor in cofactors]

    def _covariance(self, i: int, j: int) -> Floats:
        return self._mean(self._guide[..., i] * self._guide[..., j]) - self._mean_guide[..., i] * self._mean_guide[..., j]

    def _mean(self, values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, self._size, borderType=cv2.BORDER_REFLECT), np.float32)


def _conjugate_gradients(window: _Window, weight: Floats, given: Floats, check: Callable[[], None]) -> Floats:
    """Solves (1 - guided filter + weight) alpha = weight * given, preconditioned by the diagonal."""
    diagonal = 1 + weight

    def apply(alpha: Floats) -> Floats:
        return diagonal * alpha - window.filter(alpha)

    alpha = given.copy()
    residual = weight * given - apply(alpha)
    direction = residual / diagonal
    size = float((residual * direction).sum(dtype=np.float64))
    for _ in range(_ROUNDS):
        if size < _TOLERANCE * alpha.size:
            break
        check()
        image = apply(direction)
        step = np.float32(size / float((direction * image).sum(dtype=np.float64)))
        alpha += step * direction
        residual -= step * image
        scaled = residual / diagonal
        before, size = size, float((residual * scaled).sum(dtype=np.float64))
        direction = scaled + np.float32(size / before) * direction
    return alpha


def _softness(given: Floats) -> Floats:
    """0 at outlines, 1 where the model is undecided over a wide zone, as in hair."""
    between = ((given > _BETWEEN) & (given < 1 - _BETWEEN)).astype(np.float32)
    share = np.asarray(cv2.blur(between, (_ZONE, _ZONE), borderType=cv2.BORDER_REFLECT), np.float32)
    return np.asarray(((share - _OUTLINE) / (_HAIR - _OUTLINE)).clip(0, 1), np.float32)


def _pull(given: Floats, softness: Floats, tuning: Tuning) -> Floats:
    """The weight of the model's alpha where it is unsure."""
    pull = tuning.pull * (1 - softness) + _SOFT_PULL * softness
    return np.asarray(pull * (1 + tuning.certainty * (1 - softness) * (2 * given - 1) ** 2), np.float32)


def _near_outlines(solved: Floats, given: Floats, softness: Floats) -> Floats:
    """Limits alpha to move a few pixels at outlines: texture on both sides would pull it further."""
    window = np.ones((2 * _OUTLINE_MOVES + 1,) * 2, np.uint8)
    bounded = np.clip(solved, cv2.erode(given, window), cv2.dilate(given, window))
    return np.asarray(solved * softness + bounded * (1 - softness), np.float32)


def _unsure(coarse: Pixels8, reach: int) -> npt.NDArray[np.bool_]:
    low, high = _UNSURE
    jump = cv2.morphologyEx(coarse, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _STEP
    edge = ((coarse > low) & (coarse < high)) | jump
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(edge.astype(np.uint8), around) > 0)


def _box(mask: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(max(rows[0] - _MARGIN, 0), rows[-1] + 1 + _MARGIN), slice(max(columns[0] - _MARGIN, 0), columns[-1] + 1 + _MARGIN)
