"""What the makers of reported files share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.unit.imaging.pictures import photo

Pixels = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 64, 96


@dataclass(frozen=True, slots=True)
class Made:
    """A file, and how it must look; its fields are those of `pictures.ReportedFile`."""

    extension: str
    content: bytes
    shown: Pixels | None
    tolerance: float = 0
    said: str = ""


def seen() -> Pixels:
    """A part of the sample photo, no part of which looks like another."""
    return photo(HEIGHT, WIDTH)


def seen_gray() -> Pixels:
    """One channel of it."""
    return np.ascontiguousarray(seen()[..., 1])


def as_shown(gray: Pixels) -> Pixels:
    """A gray picture on the screen."""
    return np.repeat(gray[..., None], 3, axis=2)
