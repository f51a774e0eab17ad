"""Lines of text of any slant in a part of a picture: what a network finds that reads level lines, level and turned, in two sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.inference.ocr.detection import Line, lines, network_input, text_map
from services.inference.watermark.strokes import Mask, Pixels8

AskNetwork = Callable[[Pixels8], Pixels8]
"""Takes uint8 [1, H, W, 3], sRGB; gives uint8 [1, H, W, 1], 255 where what it finds is certain. It may block."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The questions about a picture or a part of one. Where there is no such model, nothing is found."""

    text: AskNetwork
    """Finds lines of text."""
    strokes: AskNetwork
    """Outlines what a mark has painted in a line."""


_LOOKS = ((416, 0), (736, 0), (736, 30), (736, -30))
"""Longest side of what the network sees, and by how many degrees that is turned."""
_AGREEING = 2  # looks, unless only one of them finds anything
_LARGEST = 0.9  # of the smaller side: height of a line
_LONGER, _HIGHER = 0.6, 1.25  # of the height: a sign such as © that the network leaves out, and the ends of letters
_SAME, _SEEN = 0.5, 0.4  # of a line's pixels


def lines_in(pixels: Pixels8, ask: AskNetwork, check: Callable[[], None]) -> list[Line]:
    """The lines that are found more than once or, if none is, once; the larger ones first."""
    scale = min(1.0, _LOOKS[-1][0] / max(pixels.shape[:2]))
    if scale < 1:
        # The network sees no more than this.
        size = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return [
        Line(line.x / scale, line.y / scale, line.length / scale, line.height / scale, line.tilt) for line in _lines_in(pixels, ask, check)
    ]


def _lines_in(pixels: Pixels8, ask: AskNetwork, check: Callable[[], None]) -> list[Line]:
    looks = [[(line, text_mask([line], pixels.shape)) for line in _found(pixels, ask, longest, angle, check)] for longest, angle in _LOOKS]
    # A turned picture ends in repeated pixels, where the network may see lines, too.
    inside = (each for look in looks for each in look if each[1].any())
    found = sorted(inside, key=lambda each: int(each[1].sum()), reverse=True)
    chosen: list[tuple[Line, Mask]] = []
    while found:
        chosen.append(_most_typical([each for each in found if _part_of(each[1], found[0][1])]))
        found = [each for each in found if not _part_of(each[1], chosen[-1][1])]
    places = [text_mask([line for line, _ in look], pixels.shape) for look in looks]
    votes = [sum((place & other).sum() > _SEEN * place.sum() for other in places) for _, place in chosen]
    least = min(_AGREEING, max(votes, default=0))
    return [line for (line, _), count in zip(chosen, votes, strict=True) if count >= least]


def _part_of(place: Mask, other: Mask) -> bool:
    return bool((place & other).sum() > _SAME * place.sum())


def _most_typical(found: Sequence[tuple[Line, Mask]]) -> tuple[Line, Mask]:
    """The one that shares most with the others."""
    shared = [sum(float((place & other).sum() / (place | other).sum()) for _, other in found) for _, place in found]
    return found[shared.index(max(shared))]


def text_mask(found: Sequence[Line], shape: tuple[int, ...]) -> Mask:
    """The rectangles around lines of a picture of this height and width."""
    mask = np.zeros(shape[:2], np.uint8)
    for line in found:
        corners = cv2.boxPoints(((line.x, line.y), (line.length + _LONGER * line.height, _HIGHER * line.height), line.tilt))
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1)
    return np.asarray(mask > 0, np.bool_)


def _found(pixels: Pixels8, ask: AskNetwork, longest: int, angle: int, check: Callable[[], None]) -> list[Line]:
    check()
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    across, down = (round(side) for side in np.abs(turn[:, :2]) @ (width, height))
    turn[:, 2] += ((across - width) / 2, (down - height) / 2)
    seen = np.asarray(cv2.warpAffine(pixels, turn, (across, down), borderMode=cv2.BORDER_REPLICATE), np.uint8) if angle else pixels
    back = np.asarray(cv2.invertAffineTransform(turn), np.float64)
    text = text_map(ask(network_input(seen, longest)), seen.shape[0], seen.shape[1], longest)
    found = []
    for line in lines(text, largest=_LARGEST):
        x, y = back[:, :2] @ (line.x, line.y) + back[:, 2]
        found.append(Line(float(x), float(y), line.length, line.height, line.tilt + angle))
    return found
