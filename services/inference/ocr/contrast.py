"""Making text legible that is faint, or stands on nothing."""

from __future__ import annotations

import numpy as np

from services.inference.media import Image
from services.inference.media.colour import to_8bit
from services.inference.ocr.detection import Pixels8

_ENDS = 0.5, 99.5  # per cent of the samples that may become black and white
_FAINT, _NOTHING = 160, 8  # levels between them: more need no stretching, less hold nothing
_LIGHT = 160  # mean level of what is opaque from which it is shown on black
_STEP = 7  # of the rows and columns that are looked at


def stretch_contrast(pixels: Pixels8) -> Pixels8:
    """The picture, height x width x 3, with its darkest and lightest tones moved apart if they are close; else unchanged."""
    low, high = (float(level) for level in np.percentile(pixels[::_STEP, ::_STEP], _ENDS))
    if not _NOTHING <= high - low < _FAINT:
        return pixels
    table = np.rint((np.arange(256) - low) * 255 / (high - low)).clip(0, 255).astype(np.uint8)
    return np.asarray(table[pixels], np.uint8)


def on_ground(image: Image) -> Pixels8:
    """The picture in sRGB, height x width x 3, on white; on black if it is transparent and what is on it is light."""
    pixels = image.srgb()
    if image.alpha is None:
        return pixels
    share = to_8bit(image.alpha)[..., np.newaxis]
    some, weight = pixels[::_STEP, ::_STEP].mean(axis=2), share[::_STEP, ::_STEP, 0].astype(np.float64)
    light = float((some * weight).sum()) >= _LIGHT * max(1.0, float(weight.sum()))
    ground = 0 if light else 255
    wide = share.astype(np.uint16)
    return ((pixels * wide + ground * (255 - wide) + 127) // 255).astype(np.uint8)
