"""Lines as the network gets them, and what its answers say."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.ocr import reading
from services.inference.ocr.detection import Line, Pixels8


def answer(steps: str, sure: int = 255) -> Pixels8:
    """What the network gives, a step for each character of `steps`; `.` adds none."""
    codes = [0 if step == "." else ord(step) for step in steps]
    return np.array([[[code >> 16, code >> 8 & 255, code & 255, sure] for code in codes]], np.uint8)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("hheel.lloo", "hello"),
        (".a..b...", "ab"),
        ("aab.b", "abb"),
        ("to  be.. .", "to be"),
        ("二零二..六", "二零二六"),
        ("𠅤.𠅤", "𠅤𠅤"),
        ("....", ""),
        ("  ", ""),
    ],
)
def test_steps_are_characters(steps: str, text: str) -> None:
    assert reading.decode_reading(answer(steps), 100, 100).text == text


def test_words_are_placed_along_the_line_whatever_was_padded() -> None:
    read = reading.decode_reading(answer("a.b. .c.d............", sure=204), 100, 300)
    assert [word.text for word in read.words] == ["ab ", "cd"]
    first, second = read.words
    assert (first.begin, second.end) == (0, 1)
    # The steps of 300 pixels: `c` is the sixth of 21.
    assert first.end == pytest.approx(second.begin, abs=0.08)
    assert second.begin == pytest.approx(5.5 / 21 * 3, abs=0.2)
    assert read.confidence == pytest.approx(0.8)


@pytest.mark.parametrize("tilt", [0, 30, 90, 180, -75])
def test_a_line_is_cut_out_upright(tilt: float) -> None:
    """Dark on its left, darker on its lower half."""
    rows, columns = np.mgrid[:400, :400].astype(np.float32) - 200
    angle = np.radians(tilt)
    along, down = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
    inside = (abs(along) <= 100) & (abs(down) <= 15)
    picture = np.where(inside & (along < 0), np.where(down > 0, 0, 120), 255).astype(np.uint8)
    crop = reading.upright(np.repeat(picture[..., None], 3, 2), Line(200, 200, 200, 30, tilt))
    assert crop.shape == (48, 320, 3)
    assert crop[30:44, 10:150].mean() < 15
    assert 105 < crop[4:20, 10:150].mean() < 135
    assert crop[4:44, 170:310].mean() > 250


def test_lines_of_nearly_one_length_go_together_and_not_too_many() -> None:
    lines = [Line(0, index, 40 + 400 * (index % 2), 20, 0) for index in range(40)]
    batches = list(reading.batches(lines))
    assert sorted(line.y for batch in batches for line in batch) == [line.y for line in lines]
    assert max(map(len, batches)) <= 16
    widths = [reading.network_input(reading.upright_all(np.zeros((60, 60, 3), np.uint8), batch)).shape for batch in batches]
    assert all(count * width <= 8192 + 64 * 16 for count, _, width, _ in widths)


def test_a_very_long_line_is_read_in_bounded_memory() -> None:
    crop = reading.upright(np.zeros((20, 9000, 3), np.uint8), Line(4500, 10, 9000, 12, 0))
    assert crop.shape == (48, 4096, 3)
