"""Working on a picture strip by strip, in place, when each row depends on its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips

Samples = TypeVar("Samples", bound=npt.NDArray[np.generic])


def windows(samples: Samples, step: int, reach: int) -> Iterator[tuple[slice, Samples, slice]]:
    """Strips of `step` rows: the rows; a copy of them with up to `reach` rows above and below; and their position in the copy.

    The copies show the samples before any change, so a strip may be written to `samples` before the next ones are read.
    """
    above = samples[:0].copy()
    for rows in strips(samples.shape[0], step):
        window = np.concatenate([above, samples[rows.start : rows.stop + reach]])
        inner = slice(len(above), len(above) + rows.stop - rows.start)
        yield rows, window, inner  # type: ignore[misc]  # numpy's concatenate does not tell the type
        above = window[max(0, inner.stop - reach) : inner.stop].copy()


def enlarged_windows(enlarged: Samples, source: Samples, step: int, reach: int) -> Iterator[tuple[slice, Samples, slice, Samples]]:
    """`windows` of a picture enlarged by a whole factor, each with the rows of its source. Steps and reaches are rows of the source."""
    factor = enlarged.shape[0] // source.shape[0]
    for rows, window, inner in windows(enlarged, step * factor, reach * factor):
        first = (rows.start - inner.start) // factor
        yield rows, window, inner, source[first : first + len(window) // factor]  # type: ignore[misc]  # as above
