"""Turning and mirroring samples by quarters, which only moves them.

OpenCV is imported where something is turned: reading other pictures does not load its code.
"""

from __future__ import annotations

from services.inference.media.colour import Pixels

_QUARTERS = {90: 0, 180: 1, 270: 2}
"""OpenCV's codes, by degrees clockwise."""
FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}
"""OpenCV's codes, by whether left and right, and top and bottom, are swapped."""
ORIENTATIONS = {2: (0, 1), 3: (180, None), 4: (0, 0), 5: (90, 1), 6: (90, None), 7: (270, 1), 8: (270, None)}
"""Degrees and flip by EXIF orientation."""


def turn_samples(samples: Pixels, degrees: int, flip: int | None) -> Pixels:
    """Height x width x bands samples turned clockwise by 0, 90, 180 or 270 degrees, and then mirrored, in memory of their own."""
    import cv2

    bands = samples.shape[2]
    if degrees:
        samples = cv2.rotate(samples, _QUARTERS[degrees])  # type: ignore[assignment]  # of the same type as before
    if flip is not None:
        samples = cv2.flip(samples, flip)  # type: ignore[assignment]
    # OpenCV drops an axis of bands of length one.
    return samples.reshape(*samples.shape[:2], bands)


def upright(samples: Pixels, orientation: int) -> Pixels:
    """Height x width x bands samples turned and mirrored as EXIF tag 0x0112 asks (1 to 8); other values change nothing."""
    turn = ORIENTATIONS.get(orientation)
    return samples if turn is None else turn_samples(samples, *turn)
