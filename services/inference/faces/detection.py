"""Finding faces: a network sees the picture, and then smaller and smaller parts of it, and what it finds there is put together.

BlazeFace (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047) in MediaPipe's version for full range: it gives a box and six points
for each cell of a grid, and how sure that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.faces.numbers import Floats, Pixels8, decode_numbers, likelihood
from services.inference.model_server.triton import PictureModel

DETECTOR = "face_detector"
SIDE = 192
"""Height and width of what the network sees, in pixels."""

_CELL = 4  # pixels of the network's grid
_PART = 300
"""Parts are halved until they have about as many pixels on a side, in which faces of 25 to 30 pixels are found."""
_HALVINGS = 3  # at most: about 200 parts, which take some seconds
_OVERLAP = 0.3  # of a part's side: any face of that size is wholly in one of them
_BORDER = 0.02  # of a part's side: what comes closer to a border is taken as cut by it
SAME = 0.3  # of the united area of two boxes: from that share in common they are one face
_BATCH = 8
_SCORE, _POINTS = 16, slice(4, 16)


@dataclass(frozen=True, slots=True)
class Face:
    """The box of a face, about brow to chin and as high as wide, in pixels of the picture; parts of it may lie outside.

    `points` are eyes (that to the left in an upright face first), tip of the nose, mouth, and ears. `score`: how sure, 0 to 1.
    """

    left: float
    top: float
    width: float
    height: float
    score: float
    points: tuple[tuple[float, float], ...]

    @property
    def tilt(self) -> float:
        """Angle of the line from eye to eye, in radians, clockwise as seen; 0 for an upright face."""
        (x1, y1), (x2, y2) = self.points[:2]
        return float(np.arctan2(y2 - y1, x2 - x1))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture, in its pixels; it may reach beyond the picture."""

    left: int
    top: int
    width: int
    height: int


def parts_of(width: int, height: int) -> list[Part]:
    """The picture with a margin, in which a face is found that fills it; the picture; and squares of half its longer side, a quarter, and
    so on, overlapping."""
    around = max(width, height) // 4
    parts, side = [Part(-around, -around, width + 2 * around, height + 2 * around), Part(0, 0, width, height)], max(width, height)
    for _ in range(_HALVINGS):
        if side <= _PART * 2**0.5:
            break
        side = -(-side // 2)
        for top in _starts(height, side):
            parts += [Part(left, top, min(side, width), min(side, height)) for left in _starts(width, side)]
    return parts


def _starts(length: int, side: int) -> list[int]:
    if side >= length:
        return [0]
    count = 1 + int(np.ceil((length - side) / (side * (1 - _OVERLAP))))
    return [round(index * (length - side) / (count - 1)) for index in range(count)]


async def detect(
    pixels: Pixels8,
    model: PictureModel,
    least: float = 0.5,
    check: Callable[[], None] = lambda: None,
    progress: Callable[[float], None] = lambda _done: None,
) -> list[Face]:
    """The faces that are found with a score of `least` or more, largest first. sRGB, height x width x 3. `progress`: 0 to 1."""
    height, width = pixels.shape[:2]
    parts = parts_of(width, height)
    found: list[Face] = []
    for start in range(0, len(parts), _BATCH):
        batch = parts[start : start + _BATCH]
        answer = decode_numbers(await model(np.stack([network_input(pixels, part) for part in batch])))
        for part, rows in zip(batch, answer, strict=True):
            found += [face for face in faces_in(rows, part, least) if not _cut(face, part, width, height)]
        check()
        progress(min(1.0, (start + _BATCH) / len(parts)))
    return merge(found)


def network_input(pixels: Pixels8, part: Part) -> Pixels8:
    """A part of the picture as the network sees it: as large as it fits, in the middle, black around it."""
    result = np.zeros((SIDE, SIDE, 3), np.uint8)
    scale, x, y = _fitted(part)
    left, top, right, bottom = _within(part, pixels.shape[1], pixels.shape[0])
    shown = np.ascontiguousarray(pixels[top:bottom, left:right])
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    small = cv2.resize(shown, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    column, row = round(x + (left - part.left) * scale), round(y + (top - part.top) * scale)
    small = small[: SIDE - row, : SIDE - column]
    result[row : row + small.shape[0], column : column + small.shape[1]] = small
    return result


def _fitted(part: Part) -> tuple[float, float, float]:
    """How a part is shown: pixels that the network sees for each of its own, and where its left and top edge are then."""
    scale = SIDE / max(part.width, part.height)
    return scale, (SIDE - part.width * scale) / 2, (SIDE - part.height * scale) / 2


def _within(part: Part, width: int, height: int) -> tuple[int, int, int, int]:
    return max(0, part.left), max(0, part.top), min(width, part.left + part.width), min(height, part.top + part.height)


def faces_in(rows: Floats, part: Part, least: float) -> Iterator[Face]:
    """The network's output for a part, in pixels of the picture. Each row: centre, size and points from a cell's centre, and a logit."""
    scores = likelihood(rows[:, _SCORE])
    scale, *origin = _fitted(part)
    for index in np.flatnonzero(scores >= least):
        down, across = divmod(int(index), SIDE // _CELL)
        anchor = (np.array([across, down]) + 0.5) * _CELL - np.array(origin)
        where = np.array([part.left, part.top])
        x, y = (rows[index, :2] + anchor) / scale + where
        width, height = rows[index, 2:4] / scale
        points = (rows[index, _POINTS].reshape(-1, 2) + anchor) / scale + where
        yield Face(
            float(x - width / 2),
            float(y - height / 2),
            float(width),
            float(height),
            float(scores[index]),
            tuple((float(each[0]), float(each[1])) for each in points),
        )


def _cut(face: Face, part: Part, width: int, height: int) -> bool:
    """Whether a border of the part that is not one of the picture's cuts the face, or may."""
    margin = _BORDER * max(part.width, part.height)
    return (
        (part.left > 0 and face.left < part.left + margin)
        or (part.top > 0 and face.top < part.top + margin)
        or (part.left + part.width < width and face.left + face.width > part.left + part.width - margin)
        or (part.top + part.height < height and face.top + face.height > part.top + part.height - margin)
    )


def merge(found: Sequence[Face]) -> list[Face]:
    """Each face once, largest first: the mean of the boxes that are of one face, weighted by their scores.

    Boxes are of one face where they share most of their area. A small box inside a large one is a face of its own.
    """
    left = sorted(found, key=lambda face: -face.score)
    result = []
    while left:
        first = left[0]
        same = [face for face in left if face is first or overlap(first, face) > SAME]
        left = [face for face in left if face not in same]
        result.append(_mean(same))
    return sorted(result, key=lambda face: -face.width * face.height)


def overlap(one: Face, other: Face) -> float:
    """The area that two boxes have in common, as a share of what they cover together."""
    common = inside(one, other) * one.width * one.height
    return common / max(1e-9, one.width * one.height + other.width * other.height - common)


def inside(one: Face, other: Face) -> float:
    """The share of a box that lies within another one."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0.0, across) * max(0.0, down) / max(1e-9, one.width * one.height)


def _mean(faces: Sequence[Face]) -> Face:
    weights: npt.NDArray[np.float64] = np.array([face.score for face in faces])
    values = np.array([[face.left, face.top, face.width, face.height, *np.ravel(face.points)] for face in faces])
    left, top, width, height, *points = (float(each) for each in np.average(values, axis=0, weights=weights))
    pairs = tuple(zip(points[::2], points[1::2], strict=True))
    return Face(left, top, width, height, max(face.score for face in faces), pairs)
