"""Lines that were read, as results for a caller: plain text, and the position of each line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2

from services.inference.ocr.detection import Line
from services.inference.ocr.languages import localize
from services.inference.ocr.recognition import RecognisedLine

_SAME_ROW = 0.5  # of the smaller height
_NAMES = ("topLeft", "topRight", "bottomRight", "bottomLeft")


def text_reply(found: Sequence[RecognisedLine], language: str) -> dict[str, Any]:
    """`text` and `lines` of the lines of a picture, in reading order."""
    texts = [localize(each.reading.text.strip(), language) for each in found]
    text = ""
    for number, said in enumerate(texts):
        if number:
            text += " " if _in_one_row(found[number - 1].line, found[number].line) else "\n"
        text += said
    lines = [
        {"text": said, "confidence": round(each.reading.confidence, 3), "corners": _corners(each.line)}
        for said, each in zip(texts, found, strict=True)
    ]
    return {"text": text, "lines": lines}


def _corners(line: Line) -> dict[str, dict[str, int]]:
    """The corners of a line in reading orientation, in pixels."""
    turn = cv2.getRotationMatrix2D((0, 0), -line.tilt, 1.0)[:, :2]
    half, low = line.length / 2, line.height / 2
    places = [turn @ corner for corner in ((-half, -low), (half, -low), (half, low), (-half, low))]
    return {name: {"x": round(line.x + float(x)), "y": round(line.y + float(y))} for name, (x, y) in zip(_NAMES, places, strict=True)}


def _in_one_row(one: Line, other: Line) -> bool:
    """Whether the other line goes on where the first one ends."""
    turn = math.radians(one.tilt)
    right, down = other.x - one.x, other.y - one.y
    along, across = right * math.cos(turn) + down * math.sin(turn), down * math.cos(turn) - right * math.sin(turn)
    return along > 0 and abs(across) < _SAME_ROW * min(one.height, other.height)
