"""Work in the blocks of a picture where there is something to do, with the pixels around them that it needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Block = tuple[slice, slice]
"""Rows and columns."""


def blocks(mask: npt.NDArray[np.bool_], size: int, longest: int) -> Iterator[Block]:
    """The cells, `size` pixels high and wide, of a grid over the mask that hold a pixel of it; neighbours in a row are joined up to
    `longest` pixels."""
    height, width = mask.shape
    for top in range(0, height, size):
        rows = slice(top, min(top + size, height))
        filled = np.logical_or.reduceat(mask[rows].any(axis=0), np.arange(0, width, size))
        left = 0
        for cell, here in enumerate((*filled.tolist(), False)):
            start = cell * size
            if not here or start - left >= longest:
                if start > left:
                    yield rows, slice(left, min(start, width))
                left = start if here else start + size


def grown(block: Block, margin: int, shape: tuple[int, ...]) -> Block:
    """A block with the pixels around it that the picture of that shape has."""
    rows, columns = (slice(max(span.start - margin, 0), min(span.stop + margin, side)) for span, side in zip(block, shape, strict=False))
    return rows, columns


def within(block: Block, outer: Block) -> Block:
    """Where a block lies in a larger one."""
    rows, columns = (slice(span.start - around.start, span.stop - around.start) for span, around in zip(block, outer, strict=True))
    return rows, columns
