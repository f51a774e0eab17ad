"""How strongly a picture has been compressed as JPEG, judged by its samples alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import Pixels, to_8bit
from services.inference.plain.transfer import REC_601

Floats = npt.NDArray[np.float32]

_BLOCK = 8
_LUMINANCE_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""Quantisation of luminance at quality 50 (ITU-T T.81, table K.1)."""
_QUALITIES = range(5, 96)
_LOW = 7
"""Frequencies whose two indexes add up to less are judged: the higher ones hold few values."""
_SMALLEST_STEP = 3
"""Finer steps drown in the rounding to whole samples."""
_FEWEST = 200
"""Coefficients that a judgement needs."""
_ON_STEPS = 0.5
"""Mean distance of coefficients from multiples of the steps, where 1 is chance. Photographs that were never compressed have 1.0, compressed
ones at most 0.42."""
_MOST_BLOCKS = 8192
_BLOCKING_SEEN = 0.3
"""Levels by which block edges jump more than other places; photographs that were never compressed have at most 0.12."""
_BLOCKING_OF_QUALITY = ((0.5, 85), (0.85, 75), (1.3, 50), (1.9, 30), (3.1, 10))
"""Measured on photographs."""
_CLEARLY = 4
"""Times the standard deviation of the other places."""
_LARGEST_JUMP = 8
_SIDE_JUDGED = 2048


@dataclass(frozen=True, slots=True)
class Compression:
    """The findings."""

    quality: int
    """On the scale of the Independent JPEG Group, 5 to 95."""
    exact: bool
    """Whether the steps of that quality were found in the samples; else it is a guess from the strength of block edges."""


def compression_of(pixels: Pixels) -> Compression | None:
    """How the picture was compressed; None if no trace is found. At least 16 pixels a side are needed."""
    luma = _luma(pixels)
    if min(luma.shape) < 2 * _BLOCK:
        return None
    (top, down), (left, across) = _block_edges(luma), _block_edges(luma.T)
    for offset in ((0, 0), (top, left)):
        quality = _quality(luma[offset[0] :, offset[1] :])
        if quality is not None:
            return Compression(quality, exact=True)
    blocking = (down + across) / 2
    if blocking < _BLOCKING_SEEN or min(down, across) < _BLOCKING_SEEN / 2:
        return None
    seen, qualities = zip(*_BLOCKING_OF_QUALITY, strict=True)
    return Compression(round(float(np.interp(blocking, seen, qualities))), exact=False)


def _luma(pixels: Pixels) -> Floats:
    """The luma of the middle of the picture, which starts on a block of the whole."""
    top, left = (max(0, (side - _SIDE_JUDGED) // 2) // _BLOCK * _BLOCK for side in pixels.shape[:2])
    middle = to_8bit(pixels[top : top + _SIDE_JUDGED, left : left + _SIDE_JUDGED]).astype(np.float32)
    return middle[..., 0] if middle.shape[2] == 1 else np.asarray(middle @ np.array(REC_601, np.float32), np.float32)


def _block_edges(luma: Floats) -> tuple[int, float]:
    """The row, modulo 8, at which blocks start, and by how many levels rows jump there more than elsewhere."""
    steps = np.abs(np.diff(luma, axis=0))
    # A jump is what exceeds the steps on both sides of it.
    jumps = np.clip(steps[1:-1] - (steps[:-2] + steps[2:]) / 2, -_LARGEST_JUMP, _LARGEST_JUMP).mean(axis=1)
    by_phase = np.array([jumps[phase::_BLOCK].mean() for phase in range(_BLOCK)])
    strongest = int(by_phase.argmax())
    others = np.delete(by_phase, strongest)
    excess = float(by_phase[strongest] - np.median(others))
    return (strongest + 2) % _BLOCK, excess if excess > _CLEARLY * others.std() else 0.0


def _quality(luma: Floats) -> int | None:
    """The quality whose steps the coefficients of the blocks are multiples of; None if there is none."""
    coefficients = _coefficients(luma)
    low = [(row, column) for row in range(_LOW) for column in range(_LOW - row) if row + column]
    found, nearest = None, _ON_STEPS
    for quality in _QUALITIES:
        table = _steps(quality)
        distance, count = 0.0, 0
        for row, column in low:
            step = table[row, column]
            if step < _SMALLEST_STEP:
                continue
            multiples = coefficients[:, row, column] / np.float32(step)
            multiples = multiples[np.abs(multiples) > 0.5]
            distance += float(np.abs(multiples - np.round(multiples)).sum())
            count += multiples.size
        if count >= _FEWEST and distance / (count * 0.25) < nearest:
            found, nearest = quality, distance / (count * 0.25)
    return found


def _coefficients(luma: Floats) -> Floats:
    """The cosine transforms of blocks that are spread over the picture: number x 8 x 8."""
    rows, columns = (side // _BLOCK for side in luma.shape)
    blocks = luma[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    blocks = blocks[:: -(-len(blocks) // _MOST_BLOCKS)] - np.float32(128)
    return np.asarray(_COSINES @ blocks @ _COSINES.T, np.float32)


def _steps(quality: int) -> npt.NDArray[np.int64]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((_LUMINANCE_STEPS * scale + 50) // 100, 1, 255))


def _cosines() -> Floats:
    frequency, place = np.meshgrid(np.arange(_BLOCK), np.arange(_BLOCK), indexing="ij")
    waves = np.cos((2 * place + 1) * frequency * np.pi / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


_COSINES = _cosines()
