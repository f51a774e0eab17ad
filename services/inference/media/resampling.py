"""Resizing of arrays where OpenCV's one call is not enough."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Samples = TypeVar("Samples", bound=npt.NDArray[np.generic])


def resize(samples: Samples, width: int, height: int) -> Samples:
    """Resizes height x width (x channels) samples, each axis with what suits it: area averaging down, bicubic up.

    Area averaging is free of aliasing at any factor; bicubic is free of the stair-steps of nearest and the kinks of
    bilinear interpolation. The result is clipped to the range of integer samples by OpenCV.
    """
    rows, columns = samples.shape[:2]
    if width != columns:
        samples = _resize(samples, width, rows, shrinks=width < columns)
    if height != rows:
        samples = _resize(samples, width, height, shrinks=height < rows)
    return samples


def _resize(samples: Samples, width: int, height: int, *, shrinks: bool) -> Samples:
    # Loaded with the first picture.
    import cv2

    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(samples, (width, height), interpolation=method)  # type: ignore[arg-type]
    # OpenCV drops a channel axis of length one.
    return resized.reshape(height, width, *samples.shape[2:])  # type: ignore[return-value]


def bilinear(
    coarse: npt.NDArray[np.floating | np.integer], width: int, height: int, rows: slice, columns: slice | None = None
) -> npt.NDArray[np.float32]:
    """One window of `coarse` (height' x width' (x channels)) enlarged bilinearly to height x width.

    The same numbers as enlarging the whole array and slicing, but with time and memory for the window alone. `columns` None
    means all of them.
    """
    above, below, down = neighbours(coarse.shape[0], rows, height)
    left, right, across = neighbours(coarse.shape[1], slice(0, width) if columns is None else columns, width)
    # Columns first, on the few coarse rows that are needed, takes a fraction of the work of the other order.
    first = int(above[0])
    band = coarse[first : int(below[-1]) + 1].astype(np.float32)
    channels = [1] * (coarse.ndim - 2)
    wide = _mix(band.take(left, axis=1), band.take(right, axis=1), across.reshape(1, -1, *channels))
    return _mix(wide[above - first], wide[below - first], down.reshape(-1, 1, *channels))


def _mix(near: npt.NDArray[np.float32], far: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    far -= near
    far *= weight
    near += far
    return near


def neighbours(count: int, span: slice, size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For pixels `span` of `size`, over `count` coarse ones: the two coarse neighbours and the weight of the second."""
    centres = (np.arange(span.start, span.stop, dtype=np.float64) + 0.5) * (count / size) - 0.5
    centres = centres.clip(0, count - 1)
    before = centres.astype(np.intp)
    return before, np.minimum(before + 1, count - 1), (centres - before).astype(np.float32)
