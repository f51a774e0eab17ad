"""Text in small and large pictures: where it is, and what is told of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.ocr.contrast import on_ground, stretch_contrast
from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.finding import Finding, found_lines
from services.inference.ocr.reading import Reading, Word
from services.inference.ocr.recognition import SIDE, RecognisedLine, Recogniser
from services.inference.ocr.telling import text_reply


class Network:
    """Finds what is dark, at least 6 pixels high, and notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    async def __call__(self, picture: Pixels8) -> Pixels8:
        self.shown.append((picture.shape[2], picture.shape[1]))
        dark = (picture[0].max(axis=2) < 110).astype(np.uint8)
        return np.asarray(cv2.erode(dark, np.ones((6, 3), np.uint8)) * 255, np.uint8)[None, ..., None]


async def unread(_lines: Pixels8) -> Pixels8:
    raise AssertionError


def page(width: int, height: int, *lines: tuple[int, int, int, int]) -> Pixels8:
    """White with dark lines: left, top, length, height."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for left, top, length, high in lines:
        picture[top : top + high, left : left + length] = 20
    return picture


async def lines_of(picture: Pixels8, finding: Finding) -> tuple[list[Line], list[tuple[int, int]]]:
    network = Network()
    return await found_lines(Recogniser(network, unread, lambda: None), picture, finding), network.shown


@pytest.mark.thorough
async def test_small_print_of_a_large_picture_is_found_in_parts_and_whole() -> None:
    print_ = (300, 900, 3600, 14)
    fast, _ = await lines_of(page(4800, 2000, print_), Finding.FAST)
    assert fast == []
    best, shown = await lines_of(page(4800, 2000, print_), Finding.BEST)
    assert len(shown) > 4
    assert all(max(size) <= SIDE for size in shown)
    [line] = best
    assert (abs(line.x - 2100) < 10, abs(line.y - 907) < 4, abs(line.length - 3600) < 40) == (True, True, True)


async def test_large_letters_are_found_once() -> None:
    lines, _ = await lines_of(page(4800, 2000, (300, 300, 4000, 400), (300, 1500, 800, 40)), Finding.BEST)
    assert len(lines) == 2
    assert sorted(round(line.y, -1) for line in lines) == [500, 1520]


async def test_a_picture_that_is_just_a_line_is_found() -> None:
    [line], _ = await lines_of(page(300, 40, (8, 6, 284, 28)), Finding.BALANCED)
    assert (round(line.x, -1), round(line.y, -1), line.tilt) == (150, 20, 0)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3000, 4), (5, 3000)])
async def test_what_is_too_small_for_letters_is_not_looked_at(width: int, height: int) -> None:
    assert await lines_of(page(width, height), Finding.BEST) == ([], [])


async def test_a_small_picture_is_looked_at_once() -> None:
    _, shown = await lines_of(page(640, 480), Finding.BEST)
    assert len(shown) == 1


def said(text: str, x: float, y: float, tilt: float = 0.0, length: float = 100) -> RecognisedLine:
    return RecognisedLine(Line(x, y, length, 20, tilt), Reading((Word(text, 0.0, 1.0),), 0.91234))


def test_cells_of_a_row_stand_on_one_line() -> None:
    found = [said("Tea", 60, 20), said("2.50", 300, 22), said("Coffee", 60, 60), said("3.00", 300, 58)]
    assert text_reply(found, "en")["text"] == "Tea 2.50\nCoffee 3.00"
    upside_down = [said("Tea", 340, 180, 180), said("2.50", 100, 178, 180), said("Coffee", 340, 140, 180)]
    assert text_reply(upside_down, "en")["text"] == "Tea 2.50\nCoffee"
    downwards = [said("Tea", 180, 60, 90), said("2.50", 178, 300, 90), said("Coffee", 140, 60, 90)]
    assert text_reply(downwards, "en")["text"] == "Tea 2.50\nCoffee"


@pytest.mark.parametrize(
    ("tilt", "corners"),
    [
        (0, [(50, 40), (150, 40), (150, 60), (50, 60)]),
        (180, [(150, 60), (50, 60), (50, 40), (150, 40)]),
        (90, [(110, 0), (110, 100), (90, 100), (90, 0)]),
        (-90, [(90, 100), (90, 0), (110, 0), (110, 100)]),
    ],
)
def test_corners_are_those_of_the_line_as_it_is_read(tilt: float, corners: list[tuple[int, int]]) -> None:
    [line] = text_reply([said("Tea", 100, 50, tilt)], "en")["lines"]
    assert (line["text"], line["confidence"]) == ("Tea", 0.912)
    names = ("topLeft", "topRight", "bottomRight", "bottomLeft")
    assert [(line["corners"][name]["x"], line["corners"][name]["y"]) for name in names] == corners


def test_nothing_is_told_of_nothing() -> None:
    assert text_reply([], "auto") == {"text": "", "lines": []}


def test_faint_text_gets_contrast_and_other_pictures_stay() -> None:
    faint = np.full((60, 80, 3), 180, np.uint8)
    faint[20:40, 20:60] = 150
    strong = stretch_contrast(faint)
    assert (int(strong.min()), int(strong.max())) == (0, 255)
    for same in (np.full((60, 80, 3), 7, np.uint8), page(80, 60, (20, 20, 40, 20))):
        np.testing.assert_array_equal(stretch_contrast(same), same)


@pytest.mark.parametrize(("level", "ground"), [(20, 255), (240, 0)])
def test_text_on_nothing_stands_on_what_shows_it(level: int, ground: int) -> None:
    pixels, alpha = np.full((60, 80, 3), level, np.uint8), np.zeros((60, 80), np.uint8)
    alpha[20:40, 20:60] = 255
    seen = on_ground(Image(pixels, alpha))
    assert (int(seen[0, 0, 0]), int(seen[30, 40, 0])) == (ground, level)
