"""EXIF orientation applied to arrays."""

from __future__ import annotations

import numpy as np

from services.inference.media.colour import Pixels


def upright(samples: Pixels, orientation: int) -> Pixels:
    """Turns and mirrors height x width x bands samples as EXIF tag 0x0112 asks (1 to 8); other values change nothing.

    Returns a view; make it contiguous before giving it to code that reads its memory.
    """
    # 5 to 8 are 1 to 4 after a transposition: transpose, then mirror.
    turned: Pixels = np.swapaxes(samples, 0, 1) if 5 <= orientation <= 8 else samples
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return turned
