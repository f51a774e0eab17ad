"""A picture of the set, and how near a result is to the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.quality._upscale_scores import psnr_in_colour
from services.inference.watermark.box import Box

Pixels = npt.NDArray[np.uint8]

_COVERED, _FAINT = 0.05, 0.02  # opacity from which a pixel belongs to a mark, and for marks that are fainter
_RIM = 9  # pixels: closer to a mark than half of this, changes are allowed
_CHANGED = 2  # levels
_BLOCK, _LEFT, _IN_PART = 16, 0.5, 0.2  # pixels; share of a mark's contrast in a block; share of the mark in such blocks
_OPAQUE = 0.9  # from here on, un-blending with known opacity is no bound, and filling is


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A picture; the rest is None if it has no mark."""

    what: str
    name: str
    picture: Pixels
    clean: Pixels | None = None
    opacity: npt.NDArray[np.float32] | None = None
    colour: npt.NDArray[np.uint8] | None = None
    box: Box | None = None

    @classmethod
    def load(cls, path: Path) -> Case:
        """One that `python -m benchmarks.quality._mark_set` has written."""
        with np.load(path) as arrays:
            common = str(arrays["what"]), str(arrays["name"]), arrays["picture"]
            if "clean" not in arrays:
                return cls(*common)
            box = Box(*(int(side) for side in arrays["box"]))
            return cls(*common, arrays["clean"], arrays["opacity"].astype(np.float32), arrays["colour"], box)

    def gain(self, result: Pixels) -> float:
        """How much nearer the result is to the clean photograph inside the mark, in dB."""
        assert self.clean is not None
        before, after = (psnr_in_colour(picture[self.inside], self.clean[self.inside]) for picture in (self.picture, result))
        return after - before

    @property
    def bound(self) -> float:
        """The gain with known colour and opacity of every pixel, at least 1 dB."""
        assert self.opacity is not None and self.colour is not None
        opacity = self.opacity[..., np.newaxis].clip(0, _OPAQUE)
        clear = np.rint((self.picture - opacity * self.colour) / (1 - opacity)).clip(0, 255).astype(np.uint8)
        opaque = cv2.dilate((self.opacity >= _OPAQUE).astype(np.uint8), np.ones((3, 3), np.uint8))
        return max(1.0, self.gain(np.asarray(cv2.inpaint(clear, opaque, 3, cv2.INPAINT_TELEA), np.uint8)))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """The mark."""
        assert self.opacity is not None
        return self.opacity > (_COVERED if (self.opacity > _COVERED).any() else _FAINT)

    def in_part(self, result: Pixels) -> bool:
        """Whether something was changed, but much of the mark is there still."""
        assert self.clean is not None
        mark, left = (np.where(self.inside[..., np.newaxis], each.astype(np.float32) - self.clean, 0) for each in (self.picture, result))
        energy, both = _in_blocks((mark * mark).sum(axis=2)), _in_blocks((mark * left).sum(axis=2))
        there = np.abs(both) > _LEFT * energy
        return bool((result != self.picture).any() and energy[there].sum() > _IN_PART * energy.sum())

    def changed_elsewhere(self, result: Pixels) -> bool:
        """Whether a pixel that is not near the mark differs by more than two levels."""
        assert self.opacity is not None
        near = cv2.dilate((self.opacity > _FAINT).astype(np.uint8), np.ones((_RIM, _RIM), np.uint8)) > 0
        return bool((cv2.absdiff(result, self.picture).max(axis=2) > _CHANGED)[~near].any())


def _in_blocks(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sum over each block."""
    height, width = (-(-side // _BLOCK) * _BLOCK for side in plane.shape)
    whole = np.zeros((height, width), np.float32)
    whole[: plane.shape[0], : plane.shape[1]] = plane
    return np.asarray(whole.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).sum(axis=(1, 3)), np.float32)
