"""The remains of text after its removal: a shadow, an outline, letters that were missed. It is removed in turn.

The network that outlines what is painted in a line (`paint_probability`) sees the line before and after.
Pixels that it takes for paint both times are remains of the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from services.inference.ocr.detection import Line
from services.inference.watermark.box import Box
from services.inference.watermark.lettering import bounds, text_marks, to_fill
from services.inference.watermark.line_paint import REPEATED, alike_lines, around_line
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.painted import paint_probability, painted_everywhere
from services.inference.watermark.repair import Repair
from services.inference.watermark.strokes import Mask, Pixels8, Plane
from services.inference.watermark.text_lines import AskNetwork, text_mask

_IN_PART = 0.55
"""Share of a line's paint from which it is there still. JPEG and soft edges leave less."""
_WORTH, _TO_FILL = 0.25, 0.3  # shares from which more is looked for, and from which it is filled
_BETTER = 0.8  # of what was left before
_LEAST = 12  # pixels
_TOUCHED = 0.1  # share of a line's paint
_MISSED = 0.3  # share of a piece
_MANY, _SAME = 5, 0.8  # lines; share of their paint
_SOLID = 0.5  # probability
_AROUND = 0.3  # of a line's height


@dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """The remains of a line, or of several similar ones, of which something was removed."""

    box: Box
    changed_area: Box
    """The area that may have been changed for it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """A line in a part of the picture, or all that are like it, and which pixels the network took for their paint."""

    line: Line
    is_repeated: bool
    paint: Mask
    near: Mask
    """Where the rest of the mark may be."""
    missed: Mask
    """Pieces of the paint of which little was changed: dots, and letters apart from the others."""

    def visible_paint(self, pixels: Pixels8, ask: AskNetwork) -> Mask:
        return _seen(pixels, self.line, ask, repeated=self.is_repeated) & self.near

    def visible_share(self, pixels: Pixels8, ask: AskNetwork) -> float:
        """The share of the paint that is still seen."""
        return float((self.visible_paint(pixels, ask) & self.paint).sum() / self.paint.sum())

    def more(self, pixels: Pixels8, ask: AskNetwork, check: Callable[[], None]) -> list[DetectedMark]:
        """The remaining paint of one kind."""
        return text_marks(pixels, [self.line], self.near, None, ask, check)

    def rest(self, pixels: Pixels8, ask: AskNetwork) -> list[DetectedMark]:
        """The remaining paint there, to be filled."""
        still = self.visible_paint(pixels, ask)
        return [to_fill(still, self.near)] if still.any() else []


def finish(
    repair: Repair, part: Box, before: Pixels8, region: Mask, lines: Sequence[Line], ask: AskNetwork, check: Callable[[], None]
) -> list[Remainder]:
    """Remove what is left of lines of text in `region` of a part of the picture, which was `before` in sRGB; what is there still after
    that. Where nothing of a line was removed, nothing is done."""
    left = []
    for view, text in _removed(repair.crop(part), before, region, lines, ask):
        check()
        place = view.translate(part.left, part.top)
        if _finish(repair, place, text, ask, check) > _IN_PART:
            left.append(Remainder(bounds(text.paint).translate(place.left, place.top), bounds(text.near).translate(place.left, place.top)))
    return left


def still_there(after: Pixels8, before: Pixels8, lines: Sequence[Line], ask: AskNetwork) -> bool:
    """Whether many lines that are alike are there still, although what repeats over the picture was removed."""
    alike = alike_lines(lines)
    if len(alike) < _MANY:
        return False
    place = text_mask(alike, before.shape[:2])
    paint, seen = (_seen(pixels, alike[0], ask, repeated=True) & place for pixels in (before, after))
    return bool((paint & seen).sum() > _SAME * paint.sum())


def _finish(repair: Repair, place: Box, text: _Text, ask: AskNetwork, check: Callable[[], None]) -> float:
    """Remove what is left of a text; the share that is there still."""
    left = text.visible_share(repair.crop(place), ask)
    attempts: list[tuple[float, Callable[[Pixels8], list[DetectedMark]]]] = [(_TO_FILL, lambda seen: text.rest(seen, ask))]
    if not text.is_repeated:
        attempts = [(_WORTH, lambda seen: text.more(seen, ask, check))] * 2 + attempts
    for least, attempt in attempts:
        if left < least:
            continue
        kept = repair.part(place)
        for mark in attempt(repair.crop(place)):
            repair.remove(mark.translate(place.left, place.top))
        now = text.visible_share(repair.crop(place), ask)
        if now > _BETTER * left:
            repair.put_back(place, kept)
        else:
            left = now
    if text.missed.any():
        repair.remove(to_fill(text.missed, text.near).translate(place.left, place.top))
    return left


def _removed(after: Pixels8, before: Pixels8, region: Mask, lines: Sequence[Line], ask: AskNetwork) -> Iterator[tuple[Box, _Text]]:
    """Each line of which something was removed, in its part of the crop."""
    changed = (before != after).any(axis=2)
    alike = alike_lines(lines)
    if len(alike) > REPEATED:
        everywhere = Box(0, 0, changed.shape[1], changed.shape[0])
        yield from _touched(everywhere, before, changed, region, alike[0], alike, ask)
        lines = [line for line in lines if line not in alike]
    for line in lines:
        yield from _touched(around_line(line, changed.shape), before, changed, region, line, [line], ask)


def _touched(
    view: Box, before: Pixels8, changed: Mask, region: Mask, line: Line, alike: Sequence[Line], ask: AskNetwork
) -> Iterator[tuple[Box, _Text]]:
    place, window = text_mask(alike, changed.shape), view.window
    if not (changed & place).any():
        return
    line = replace(line, x=line.x - view.left, y=line.y - view.top)
    repeated = len(alike) > 1
    paint = _seen(np.ascontiguousarray(before[window]), line, ask, repeated=repeated) & place[window] & region[window]
    if paint.sum() >= _LEAST and (changed[window] & paint).sum() > _TOUCHED * paint.sum():
        # A kernel of this size would take seconds.
        away = cv2.distanceTransform((~paint).astype(np.uint8), cv2.DIST_L2, 3)
        near = (away <= max(2, round(_AROUND * line.height))) & region[window]
        yield view, _Text(line, repeated, paint, near, _missed(paint, changed[window]))


def _missed(paint: Mask, changed: Mask) -> Mask:
    labels = cv2.connectedComponents(paint.astype(np.uint8))[1]
    pieces, touched = np.bincount(labels[paint]), np.bincount(labels[paint & changed], minlength=int(labels.max()) + 1)
    few = touched < _MISSED * pieces
    return np.asarray(paint & few[labels], np.bool_)


def _seen(pixels: Pixels8, line: Line, ask: AskNetwork, *, repeated: bool) -> Mask:
    cover: Plane = (painted_everywhere if repeated else paint_probability)(pixels, line, ask)
    return np.asarray(cover > _SOLID, np.bool_)
