"""Numbers of settings as operations have them."""

from __future__ import annotations

import math

_COLOURS = 256


def rounded(number: float) -> int:
    """To a whole number, a half upwards."""
    return math.floor(number + 0.5)


def colours_of(quality: float) -> int:
    """How many colours a PNG or GIF of this quality, 1 to 100, may have; 0 for all that it has."""
    return 0 if quality >= 100 else max(2, round(_COLOURS * quality / 100))
