"""Which patch of a picture's known part resembles each patch that touches a hole: an approximate nearest-neighbour field.

Patches are compared by their principal components (as TreeCANN, Olonetsky and Avidan 2012): a few dozen numbers instead of 147. Small
levels are searched completely; larger ones begin with a given field and improve it by propagation and random search, as PatchMatch
(Barnes et al. 2009, https://gfx.cs.princeton.edu/pubs/Barnes_2009_PAR/), here for all patches at once, with jumps that halve.

Positions are indices into the flattened picture with a border of `RADIUS` pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

RADIUS = 3
"""The size of a patch, in pixels: 7 x 7."""

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int32]

_SIDE = 2 * RADIUS + 1
_COMPONENTS = 24
_SAMPLES = 4000  # patches that the components are computed from
_CHUNK = 1 << 15  # patches at once
_COMPLETE = 40_000_000  # pairs of patches up to which all are compared
_PAIRS_AT_ONCE = 1 << 22
_JUMPS = (8, 4, 2, 1)  # pixels
_RANDOM = 4  # candidates, each nearer than the one before


class Level:
    """One size of the picture: what is to be filled, and the patches that it is filled from."""

    def __init__(self, picture: Plane, hole: Mask, usable: Mask) -> None:
        """`picture` is height x width x 3; patches are taken from where all of it is `usable`."""
        self.height, self.width = hole.shape
        self.across = self.width + 2 * RADIUS
        self.picture = picture
        self.hole = _flat(np.pad(hole, RADIUS))
        """Positions of the hole's pixels."""
        self.offsets = np.array([dy * self.across + dx for dy in range(-RADIUS, RADIUS + 1) for dx in range(-RADIUS, RADIUS + 1)], np.int32)
        """From the middle of a patch to each of its pixels."""
        kernel = np.ones((_SIDE, _SIDE), np.uint8)
        touching = cv2.dilate(hole.astype(np.uint8), kernel) > 0
        whole = cv2.erode(usable.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        self.targets = _flat(np.pad(touching, RADIUS))
        """Middles of the patches that touch the hole."""
        self.sources = _flat(np.pad(whole, RADIUS))
        """Middles of the patches to take from."""
        size = (self.height + 2 * RADIUS) * self.across
        self.target_at = _inverse(self.targets, size)
        """Which target is at a position; -1: none."""
        self.source_at = _inverse(self.sources, size)
        self._sources: Plane | None = None
        self._components: Plane | None = None

    def flat(self) -> Plane:
        """The picture with its border, mirrored, as pixels x 3."""
        border = cv2.copyMakeBorder(self.picture, RADIUS, RADIUS, RADIUS, RADIUS, cv2.BORDER_REFLECT_101)
        return np.asarray(border, np.float32).reshape(-1, 3)

    def describe(self, flat: Plane, positions: Indices) -> Plane:
        """Patches around positions as their principal components, positions x 24."""
        if self._components is None:
            self._components = self._principal(flat)
        told = np.empty((positions.size, self._components.shape[1]), np.float32)
        for start in range(0, positions.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            told[part] = self._raw(flat, positions[part]) @ self._components
        return told

    def source_descriptions(self, flat: Plane) -> Plane:
        """Those of all sources: computed once, since what is known does not change."""
        if self._sources is None:
            self._sources = self.describe(flat, self.sources)
        return self._sources

    def _raw(self, flat: Plane, positions: Indices) -> Plane:
        return np.asarray(flat[positions[:, np.newaxis] + self.offsets].reshape(positions.size, -1), np.float32)

    def _principal(self, flat: Plane) -> Plane:
        step = max(1, self.sources.size // _SAMPLES)
        sample = self._raw(flat, self.sources[::step])
        centred = sample - sample.mean(axis=0)
        _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return np.ascontiguousarray(vectors[:, ::-1][:, :_COMPONENTS], np.float32)


def nearest(level: Level, targets: Plane, sources: Plane, field: Indices | None, rng: np.random.Generator) -> tuple[Indices, Plane]:
    """For each target the number of a source that resembles it, and the squared distance.

    `targets` and `sources` are descriptions; `field` is what is known so far, if anything. Where there is too much to compare everything,
    it is what is improved; without it, a part of the sources is compared first.
    """
    pairs = targets.shape[0] * sources.shape[0]
    if pairs <= _COMPLETE:
        return _complete(targets, sources)
    if field is None:
        step = -(-pairs // _COMPLETE)
        field = _complete(targets, np.ascontiguousarray(sources[::step]))[0] * np.int32(step)
    return _improved(level, targets, sources, field, rng)


def _complete(targets: Plane, sources: Plane) -> tuple[Indices, Plane]:
    found = np.empty(targets.shape[0], np.int32)
    squares = (sources**2).sum(axis=1)
    rows = max(1, _PAIRS_AT_ONCE // sources.shape[0])
    for start in range(0, targets.shape[0], rows):
        part = slice(start, start + rows)
        found[part] = (squares - 2 * (targets[part] @ sources.T)).argmin(axis=1)
    return found, _distances(targets, sources, found)


def _improved(level: Level, targets: Plane, sources: Plane, field: Indices, rng: np.random.Generator) -> tuple[Indices, Plane]:
    field, distances = field.copy(), _distances(targets, sources, field)

    def offer(candidates: Indices) -> None:
        """Takes a candidate where it resembles more; -1 is none."""
        asked = np.flatnonzero((candidates >= 0) & (candidates != field))
        if asked.size:
            told = _distances(targets[asked], sources, candidates[asked])
            better = told < distances[asked]
            field[asked[better]] = candidates[asked[better]]
            distances[asked[better]] = told[better]

    size = level.source_at.size
    for jump in _JUMPS:
        for step in (jump, -jump, jump * level.across, -jump * level.across):
            # The matches of the patch next to it, moved by as much.
            beside = level.target_at[(level.targets + step).clip(0, size - 1)]
            offer(np.where(beside >= 0, level.source_at[(level.sources[field[beside]] - step).clip(0, size - 1)], -1).astype(np.int32))
    reach = max(level.height, level.width) / 2
    for _ in range(_RANDOM):
        rows, columns = (rng.uniform(-reach, reach, field.size).astype(np.int32) for _ in range(2))
        offer(level.source_at[(level.sources[field] + rows * level.across + columns).clip(0, size - 1)])
        reach /= 4
    return field, distances


def _distances(targets: Plane, sources: Plane, field: Indices) -> Plane:
    difference = sources[field] - targets
    return np.asarray(np.einsum("ij,ij->i", difference, difference), np.float32)


def _flat(mask: Mask) -> Indices:
    return np.flatnonzero(mask).astype(np.int32)


def _inverse(positions: Indices, size: int) -> Indices:
    numbers = np.full(size, -1, np.int32)
    numbers[positions] = np.arange(positions.size, dtype=np.int32)
    return numbers
