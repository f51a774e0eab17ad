"""Taking from a network what is likely to be true, and the rest from interpolation."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.upscaling.windows import enlarged_windows

Pixels8 = npt.NDArray[np.uint8]

_TRUST = 6.0
"""Levels, for each time that the picture is enlarged, by which a network may differ from interpolation over an area. It differs more where
the input has false patterns (aliasing), which it takes for true ones and sharpens."""
_AREA = 1.5
"""Standard deviation of the blur that makes an area, in pixels of the original."""
_STRIP = 48
_REACH = 10
"""Rows of the original on each side: those that Lanczos interpolation uses and those of the blur."""


def mix_with_interpolation(enlarged: Pixels8, source: Pixels8, share: float, check: Callable[[], None]) -> None:
    """Brings a network's enlargement by a whole factor nearer to that by a Lanczos filter, in place.

    It keeps `share` of the difference, 0 to 1, and less where the two differ by more than the network can be trusted. Both are height x
    width x channels. `check` is called between strips and may raise to cancel.
    """
    factor = enlarged.shape[0] // source.shape[0]
    for rows, window, inner, below in enlarged_windows(enlarged, source, _STRIP, _REACH):
        check()
        size = window.shape[1::-1]
        plain = cv2.resize(below, size, interpolation=cv2.INTER_LANCZOS4).reshape(window.shape).astype(np.float32)
        difference = window - plain
        energy = cv2.GaussianBlur((difference * difference).mean(axis=2), (0, 0), _AREA * factor)
        kept = np.float32(share) * np.minimum(1, np.float32(_TRUST * factor) / np.sqrt(np.maximum(energy, 1e-3)))
        mixed = plain + kept[..., np.newaxis] * difference
        enlarged[rows] = np.round(mixed[inner]).clip(0, 255).astype(np.uint8)
