"""Pages from picture to text, with networks that know what stands where."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.ocr.detection import Pixels8
from services.inference.ocr.recognition import Recogniser

WORDS = ["one", "two", "four", "seven"]


def page() -> Pixels8:
    """Lines of bars: the first is black and as wide as its word is long, the others are dark."""
    picture = np.full((400, 320, 3), 250, np.uint8)
    for number, word in enumerate(WORDS):
        top = 60 + 70 * number
        picture[top : top + 24, 40 : 40 + 40 * len(word)] = 40 * number
        picture[top + 4 : top + 20, 44:56] = 200
    return picture


async def detect(picture: Pixels8) -> Pixels8:
    """The middle of what is dark."""
    dark = (picture[0].max(axis=2) < 230).astype(np.uint8)
    small = cv2.erode(dark, np.ones((9, 9), np.uint8))
    return np.asarray(small * 255, np.uint8)[None, ..., None]


async def read(lines: Pixels8) -> Pixels8:
    """A line says which one it is by its shade; sure only of one that begins with a light patch."""
    answers = []
    for line in lines:
        ink = line[line.max(axis=2) < 128]
        word = WORDS[round(float(np.median(ink)) / 40)] if ink.size else ""
        left = int(np.flatnonzero((line.max(axis=2) < 128).any(axis=0))[0])
        begins = line[24, left + 5 : left + 13].min() > 150
        code = [*word, *["\0"] * (8 - len(word))] if begins else [*word[::-1], *["\0"] * (8 - len(word))]
        answers.append([[[0, 0, ord(step), 250 if begins else 150] for step in code]])
    return np.array(answers, np.uint8)


def unstopped() -> None:
    """Nobody asks to stop."""


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_page_is_read_however_it_lies(turns: int) -> None:
    picture = np.ascontiguousarray(np.rot90(page(), turns))
    found = await Recogniser(detect, read, unstopped).text(picture)
    assert [each.reading.text for each in found] == WORDS
    assert all(abs((each.line.tilt + 90 * turns + 180) % 360 - 180) < 1 for each in found)


@pytest.mark.parametrize("degrees", [-2.5, 2.5])
async def test_a_page_that_lies_askew_is_read_line_by_line(degrees: float) -> None:
    """Each line begins higher, or lower, than the one before it ends."""
    picture = np.full((440, 1000, 3), 250, np.uint8)
    for number in range(4):
        top = 130 + 46 * number
        picture[top : top + 24, 60:940] = 40 * number
        picture[top + 4 : top + 20, 64:76] = 200
    turn = cv2.getRotationMatrix2D((500, 220), degrees, 1.0)
    askew = np.asarray(cv2.warpAffine(picture, turn, (1000, 440), borderValue=(250, 250, 250)), np.uint8)
    found = await Recogniser(detect, read, unstopped).text(askew)
    assert [each.reading.text for each in found] == WORDS


async def test_lines_that_are_not_wanted_are_not_read() -> None:
    found = await Recogniser(detect, read, unstopped).text(page(), lambda line: line.y > 150)
    assert [each.reading.text for each in found] == WORDS[2:]


async def test_what_nobody_can_read_is_left_out() -> None:
    async def unsure(lines: Pixels8) -> Pixels8:
        return np.array([[[[0, 0, ord("x"), 100]]]] * len(lines), np.uint8)

    assert await Recogniser(detect, unsure, unstopped).text(page()) == []


async def test_an_empty_page_has_no_text() -> None:
    assert await Recogniser(detect, read, unstopped).text(np.full((100, 100, 3), 255, np.uint8)) == []


async def test_a_cancelled_task_asks_for_no_more() -> None:
    def stop() -> None:
        raise InterruptedError

    async def never(_lines: Pixels8) -> Pixels8:
        raise AssertionError

    with pytest.raises(InterruptedError):
        await Recogniser(never, never, stop).text(page())
