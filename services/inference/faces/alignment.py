"""Aligning a face as networks that restore faces want it, and bringing it back.

Networks that were trained on FFHQ see a face in 512 x 512 pixels, with its eyes, the tip of its nose and the corners of its mouth in the
places that facexlib names (https://github.com/xinntao/facexlib, facexlib/utils/face_restoration_helper.py, `face_template`).
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_Samples = TypeVar("_Samples", npt.NDArray[np.uint8], npt.NDArray[np.float32])

SIDE = 512
"""Height and width in pixels of an aligned face."""
TEMPLATE: Floats = np.array(
    [(192.98138, 239.94708), (318.90277, 240.1936), (256.63416, 314.01935), (201.26117, 371.41043), (313.08905, 371.15118)]
)
"""Both eyes, the tip of the nose, and both corners of the mouth, from left to right in the picture; x and y in pixels."""

_EYES = (33, 133), (362, 263)
_NOSE, _MOUTH = 1, (61, 291)
_IN_BOX = np.array([(0.305, 0.325), (0.695, 0.325), (0.5, 0.56), (0.335, 0.74), (0.665, 0.74)])
"""Where the five points are in the box of an upright face from brow to chin, in its width and height: for use where they are unknown."""
_BORDER = (135.0, 133.0, 132.0)
"""The colour beyond the picture's edges, as in facexlib."""


def points_of(mesh: npt.NDArray[np.floating]) -> Floats:
    """The five points of a face, 5 x 2, from the 468 of MediaPipe's mesh; an eye is where the middle of its corners is."""
    eyes = [mesh[list(corners), :2].mean(axis=0) for corners in _EYES]
    return np.asarray([*eyes, mesh[_NOSE, :2], *(mesh[corner, :2] for corner in _MOUTH)], np.float64)


def usual_points(left: float, top: float, width: float, height: float) -> Floats:
    """About where the five points are in the box of an upright face, from brow to chin."""
    return np.asarray(_IN_BOX * (width, height) + (left, top), np.float64)


def similarity(source: Floats, target: Floats) -> Floats:
    """The turn, scale and shift, 2 x 3, that brings the points `source` [N, 2] nearest to `target` by least squares.

    It does not mirror. Umeyama: "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991. Raises
    ValueError if all points of `source` are the same.
    """
    middle, other = source.mean(axis=0), target.mean(axis=0)
    centred = source - middle
    variance = float((centred**2).sum() / len(source))
    if variance == 0:
        raise ValueError("all points are the same")
    left, values, right = np.linalg.svd((target - other).T @ centred / len(source))
    sign = np.array([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) >= 0 else -1.0])
    turn = left @ np.diag(sign) @ right
    scaled = turn * float((values * sign).sum()) / variance
    return np.column_stack([scaled, other - scaled @ middle])


def inverse(matrix: Floats) -> Floats:
    """The transform back."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def warp(pixels: _Samples, matrix: Floats, height: int, width: int, border: tuple[float, float, float] = _BORDER) -> _Samples:
    """A part of `pixels` (height x width x 3): a place (x, y) of the result shows what is at `matrix` times it, `border` beyond the edges.

    Pixels are squares with their centres at halves. Pictures that get smaller are averaged first.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    inner = matrix.copy()
    shown = pixels
    if scale > 1:
        size = max(1, round(pixels.shape[1] / scale)), max(1, round(pixels.shape[0] / scale))
        shown = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        inner *= np.array([size[0] / pixels.shape[1], size[1] / pixels.shape[0]])[:, np.newaxis]
    inner[:, 2] += inner[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(shown, inner, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border)  # type: ignore[return-value]
