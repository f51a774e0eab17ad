"""One attempt to take a mark's paint off a part of a picture, and how likely it is that it went well: the network looks again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.inference.watermark.box import Box
from services.inference.watermark.layers import Layer, find_layers
from services.inference.watermark.paint_map import PART, WHOLE, AskPaint, Look, PaintMap, size_of
from services.inference.watermark.repair import Part, Repair
from services.inference.watermark.report import Method
from services.inference.watermark.second_look import contrast_left
from services.inference.watermark.strokes import Mask, Pixels8

_GONE = -9.54, 16.17, -0.64, -3.46, -1.87, 0.12, -1.53
_GENUINE = -1.51, 0.47, 0.46
"""Weights of the signs, after a constant: regressions on 67 pictures with marks and 67 without, by `benchmarks/quality/_mark_set/signs.py`.
Half of the photographs were ones that the network is trained on, which are no longer among those to develop with."""
GONE = 0.6
"""Probability from which a mark in a box that a person drew counts as gone."""
SURE, LIKELY, SURELY_GONE = 0.45, 0.4, 0.7
"""Probabilities from which what nobody pointed out counts as a mark, and is reported; and from which it counts as gone."""
_CERTAIN, _MOST_CERTAIN, _ENOUGH = 0.5, 0.9, 0.9
_LARGE = 700  # pixels: from this side on, a part is seen as whole pictures are


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """The part of the picture after it, and the signs of whether it went well."""

    result: Part
    methods: tuple[Method, ...]
    seen: PaintMap
    """The network's map before it."""
    layers: Sequence[Layer]
    changed: Box
    signs: Signs


@dataclass(frozen=True, slots=True)
class Signs:
    """Evidence of a mark that was there and is gone."""

    certainty: float
    """The network's, mean over the mark."""
    still_seen: float
    """The share of that which it sees afterwards."""
    contrast: float
    """The share of the mark's contrast, along its outline, that is left, up to 1."""
    unexplained: float
    """Error of the paint as a share of its effect, up to 1; 0 if what it covers was filled."""
    through: float
    """How much of the ground's variation is seen through the paint, as a multiple of that error: the natural logarithm."""
    extent: float
    """Sides of what was changed as a share of the box's, the larger one, up to 1."""
    unprompted: float
    """How certain the network is without being shown a place, in the most certain tenth of the mark, in logits."""

    @property
    def gone(self) -> float:
        """Probability that the mark in a box that a person drew is gone, and nothing else."""
        return _logistic(_GONE, self.of_gone)

    @property
    def genuine(self) -> float:
        """Probability that there was a mark, where nobody drew a box."""
        return _logistic(_GENUINE, self.of_genuine)

    @property
    def of_gone(self) -> tuple[float, ...]:
        """The signs that it is gone."""
        return self.certainty, self.still_seen, self.contrast, self.unexplained, self.through, self.extent

    @property
    def of_genuine(self) -> tuple[float, ...]:
        """The signs that it was there."""
        return self.unprompted, self.through


def _logistic(weights: Sequence[float], values: Sequence[float]) -> float:
    return 1 / (1 + math.exp(-weights[0] - sum(weight * value for weight, value in zip(weights[1:], values, strict=True))))


class Attempts:
    """Attempts to remove a mark from one box of a picture, which they leave as it was."""

    def __init__(self, repair: Repair, box: Box, ask: AskPaint, check: Callable[[], None]) -> None:
        self._repair = repair
        self._box = box
        self._ask = ask
        self._check = check
        self.around = repair.around(box)
        """The part of the picture that is looked at and, in the box, changed."""
        width, height = size_of(self.around)
        self._region = _region(box, self.around, width, height)

    def best(self) -> Attempt | None:
        """The attempt in a box that a person drew that most likely went well, of those with each of the `looks`; if none did, of those
        that fill what the paint covers, too."""
        tried: list[Attempt] = []
        for seen in self.looks():
            made = self.uncover(seen, seen)
            if made is not None:
                tried.append(made)
                if made.signs.gone > _ENOUGH:
                    return made
        if not any(made.signs.gone >= GONE for made in tried):
            tried += [filled for made in tried if (filled := self.fill(made)) is not None]
        return max(tried, key=lambda made: made.signs.gone, default=None)

    def looks(self) -> Iterator[PaintMap]:
        """The network's maps around the box: from that part and the picture together, and from each alone."""
        near = self.near()
        whole = Look(self._repair.crop(self._repair.whole), self._box, self._ask, WHOLE, self._check).of(self.around)
        yield near.with_other(whole)
        yield whole
        yield near

    def near(self, *, quick: bool = False) -> PaintMap:
        """The network's map of the part around the box, when it is shown that alone."""
        part, place = self._repair.crop(self.around), self._box.within(self.around)
        longest = WHOLE if max(part.shape) > _LARGE else PART
        shown = Look(part, place, self._ask, longest[:1] if quick else longest, self._check, quick=quick)
        return shown.of(Box(0, 0, self.around.width, self.around.height))

    def uncover(self, seen: PaintMap, unprompted: PaintMap) -> Attempt | None:
        """Take off the paint that the network sees, None if there is none. `unprompted` is what it saw before it was shown the box or, if a
        person drew that, the same."""
        levels = self._repair.levels(self.around, seen.certainty.shape[::-1])
        layers = find_layers(levels, seen, self._region, self._check)
        return self._judged(seen, unprompted, layers, fill=False) if layers else None

    def fill(self, made: Attempt) -> Attempt | None:
        """Fill what the paint of another attempt covers; None if that did so."""
        hidden = all(layer.hides for layer in made.layers)
        return None if hidden else self._judged(made.seen, made.seen, made.layers, fill=True)

    def _judged(self, seen: PaintMap, unprompted: PaintMap, layers: Sequence[Layer], *, fill: bool) -> Attempt | None:
        repair, around = self._repair, self.around
        kept, before = repair.part(around), self._shown()
        methods = (repair.fill_painted if fill else repair.take_off)(layers, self._box, around)
        result, after, again = repair.part(around), self._shown(), self.near(quick=True)
        repair.put_back(around, kept)
        changed = (before != after).any(axis=2)
        if not changed.any():
            return None
        extent, paint, mark = _extent(changed, around), layers[0].paint, self._region & (seen.certainty > _CERTAIN)
        certainty, effect = float(seen.certainty[mark].mean()), float(cv2.absdiff(before, after)[changed].mean())
        likely = float(np.quantile(unprompted.certainty[mark], _MOST_CERTAIN))
        signs = Signs(
            certainty,
            still_seen=float(again.certainty[mark].mean()) / certainty,
            contrast=min(1.0, abs(contrast_left(before, after, changed))),
            unexplained=0.0 if fill else min(1.0, paint.error / max(1.0, effect)),
            through=math.log(max(0.1, paint.through / max(1.0, paint.error))),
            extent=min(1.0, max(extent.width / self._box.width, extent.height / self._box.height)),
            unprompted=math.log(likely / (1 - likely)),
        )
        return Attempt(result, methods, seen, layers, extent, signs)

    def _shown(self) -> Pixels8:
        """The part around the box in sRGB, in the size in which marks are looked for there."""
        pixels, size = self._repair.crop(self.around), self._region.shape[::-1]
        return pixels if pixels.shape[1::-1] == size else np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _extent(changed: Mask, around: Box) -> Box:
    """The box around what was changed in a part of the picture that is shown in some size."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    scale = around.width / changed.shape[1]
    left, top, right, bottom = (round(scale * side) for side in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    return Box(left, top, right, bottom).translate(around.left, around.top)


def _region(box: Box, around: Box, width: int, height: int) -> Mask:
    """A box in a part of the picture that is shown in this size."""
    inner = box.within(around)
    columns, rows = (np.array(sides) for sides in ((inner.left, inner.right), (inner.top, inner.bottom)))
    left, right = np.rint(columns * (width / around.width)).astype(int)
    top, bottom = np.rint(rows * (height / around.height)).astype(int)
    region = np.zeros((height, width), np.bool_)
    region[top:bottom, left:right] = True
    return region
