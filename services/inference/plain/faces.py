"""Locating the faces in a picture, and the soft-edged oval around each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.float32]

LEAST_FACE = 40
"""Size of the smallest face that is found, in pixels from brow to chin."""
_ENLARGEMENT = 80 / LEAST_FACE
"""The enlargement of the detector's input: the smallest face that it can detect has 80 pixels."""
_LARGEST = 3200
"""Longest side of the detector's input, which takes a second, and 20 MB besides. In larger pictures small faces are missed."""
_SURE = 0.5
"""Detector score. On the photographs of scikit-image and scikit-learn, faces scored 1.0 or more and other things 0.2 or less."""

_ACROSS, _DOWN = 0.75, 0.95  # of the box: half axes of the oval, which takes in ears, chin and most of the forehead
_RISE = 0.1  # of the box: how far the oval's centre is above the box's
_SOLID = 0.7  # of the oval: from there to the edge its weight falls
_CELL = 8  # pixels: boxes begin at whole cells, as do the squares whose colours are kept (`fidelity.CELL`)


@dataclass(frozen=True, slots=True)
class Face:
    """The box of a face, brow to chin, in pixels of the picture; parts of it may lie outside."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Oval:
    """A face with its surroundings: the soft-edged oval is in the box `rows`, `columns`, which begins at whole cells of 8 pixels.

    `x` and `y` are its centre, `across` and `down` its half axes, in pixels of the picture.
    """

    rows: slice[int, int, None]
    columns: slice[int, int, None]
    x: float
    y: float
    across: float
    down: float

    @property
    def pixels(self) -> int:
        """Pixels of the box."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)

    @property
    def box(self) -> dict[str, int]:
        """The box, in pixels of the picture, as reported in notices."""
        height, width = (span.stop - span.start for span in (self.rows, self.columns))
        return {"left": self.columns.start, "top": self.rows.start, "width": width, "height": height}

    def weights(self, factor: int, rows: slice) -> Weights:
        """Rows of the oval's box, enlarged `factor` times, 0 to 1: 1 in its inner part, falling smoothly to 0 at its edge."""
        down = (_centres(self.rows, factor)[rows] - np.float32(self.y)) / np.float32(self.down)
        across = (_centres(self.columns, factor) - np.float32(self.x)) / np.float32(self.across)
        part = ((1 - np.hypot(down[:, np.newaxis], across)) / np.float32(1 - _SOLID)).clip(0, 1)
        return np.asarray(part * part * (3 - 2 * part), np.float32)


def find(pixels: Pixels8, sure: float = _SURE) -> Sequence[Face]:
    """The upright faces that are seen from the front, or nearly so, scored above `sure`; smallest first. sRGB, height x width x 3.

    Histograms of oriented gradients, scored at every place and size by support vector machines (Dalal and Triggs, CVPR 2005; King,
    https://arxiv.org/abs/1502.00046), as trained by dlib. Other threads can run meanwhile.
    """
    height, width = pixels.shape[:2]
    scale = min(_ENLARGEMENT, _LARGEST / max(height, width))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    seen = cv2.resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=method)
    # A copy for each call: it keeps its pyramid, so threads must not share it, and the pyramid goes with it.
    found, _, _ = copy.copy(_detector()).run(np.ascontiguousarray(seen), 0, sure)
    boxes = [Face(box.left() / scale, box.top() / scale, box.width() / scale, box.height() / scale) for box in found]
    return sorted(boxes, key=lambda face: face.width * face.height)


@cache
def _detector() -> Any:
    """dlib's detector, which takes half a second to build and 3 ms to copy."""
    # 6 MiB, which a worker that enhances no faces does without.
    import dlib

    return dlib.get_frontal_face_detector()


def oval(face: Face, height: int, width: int) -> Oval:
    """The oval around a face of a picture of this size."""
    x, y = face.left + face.width / 2, face.top + face.height * (0.5 - _RISE)
    across, down = face.width * _ACROSS, face.height * _DOWN
    return Oval(_cells(y - down, y + down, height), _cells(x - across, x + across, width), x, y, across, down)


def _cells(first: float, last: float, size: int) -> slice[int, int, None]:
    """From the cell before `first` to the one after `last`, within a picture of `size` pixels."""
    start = max(0, (int(first // _CELL) - 1) * _CELL)
    return slice(min(start, max(0, size - 1) // _CELL * _CELL), max(1, min(size, (int(last // _CELL) + 2) * _CELL)))


def _centres(span: slice[int, int, None], factor: int) -> Weights:
    return np.asarray((np.arange((span.stop - span.start) * factor) + 0.5) / factor + span.start, np.float32)
