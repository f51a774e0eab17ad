"""Keeping a network's enlargement faithful to the picture that it was given."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.upscaling.windows import enlarged_windows

Pixels8 = npt.NDArray[np.uint8]

_STRIP = 64
_REACH = 3  # rows of the original on each side that bicubic interpolation uses, plus one


def restore_detail(enlarged: Pixels8, source: Pixels8, strength: float, check: Callable[[], None]) -> None:
    """Restores, in place, source texture that the network took for noise, in a picture enlarged by a whole factor.

    Super-resolution networks smooth what they do not recognise. A faithful enlargement, scaled down, equals its source: the difference is
    enlarged and added (one step of iterative back-projection, Irani and Peleg, CVGIP 1991), `strength` of it, 0 to 1. Both are height x
    width x channels. `check` is called between strips and may raise to cancel.
    """
    for rows, window, inner, below in enlarged_windows(enlarged, source, _STRIP, _REACH):
        check()
        small = cv2.resize(window, below.shape[1::-1], interpolation=cv2.INTER_AREA).reshape(below.shape)
        missing = below.astype(np.float32) - small
        correction = cv2.resize(missing, window.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        held = window[inner] + np.float32(strength) * correction[inner].reshape(window[inner].shape)
        enlarged[rows] = np.round(held).clip(0, 255).astype(np.uint8)
