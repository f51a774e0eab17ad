"""Photographs of web themes that a seed draws for the held-out part of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.quality._face_pictures import at_most
from benchmarks.quality._theme_photographs import PHOTOGRAPHS, theme_photograph


def photographs_by(seed: int, count: int, longest: int) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Names and pixels of so many different photographs, at most `longest` pixels long. Raises FetchError."""
    for number in np.random.default_rng(seed).choice(len(PHOTOGRAPHS), count, replace=False):
        theme, name = PHOTOGRAPHS[number]
        yield name, at_most(theme_photograph(theme, name), longest)[0]
