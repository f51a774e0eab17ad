"""Lines in the head and foot of a scanned page that read like a shop's or library's stamp: notices name them, as they may be its own."""

from __future__ import annotations

import math

import numpy as np

from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.recognition import Recogniser
from services.inference.pdf.search.vocabulary import is_particular, is_provenance
from services.inference.watermark.box import Box
from services.inference.watermark.report import Kind, Mark

_MARGIN = 0.12  # of the page's height
_CONFIDENCE = 0.4


async def stamped_lines(recogniser: Recogniser, pixels: Pixels8) -> list[Mark]:
    """Those lines in the margins of a page that say whose copy it is or where it came from, as marks that are kept."""
    height, marks = round(_MARGIN * pixels.shape[0]), list[Mark]()
    for top in (0, pixels.shape[0] - height):
        strip = np.ascontiguousarray(pixels[top : top + height])
        for found in await recogniser.text(strip):
            text = found.reading.text
            if is_provenance(text) and is_particular(text):
                box = _box(found.line, strip.shape).translate(0, top)
                marks.append(Mark(Kind.TEXT, box, _CONFIDENCE, evidence=("says whose copy it is, or where it came from", text)))
    return marks


def _box(line: Line, shape: tuple[int, ...]) -> Box:
    angle = math.radians(line.tilt)
    across = (abs(line.length * math.cos(angle)) + abs(line.height * math.sin(angle))) / 2
    down = (abs(line.length * math.sin(angle)) + abs(line.height * math.cos(angle))) / 2
    left, top = max(0, round(line.x - across)), max(0, round(line.y - down))
    return Box(left, top, min(shape[1], round(line.x + across)), min(shape[0], round(line.y + down)))
