"""Replace areas by squares of one colour each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.pixelate_pb2 import Pixelate
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Pixels
from services.inference.watermark.box import Box

_COPIES = 2
"""Copies of the decoded samples: the picture and the result."""
_BLOCK = 16


def peak_memory(picture: Header, _parameters: Pixelate) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: Pixelate, step: PlainStep) -> Image:
    """The picture with its areas pixelated. Each square has the mean of its samples, weighted by their opacity."""
    step.label("pixelated")
    width, height = image.width, image.height
    areas = [Box.from_percent(area.x1, area.y1, area.x2, area.y2, width, height) for area in parameters.areas]
    pixels, alpha = image.pixels.copy(), None if image.alpha is None else image.alpha.copy()
    block = parameters.block or _BLOCK
    for area in areas or [Box(0, 0, width, height)]:
        starts = np.arange(0, area.width, block)
        columns = slice(area.left, area.right)
        for top in range(area.top, area.bottom, block):
            step.check()
            rows = slice(top, min(top + block, area.bottom))
            shown = None if image.alpha is None else image.alpha[rows, columns]
            pixels[rows, columns] = _spread(_colours(image.pixels[rows, columns], shown, starts), starts, area.width, pixels.dtype)
            if alpha is not None and shown is not None:
                means = np.add.reduceat(shown.sum(0, np.float64), starts) / _counts(starts, shown)
                alpha[rows, columns] = _spread(means, starts, area.width, alpha.dtype)
    return image.replace(pixels=pixels, alpha=alpha)


def _colours(pixels: Pixels, alpha: Pixels | None, starts: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """The mean colour of each square of a row of squares; black where nothing is visible."""
    if alpha is None:
        return np.add.reduceat(pixels.sum(0, np.float64), starts) / _counts(starts, pixels)[:, None]
    sums = np.einsum("yxc,yx->xc", pixels, alpha, dtype=np.float64, casting="unsafe")
    weights = np.add.reduceat(alpha.sum(0, np.float64), starts)
    return np.add.reduceat(sums, starts) / np.maximum(weights, 1)[:, None]


def _counts(starts: npt.NDArray[np.int_], samples: Pixels) -> npt.NDArray[np.int_]:
    """How many pixels each square has."""
    height, width = samples.shape[:2]
    counts: npt.NDArray[np.int_] = np.diff(starts, append=width) * height
    return counts


def _spread(
    means: npt.NDArray[np.float64], starts: npt.NDArray[np.int_], width: int, kind: np.dtype[np.uint8] | np.dtype[np.uint16]
) -> Pixels:
    """A row of pixels, each with the mean of its square."""
    return np.repeat(np.rint(means).astype(kind), np.diff(starts, append=width), axis=0)
