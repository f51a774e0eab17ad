"""Blocks of 8 × 8 pixels and their cosine transform."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIDE = 8


def _cosines() -> Floats:
    rows = [
        [math.sqrt((1 if k == 0 else 2) / SIDE) * math.cos(math.pi * (2 * n + 1) * k / (2 * SIDE)) for n in range(SIDE)]
        for k in range(SIDE)
    ]
    return np.array(rows, np.float32)


DCT: Floats = np.ascontiguousarray(np.kron(_cosines(), _cosines()).T)
"""64 × 64, orthonormal: `blocks @ DCT` transforms blocks in rows of 64 numbers, `coefficients @ DCT.T` undoes it."""


def blocks_of(plane: Floats) -> Floats:
    """A plane whose sides are multiples of 8 as blocks, in rows of 64 numbers."""
    height, width = plane.shape
    cut = plane.reshape(height // SIDE, SIDE, width // SIDE, SIDE).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(cut).reshape(-1, SIDE * SIDE)


def plane_of(blocks: Floats, height: int, width: int) -> Floats:
    """The plane that `blocks_of` has cut."""
    return blocks.reshape(height // SIDE, width // SIDE, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(height, width)
