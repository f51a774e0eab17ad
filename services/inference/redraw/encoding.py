"""A page's picture as a file: gray if it has no colour, lossless if that costs little."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.inference.media import Image, Saving, encode
from services.inference.media.colour import contiguous
from services.pictures.media_format import MediaFormat

_QUALITY = 88
_GRAY = 6  # levels between the channels
_LOSSLESS = 1.4  # times the size of the JPEG up to which a page is stored losslessly, so that text stays crisp


def write_page(image: Image, folder: Path, number: int) -> list[int]:
    """Write `number`.png or `number`.jpg to `folder`; returns height, width and channels of what was written."""
    if int(np.ptp(image.pixels, axis=2).max()) <= _GRAY:
        image = Image(contiguous(image.pixels[..., 1:2]))
    jpeg = encode(image, Saving(MediaFormat.JPEG, quality=_QUALITY))
    png = encode(image)
    lossless = len(png) <= _LOSSLESS * len(jpeg)
    (folder / f"{number}.{'png' if lossless else 'jpg'}").write_bytes(png if lossless else jpeg)
    return list(image.pixels.shape)
