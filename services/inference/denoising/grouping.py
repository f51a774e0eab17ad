"""Filtering blocks together with those that look alike: K. Dabov et al., "Image denoising by sparse 3-D transform-domain collaborative
filtering" (BM3D), IEEE TIP 16 (2007), with thresholds for each frequency and for the brightness of each block."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.denoising.blocks import DCT, SIDE, Floats
from services.inference.denoising.sliding import Level

_ALIKE = 16
"""Blocks in a group, a power of 2."""
_REACH = 14
_SEARCH_STEP = 2
"""How far, in pixels, alike blocks are looked for, and at which distances: all near ones, and every second of the others."""
_NEAR = 3
_AT_ONCE = 4096
"""Groups."""


def _haar(size: int) -> Floats:
    """size × size, orthonormal."""
    if size == 1:
        return np.ones((1, 1), np.float32)
    half = _haar(size // 2)
    mean, difference = np.kron(half, [1, 1]), np.kron(np.eye(size // 2), [1, -1])
    return np.asarray(np.vstack([mean, difference]) / np.sqrt(2), np.float32)


_ALONG = _haar(_ALIKE)


def filter_groups(
    planes: Floats,
    basic: Floats,
    sigma_of: Callable[[int], Level],
    spectra: Floats,
    between: int,
    check: Callable[[], None],
) -> Floats:
    """Planes, channels × height × width, with each frequency of each group as far as it stands out of the noise in `basic`, which also
    decides which blocks look alike: those of its first channel. `between`: pixels between the blocks for which others are looked for, at
    most 8."""
    height, width = planes.shape[1:]
    rows, columns = _corners(height, between), _corners(width, between)
    places = _alike(basic[0], rows, columns, check)
    inside = np.arange(SIDE)[:, None] * width + np.arange(SIDE)
    flat_planes, flat_basic = planes.reshape(len(planes), -1), basic.reshape(len(basic), -1)
    totals = np.zeros((len(planes), height * width))
    weights = np.zeros((len(planes), height * width))
    for first in range(0, len(places), _AT_ONCE):
        check()
        pixels = places[first : first + _AT_ONCE, :, None] + inside.reshape(-1)
        means = flat_basic[0][pixels].mean(axis=(1, 2))
        for channel in range(len(planes)):
            known = _transformed(flat_basic[channel][pixels])
            noisy = _transformed(flat_planes[channel][pixels])
            variance = (sigma_of(channel)(means) ** 2)[:, None, None] * spectra[channel] ** 2
            known *= known
            gains = known / (known + variance + np.float32(1e-9))
            gains[:, 0, 0] = 1
            noisy *= gains
            weight = 1 / (np.einsum("ijk,ijk->i", gains, gains) * np.maximum(sigma_of(channel)(means), 0.01) ** 2)
            made = np.tensordot(noisy, _ALONG, axes=([1], [0])).transpose(0, 2, 1) @ DCT.T
            made *= weight[:, None, None]
            where = pixels.reshape(-1)
            totals[channel] += np.bincount(where, made.reshape(-1), height * width)
            weights[channel] += np.bincount(where, np.repeat(weight, _ALIKE * SIDE * SIDE), height * width)
    return np.asarray(totals / weights, np.float32).reshape(planes.shape)


def _transformed(blocks: Floats) -> Floats:
    """Groups × blocks × 64, transformed within the blocks and along the group."""
    return np.ascontiguousarray(np.tensordot(blocks @ DCT, _ALONG, axes=([1], [1])).transpose(0, 2, 1))


def _corners(length: int, between: int) -> npt.NDArray[np.int64]:
    found = np.arange(0, length - SIDE + 1, between)
    return found if found[-1] == length - SIDE else np.append(found, length - SIDE)


def _offsets() -> list[tuple[int, int]]:
    reach = range(-_REACH, _REACH + 1)
    found = [
        (down, across)
        for down in reach
        for across in reach
        if max(abs(down), abs(across)) <= _NEAR or (down % _SEARCH_STEP == 0 and across % _SEARCH_STEP == 0)
    ]
    return sorted(found, key=lambda one: one[0] ** 2 + one[1] ** 2)


def _alike(guide: Floats, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], check: Callable[[], None]) -> npt.NDArray[np.int64]:
    """Groups × 16: where the blocks begin, as indices into the plane, that look most like the one at each row and column, and it first."""
    height, width = guide.shape
    padded = cv2.copyMakeBorder(guide, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REFLECT_101)
    offsets = _offsets()
    distances = np.empty((len(offsets), len(rows) * len(columns)), np.float32)
    for number, (down, across) in enumerate(offsets):
        if number % 64 == 0:
            check()
        moved = padded[_REACH + down : _REACH + down + height, _REACH + across : _REACH + across + width]
        difference = guide - moved
        difference *= difference
        sums = cv2.boxFilter(difference, -1, (SIDE, SIDE), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT)
        here = sums[np.ix_(rows, columns)]
        outside_rows = (rows + down < 0) | (rows + down > height - SIDE)
        outside_columns = (columns + across < 0) | (columns + across > width - SIDE)
        here[outside_rows] = np.inf
        here[:, outside_columns] = np.inf
        distances[number] = here.reshape(-1)
    distances[0] = -1
    best = np.argpartition(distances, _ALIKE - 1, axis=0)[:_ALIKE]
    order = np.argsort(np.take_along_axis(distances, best, 0), axis=0)
    best = np.take_along_axis(best, order, 0)
    steps = np.array([down * width + across for down, across in offsets])
    corners = (rows[:, None] * width + columns).reshape(-1)
    return np.asarray((corners + steps[best]).T, np.int64)
