"""Filling a hole with patches from the rest of a picture, from a small copy of it to its full size.

Each pixel of the hole becomes the mean of what the patches around it, each with the nearest patch of the known part in its place, say
about it; then the nearest patches are looked for again (Wexler et al. 2007, "Space-Time Completion of Video"). Where the picture is too
large for that, the patches found on the smaller copy are taken from the larger one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.erasing.neighbours import RADIUS as _BORDER
from services.inference.erasing.neighbours import Indices, Level, Mask, Plane, nearest

Pixels8 = npt.NDArray[np.uint8]

_DEEPEST = 8.0  # pixels from the known part to the middle of the hole, on the smallest copy
_SMALLEST = 40  # pixels: least side of the smallest copy
_LEAST_SOURCES = 64
_ROUNDS = {True: 10, False: 4}  # of searching and filling: on the smallest copy, and on the others
_MOST_TARGETS, _MOST_SOURCES = 120_000, 700_000  # patches, of a copy that is searched
_EXAMPLES = 4_000  # patches that a hole is begun with
_FALLOFF = 1.3  # of a patch's weight with each pixel from the known part
_CHUNK = 1 << 17  # pixels at once


def complete(pixels: Pixels8, hole: Mask, usable: Mask, check: Callable[[], None]) -> Pixels8 | None:
    """The picture, height x width x 3, with its hole filled with what is `usable` of the rest; None if that is too little.

    Nothing outside of the hole changes, and what the hole held has no influence.
    """
    pictures, holes, usables = _copies(pixels, hole, usable)
    rng = np.random.default_rng(0)  # the same picture gives the same result
    level: Level | None = None
    field: Indices | None = None
    distances: Plane | None = None
    for number in reversed(range(len(pictures))):
        finer = Level(pictures[number], holes[number], usables[number])
        if finer.sources.size < _LEAST_SOURCES:
            if level is not None:
                return None
            continue
        smallest = level is None
        if level is None or field is None or distances is None:
            _peeled(finer, holes[number])
        else:
            field, distances = _finer(level, finer, field, distances, rng)
            _vote(finer, field, distances, holes[number])
        level = finer
        if level.targets.size <= _MOST_TARGETS and level.sources.size <= _MOST_SOURCES:
            for _ in range(_ROUNDS[smallest]):
                check()
                flat = level.flat()
                sources = level.source_descriptions(flat)
                field, distances = nearest(level, level.describe(flat, level.targets), sources, field, rng)
                _vote(level, field, distances, holes[number])
        check()
    if level is None or field is None:
        return None
    result = pixels.copy()
    result[hole] = np.rint(level.picture[hole]).clip(0, 255).astype(np.uint8)
    return result


def _copies(pixels: Pixels8, hole: Mask, usable: Mask) -> tuple[list[Plane], list[Mask], list[Mask]]:
    """The picture, its hole and what is usable in halving sizes, the largest first."""
    known = (~hole).astype(np.float32)
    pictures, holes, usables = [pixels.astype(np.float32)], [hole], [usable]
    while _depth(holes[-1]) > _DEEPEST and min(holes[-1].shape) >= 2 * _SMALLEST:
        share = _halved(known)
        mean = _halved(pictures[-1] * known[..., np.newaxis]) / np.maximum(share, 1e-3)[..., np.newaxis]
        smaller = share < 0.5
        known = (~smaller).astype(np.float32)
        pictures.append(np.asarray(mean, np.float32))
        holes.append(smaller)
        usables.append((_halved(usables[-1].astype(np.float32)) > 0.99) & ~smaller)
    return pictures, holes, usables


def _halved(plane: Plane) -> Plane:
    """Means of two by two, the last row and column repeated where they are odd."""
    odd = [(0, size % 2) for size in plane.shape[:2]] + [(0, 0)] * (plane.ndim - 2)
    even = np.pad(plane, odd, mode="edge")
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4, np.float32)


def _depth(hole: Mask) -> float:
    return float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())


def _peeled(level: Level, hole: Mask) -> None:
    """Fill the hole for a beginning, in place, layer by layer from its border, with what surrounds the patch most like the known pixels."""
    unknown = np.pad(hole, _BORDER, mode="reflect")
    flat, sources = level.flat(), level.sources[:: -(-level.sources.size // _EXAMPLES)]
    examples = flat[sources[:, np.newaxis] + level.offsets].reshape(sources.size, -1)
    squares = examples**2
    left = hole.copy()
    while left.any():
        inner = cv2.erode(left.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
        rows, columns = np.nonzero(left & ~inner)
        positions = ((rows + _BORDER) * level.across + columns + _BORDER).astype(np.int32)
        places = positions[:, np.newaxis] + level.offsets
        seen = np.repeat(~unknown.ravel()[places], 3, axis=1).astype(np.float32)
        known = flat[places].reshape(positions.size, -1) * seen
        found = (seen @ squares.T - 2 * (known @ examples.T)).argmin(axis=1)
        level.picture[rows, columns] = flat[sources[found]]
        left &= inner
        unknown, flat = np.pad(left, _BORDER, mode="reflect"), level.flat()


def _finer(coarse: Level, fine: Level, field: Indices, distances: Plane, rng: np.random.Generator) -> tuple[Indices, Plane]:
    """The field of a copy twice as large: each patch comes from where the one that covers it on the smaller copy does."""
    rows, columns = np.divmod(fine.targets, fine.across)
    rows, columns = rows - _BORDER, columns - _BORDER
    own = coarse.target_at[(rows // 2 + _BORDER) * coarse.across + columns // 2 + _BORDER]
    from_rows, from_columns = np.divmod(coarse.sources[field[own]], coarse.across)
    rows = ((from_rows - _BORDER) * 2 + rows % 2).clip(0, fine.height - 1)
    columns = ((from_columns - _BORDER) * 2 + columns % 2).clip(0, fine.width - 1)
    found = fine.source_at[(rows + _BORDER) * fine.across + columns + _BORDER]
    lost = (own < 0) | (found < 0)
    found[lost] = rng.integers(0, fine.sources.size, int(lost.sum()))
    told = distances[own]
    told[lost] = distances.max()
    return found, told


def _vote(level: Level, field: Indices, distances: Plane, hole: Mask) -> None:
    """Fill the hole, in place, with the weighted mean of what the patches say."""
    depth = cv2.distanceTransform(np.pad(hole, _BORDER).astype(np.uint8), cv2.DIST_L2, 3).ravel()[level.targets]
    scale = 2 * max(1.0, float(np.percentile(distances, 75)))
    weights = np.exp(-distances / scale) * np.float32(_FALLOFF) ** -np.minimum(depth, 60) + np.float32(1e-12)
    flat, origins = level.flat(), level.sources[field]
    filled = np.empty((level.hole.size, 3), np.float32)
    for start in range(0, level.hole.size, _CHUNK):
        positions = level.hole[start : start + _CHUNK]
        total, share = np.zeros((positions.size, 3), np.float32), np.zeros(positions.size, np.float32)
        for offset in level.offsets:
            target = level.target_at[positions + offset]
            weight = np.where(target >= 0, weights[target], 0)
            total += weight[:, np.newaxis] * flat[origins[target] - offset]
            share += weight
        filled[start : start + _CHUNK] = total / share[:, np.newaxis]
    level.picture[hole] = filled
