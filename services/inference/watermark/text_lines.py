"""Lines of text of any slant in a part of a picture: what a network finds that reads level lines, level and turned, in two sizes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from services.inference.ocr.detection import lines, network_input, text_map
from services.inference.watermark.strokes import Mask, Pixels8

AskNetwork = Callable[[Pixels8], Pixels8]
"""Takes uint8 [1, H, W, 3], sRGB; gives uint8 [1, H, W, 1], 255 where text is certain. It may block."""

_LOOKS = ((416, 0), (736, 0), (736, 30), (736, -30))
"""Longest side of what the network sees, and by how many degrees that is turned."""
_AGREEING = 2  # looks, unless only one of them finds anything
_LARGEST = 0.9  # of the smaller side: height of a line
_LONGER, _HIGHER = 0.6, 1.25  # of the height: a sign such as © that the network leaves out, and the ends of letters


def lines_in(pixels: Pixels8, ask: AskNetwork, check: Callable[[], None]) -> Mask:
    """The rectangles around the lines that are found more than once or, if none is, once."""
    votes = np.zeros(pixels.shape[:2], np.uint8)
    for longest, angle in _LOOKS:
        check()
        votes += _found(pixels, ask, longest, angle)
    return np.asarray(votes >= max(1, min(_AGREEING, int(votes.max()))), np.bool_)


def _found(pixels: Pixels8, ask: AskNetwork, longest: int, angle: int) -> Pixels8:
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    across, down = (round(side) for side in np.abs(turn[:, :2]) @ (width, height))
    turn[:, 2] += ((across - width) / 2, (down - height) / 2)
    seen = np.asarray(cv2.warpAffine(pixels, turn, (across, down), borderMode=cv2.BORDER_REPLICATE), np.uint8) if angle else pixels
    back = cv2.invertAffineTransform(turn)
    found = np.zeros((height, width), np.uint8)
    text = text_map(ask(network_input(seen, longest)), seen.shape[0], seen.shape[1], longest)
    for line in lines(text, largest=_LARGEST):
        corners = cv2.boxPoints(((line.x, line.y), (line.length + _LONGER * line.height, _HIGHER * line.height), line.tilt))
        cv2.fillConvexPoly(found, np.round(corners @ back[:, :2].T + back[:, 2]).astype(np.int32), 1)
    return found
