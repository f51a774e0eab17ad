"""Samples of pictures that Pillow's own parsers read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image as PillowImage

from services.inference.media.colour import Pixels

FAILURES = (OSError, ValueError, SyntaxError, EOFError, OverflowError, PillowImage.DecompressionBombError)
"""The exceptions of these parsers."""
MODES: Mapping[str, str] = {"1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}
"""The mode that samples are decoded to, by the Pillow mode that they are stored in."""


def samples_of(picture: PillowImage.Image, mode: str) -> Pixels:
    """The samples in a mode, height x width x bands. Raises one of FAILURES for data that is truncated or damaged."""
    samples = np.asarray(picture.convert(mode))
    return samples[..., np.newaxis] if samples.ndim == 2 else samples
