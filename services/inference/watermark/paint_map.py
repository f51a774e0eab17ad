"""Where marks have painted a picture, and with what: what the network `mark_paint` (`models/paint`) finds in it, in several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.strokes import Pixels8, Plane

AskPaint = Callable[[Pixels8], Pixels8]
"""Takes uint8 [1, H, W, 4], H and W multiples of 32: sRGB, and 255 in a box around the mark, 0 around that, or 128 everywhere if its place
is not known. Gives uint8 [1, H, W, 5]: how certain it is that a mark covers the pixel, the paint's opacity, and its red, green and blue
times opacity. It may block."""

CHANNELS = 5
WHOLE = 512, 1024
"""Longest sides of a whole picture as the network sees it: it knows marks of 9 to 100 pixels."""
PART = 256, 512
"""Longest sides of a part of a picture around a mark, as the network sees it."""
_INSIDE, _OUTSIDE, _ANYWHERE = 255, 0, 128
_MOST_ENLARGED = 2.0
_STRIDE = 32
_LEAST = 0.004  # certainty
_MOST_PIXELS = 1_500_000


@dataclass(frozen=True, slots=True, eq=False)
class PaintMap:
    """The paint of each pixel of a part of a picture, float32, in the size in which marks are looked for there (`size_of`)."""

    certainty: Plane
    """That a mark covers the pixel, 0 to 1."""
    opacity: Plane
    paint: npt.NDArray[np.float32]
    """[H, W, 3], 0 to 1: colour times opacity."""

    def with_other(self, other: PaintMap) -> PaintMap:
        """The mean, in logits, of two maps of the same part."""
        pairs = (self.certainty, other.certainty), (self.opacity, other.opacity), (self.paint, other.paint)
        return PaintMap(*(_mean(pair) for pair in pairs))


class Look:
    """The network's answers for a picture, shown in each of some sizes."""

    def __init__(
        self, pixels: Pixels8, place: Box | None, ask: AskPaint, longest: Sequence[int], check: Callable[[], None], *, quick: bool = False
    ) -> None:
        """`longest` are the longest sides in which it is shown; `place` is a box around the mark, if that is known. A `quick` look is a
        quarter of the work, and less exact."""
        height, width = pixels.shape[:2]
        where = np.full((height, width), _ANYWHERE if place is None else _OUTSIDE, np.uint8)
        if place is not None:
            where[place.window] = _INSIDE
        self._answers = []
        for scale in sorted({min(_MOST_ENLARGED, side / max(height, width)) for side in longest}):
            check()
            self._answers.append((scale, _answer(pixels, where, scale, ask, quick=quick)))

    def of(self, part: Box) -> PaintMap:
        """The mean of the sizes, in logits, in a part of the picture."""
        width, height = size_of(part)
        grow = width / part.width
        looks = []
        for scale, answer in self._answers:
            # From pixel centres of the result to those of the answer.
            step = scale / grow
            shift = (part.left * scale + (step - 1) / 2, part.top * scale + (step - 1) / 2)
            matrix = np.array([[step, 0, shift[0]], [0, step, shift[1]]], np.float32)
            size, how = (width, height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            planes = [cv2.warpAffine(plane, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE) for plane in cv2.split(answer)]
            looks.append(np.stack(planes, axis=2).clip(_LEAST, 1 - _LEAST))
        found = _mean(looks)
        return PaintMap(np.ascontiguousarray(found[..., 0]), np.ascontiguousarray(found[..., 1]), np.ascontiguousarray(found[..., 2:]))


def size_of(part: Box) -> tuple[int, int]:
    """Width and height in which marks are looked for in a part of a picture: its own, up to 1.5 million pixels."""
    scale = min(1.0, (_MOST_PIXELS / part.area) ** 0.5)
    return max(1, round(part.width * scale)), max(1, round(part.height * scale))


def _mean(looks: Sequence[Plane]) -> Plane:
    logits = np.mean([np.log(look / (1 - look)) for look in looks], axis=0)
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _answer(pixels: Pixels8, where: Pixels8, scale: float, ask: AskPaint, *, quick: bool) -> npt.NDArray[np.float32]:
    """The mean, in logits, of four views, unless `quick`: plain, as a negative, turned round, and mirrored."""
    height, width = where.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    placed = np.dstack([resized, cv2.resize(where, size, interpolation=cv2.INTER_NEAREST)])
    below, right = -size[1] % _STRIDE, -size[0] % _STRIDE
    shown: Pixels8 = np.asarray(cv2.copyMakeBorder(placed, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
    views = [_asked(shown, ask)]
    if not quick:
        negative = shown.copy()
        negative[..., :3] = 255 - negative[..., :3]
        of_negative = _asked(negative, ask)
        of_negative[..., 2:] = (of_negative[..., 1:2] - of_negative[..., 2:]).clip(_LEAST, 1 - _LEAST)
        views += [of_negative, _asked(shown[::-1, ::-1], ask)[::-1, ::-1], _asked(shown[:, ::-1], ask)[:, ::-1]]
    return _mean(views)[: size[1], : size[0]]


def _asked(shown: Pixels8, ask: AskPaint) -> npt.NDArray[np.float32]:
    answer = ask(np.ascontiguousarray(shown)[np.newaxis])[0].astype(np.float32) / np.float32(255)
    return np.asarray(answer.clip(_LEAST, 1 - _LEAST), np.float32)
