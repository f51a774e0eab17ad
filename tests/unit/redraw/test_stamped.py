"""Lines of scanned pages that read like stamps."""

from __future__ import annotations

import asyncio
from typing import cast

import numpy as np
import pytest

from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.reading import Reading, Word
from services.inference.ocr.recognition import RecognisedLine, Recogniser
from services.inference.redraw.stamped import stamped_lines
from services.inference.watermark.box import Box


class FootReader:
    """Reads one line in the foot of a page of 2,000 rows, where nothing else is dark."""

    def __init__(self, text: str) -> None:
        self.text_there = text

    async def text(self, pixels: Pixels8) -> list[RecognisedLine]:
        assert pixels.shape[0] == 240
        reading = Reading((Word(self.text_there, 0, 1),), 0.9)
        return [RecognisedLine(Line(700, 200, 600, 20, 0), reading)] if pixels.min() == 0 else []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Licensed to M. Larsen, 3 May", True),
        ("Downloaded from example.org by O. Brandt", True),
        ("Page 3 of 12", False),
        ("Quay 7, Northport · VAT 318 204 · www.example.org", False),
        ("Licensed to Kill", False),
    ],
)
def test_a_line_that_says_whose_copy_it_is_is_told_with_its_place(text: str, told: bool) -> None:
    page = np.full((2000, 1414, 3), 255, np.uint8)
    page[1950:1970, 400:1000] = 0
    marks = asyncio.run(stamped_lines(cast(Recogniser, FootReader(text)), page))
    assert [(mark.box, mark.methods, mark.evidence[-1]) for mark in marks] == ([(Box(400, 1950, 1000, 1970), (), text)] if told else [])
