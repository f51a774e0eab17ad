"""Laying masks of a colour over pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.inference.media import Image, Pixels
from services.inference.media.colour import strips

Mask = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def laid_over(image: Image, mask: Mask, left: int, top: int, samples: list[int], opacity: float) -> Image:
    """The picture with a colour laid over it where the mask is, whose upper left corner is at (`left`, `top`), inside or outside.

    `samples` is the colour in the picture's encoding, without alpha; `opacity` is 0 to 1. Source over destination (Porter, Duff, 1984), in
    encoded values, as browsers do it. Pixels outside the mask do not change.
    """
    rows, columns = (within(at, own, whole) for at, own, whole in ((top, mask.shape[0], image.height), (left, mask.shape[1], image.width)))
    mask = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    if not mask.any() or opacity <= 0:
        return image
    pixels = image.pixels.copy()
    alpha = None if image.alpha is None else image.alpha.copy()
    colour = np.array(samples, np.float32)
    for part in strips(mask.shape[0]):
        here = slice(rows.start + part.start, rows.start + part.stop), columns
        share = mask[part].astype(np.float32) * np.float32(opacity / 255)
        _lay(pixels[here], None if alpha is None else alpha[here], share, colour)
    return image.replace(pixels=pixels, alpha=alpha)


def _lay(pixels: Pixels, alpha: Pixels | None, share: Floats, colour: Floats) -> None:
    """Change pixels in place."""
    touched = share > 0
    over, own = share[touched], pixels[touched].astype(np.float32)
    if alpha is not None:
        most = np.float32(np.iinfo(alpha.dtype).max)
        below = alpha[touched].astype(np.float32) / most * (1 - over)
        alpha[touched] = np.rint((over + below) * most).astype(alpha.dtype)
        over = np.asarray(over / (over + below), np.float32)
    pixels[touched] = np.rint(own + (colour - own) * over[:, None]).astype(pixels.dtype)


def within(at: int, own: int, whole: int) -> slice:
    """The part of a side that a mask covers."""
    return slice(min(max(at, 0), whole), min(max(at + own, 0), whole))
