"""Filling a hole smoothly, as a membrane that is fixed at its border.

The fill solves Laplace's equation, by relaxation from a small copy of the picture to its full size: a linear gradient goes on exactly.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]

_ROUNDS = 24  # of relaxation on each copy
_SMALLEST = 4  # pixels, of a side of the smallest copy
_BESIDE = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)


def membrane(pixels: Pixels8, hole: Mask) -> Pixels8:
    """The picture, height x width x 3, with its hole filled; not everything may be hole."""
    return np.rint(_filled(pixels.astype(np.float32), hole)).clip(0, 255).astype(np.uint8)


def _filled(picture: Plane, hole: Mask) -> Plane:
    if not hole.any():
        return picture
    height, width = hole.shape
    known = (~hole).astype(np.float32)
    if min(height, width) > _SMALLEST:
        size = -(-width // 2), -(-height // 2)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        mean = cv2.resize(picture * known[..., np.newaxis], size, interpolation=cv2.INTER_AREA)
        smaller = np.asarray(mean / np.maximum(share, 1e-3)[..., np.newaxis], np.float32)
        small = _filled(smaller, np.asarray(share < 1e-3, np.bool_))
        guess = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    else:
        guess = np.broadcast_to((picture * known[..., np.newaxis]).sum(axis=(0, 1)) / max(1.0, float(known.sum())), picture.shape)
    result = np.where(hole[..., np.newaxis], guess, picture).astype(np.float32)
    for _ in range(_ROUNDS):
        result[hole] = cv2.filter2D(result, -1, _BESIDE, borderType=cv2.BORDER_REPLICATE)[hole]
    return result
