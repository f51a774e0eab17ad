"""Where a text stands, that it fits, and that it is nothing but text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darkroom.operations.v1.placement_pb2 import (
    POSITION_BOTTOM,
    POSITION_BOTTOM_LEFT,
    POSITION_BOTTOM_RIGHT,
    POSITION_CENTER,
    POSITION_LEFT,
    POSITION_RIGHT,
    POSITION_TOP,
    POSITION_TOP_LEFT,
    POSITION_TOP_RIGHT,
    Position,
)
from services.inference.media import Image
from services.inference.plain.captions import Caption, add_caption
from tests.unit.imaging.pictures import gray_profile, photo, wide_gamut_profile

WHITE, RED = (255, 255, 255), (255, 0, 0)
LONG = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. " * 4


def black(width: int = 400, height: int = 300) -> Image:
    return Image(np.zeros((height, width, 3), np.uint8))


def inked(image: Image, text: str, **by: Any) -> np.ndarray:
    """Which pixels the text changes."""
    made = add_caption(image, Caption(**{"text": text, "size": 30, "colour": WHITE, **by}))
    return np.asarray((made.pixels != image.pixels).any(axis=2))


def bounds(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Columns free on the left, rows free above, columns free on the right, rows free below."""
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    return int(columns[0]), int(rows[0]), int(ink.shape[1] - 1 - columns[-1]), int(ink.shape[0] - 1 - rows[-1])


@pytest.mark.parametrize(
    ("position", "across", "down"),
    [
        (POSITION_TOP_LEFT, -1, -1),
        (POSITION_TOP, 0, -1),
        (POSITION_TOP_RIGHT, 1, -1),
        (POSITION_LEFT, -1, 0),
        (POSITION_CENTER, 0, 0),
        (POSITION_RIGHT, 1, 0),
        (POSITION_BOTTOM_LEFT, -1, 1),
        (POSITION_BOTTOM, 0, 1),
        (POSITION_BOTTOM_RIGHT, 1, 1),
    ],
)
def test_a_text_stands_where_it_is_put(position: Position.ValueType, across: int, down: int) -> None:
    left, top, right, bottom = bounds(inked(black(), "Hxgp", position=position))
    for before, after, side in ((left, right, across), (top, bottom, down)):
        if side:
            assert abs((before if side < 0 else after) - 15) <= 2
        else:
            assert abs(before - after) <= 2


def test_the_font_has_the_size_that_is_asked_for() -> None:
    _, top, _, bottom = bounds(inked(black(), "H", size=100))
    # Capitals of DejaVu Sans are 0.729 of its size.
    assert abs(300 - top - bottom - 72.9) <= 2


@pytest.mark.cases(14)
@pytest.mark.parametrize("text", [LONG, "W" * 120, "Unbreakable" * 5, "x", "one\ntwo\nthree\nfour\nfive\nsix"])
@pytest.mark.parametrize("by", [{}, {"degrees": 45}, {"background": "#ffffff"}, {"degrees": -90}, {"position": POSITION_BOTTOM}])
@pytest.mark.parametrize("size", [30, 1000])
def test_a_long_text_stays_inside(text: str, by: dict[str, Any], size: float) -> None:
    ink = inked(Image(np.full((300, 400, 3), 128, np.uint8)), text, size=size, **by)
    assert ink.sum() > 100
    assert min(bounds(ink)) >= 4


def test_lines_are_broken_between_words_before_the_text_gets_smaller() -> None:
    one, two = (inked(black(), text, position=POSITION_TOP) for text in ("Hhhh hhhh", "Hhhh hhhh hhhh hhhh hhhh hhhh hhhh"))
    heights = [300 - top - bottom for _, top, _, bottom in map(bounds, (one, two))]
    assert heights[1] > 1.8 * heights[0]


def test_markup_is_text() -> None:
    plain, marked, escaped = (inked(black(), text) for text in ("A", "<b>A</b>", "&lt;A"))
    assert marked.sum() > 2 * plain.sum()
    assert escaped.sum() > 2 * plain.sum()


@pytest.mark.parametrize(("one", "other"), [("مرحبا", "ا ب ح ر م"), ("שלום", "םולש"), ("e\u0301", "e")])
def test_text_is_shaped(one: str, other: str) -> None:
    assert (inked(black(), one) != inked(black(), other)).any()
    assert inked(black(), one).any()


def test_hebrew_runs_from_right_to_left() -> None:
    # Yod is small and high, final mem large: the word begins at the right.
    ink = inked(black(), "יםםםם", size=60)
    left, _, right, _ = bounds(ink)
    columns = ink.sum(axis=0)
    assert columns[400 - right - 12 : 400 - right].sum() < columns[left : left + 12].sum()


def test_accents_are_composed() -> None:
    assert (inked(black(), "e\u0301") == inked(black(), "é")).all()


def test_a_pattern_covers_the_picture() -> None:
    for degrees in (0, -30, 45, 180):
        ink = inked(black(), "Tiled", is_tiled=True, degrees=degrees, size=16)
        parts = [part for row in np.array_split(ink, 3) for part in np.array_split(row, 3, axis=1)]
        assert all(part.any() for part in parts)
        assert 0.01 < ink.mean() < 0.3


@pytest.mark.parametrize(("text", "pixels"), [("S", 1000), ("Sample", 1000), ("Sample", 90), ("x", 8)])
def test_a_tiled_text_begins_in_the_middle(text: str, pixels: float) -> None:
    """So that also one that has no room beside itself is seen as a whole."""
    alone, tiled = (inked(black(), text, size=pixels, is_tiled=tiled) for tiled in (False, True))
    left, top, right, bottom = bounds(alone)
    # By a pixel at most it is elsewhere than alone.
    around = slice(top - 1, 300 - bottom + 1), slice(left - 1, 400 - right + 1)
    assert abs(int(tiled[around].sum()) - int(alone.sum())) < 0.02 * alone.sum() + 2
    assert max(np.abs(np.subtract(bounds(tiled[around]), (1, 1, 1, 1)))) <= 1


def test_opacity_blends_towards_the_colour() -> None:
    made = add_caption(Image(np.full((60, 60, 3), 100, np.uint8)), Caption(text="■", size=60, colour=RED, opacity=0.5))
    assert np.abs(made.pixels[30, 30].astype(int) - (178, 50, 50)).max() <= 1


def test_a_box_is_behind_the_text_and_around_it() -> None:
    made = add_caption(black(), Caption(text="Box", size=40, colour=WHITE, background="#0000ff", position=POSITION_BOTTOM)).pixels
    blue = (made == (0, 0, 255)).all(axis=2)
    white = (made == WHITE).all(axis=2)
    assert white.any()
    assert all(outer < inner for outer, inner in zip(bounds(blue), bounds(white), strict=True))


def test_a_shadow_is_dark_and_below() -> None:
    gray = Image(np.full((100, 100, 3), 200, np.uint8))
    plain, shaded = (
        add_caption(gray, Caption(text="I", size=60, colour=WHITE, shadow=shadow)).pixels.astype(int) for shadow in (False, True)
    )
    assert (shaded - plain).max() <= 0
    _, columns = np.nonzero((shaded < plain).any(axis=2))
    assert columns.mean() > 50


@pytest.mark.parametrize("factor", [1, 257])
def test_colours_are_srgb_whatever_the_profile_and_depth(factor: int) -> None:
    kind = np.uint8 if factor == 1 else np.uint16
    image = Image((np.zeros((60, 60, 3)) + 9 * factor).astype(kind), icc=wide_gamut_profile())
    made = add_caption(image, Caption(text="■", size=60, colour=(0, 255, 0)))
    assert (made.bit_depth, made.icc) == (image.bit_depth, image.icc)
    assert np.abs(made.srgb()[30, 30].astype(int) - (0, 255, 0)).max() <= 3


def test_gray_stays_gray_for_gray_text() -> None:
    gray = Image(np.zeros((60, 60, 1), np.uint8))
    assert add_caption(gray, Caption(text="a", size=30, colour=WHITE, shadow=True)).is_gray
    coloured = add_caption(gray, Caption(text="■", size=60, colour=RED, shadow=True, background="#ffffff"))
    assert coloured.pixels[30, 30].tolist() == [255, 0, 0]
    profiled = Image(np.zeros((60, 60, 1), np.uint8), icc=gray_profile(1.8))
    assert add_caption(profiled, Caption(text="■", size=60, colour=(128, 128, 128))).pixels[30, 30].tolist() == [128, 128, 128]


def test_text_on_what_is_transparent_is_visible() -> None:
    image = Image(np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60), np.uint8))
    made = add_caption(image, Caption(text="■", size=60, colour=RED, opacity=0.5))
    assert made.alpha is not None
    assert (made.alpha[30, 30], made.alpha[0, 0]) == (128, 0)
    assert made.pixels[30, 30].tolist() == [255, 0, 0]


def test_pixels_beside_the_text_stay() -> None:
    image = Image(photo())
    ink = inked(image, "Hi", size=20)
    assert 0 < ink.mean() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (16, 16)])
@pytest.mark.parametrize("by", [{}, {"is_tiled": True, "degrees": 30}, {"background": "#ffffff", "shadow": True, "degrees": 200}])
def test_no_picture_is_too_small(size: tuple[int, int], by: dict[str, Any]) -> None:
    made = add_caption(black(*size), Caption(text=LONG, size=1000, colour=WHITE, **by))
    assert (made.width, made.height) == size


@pytest.mark.parametrize("text", [" ", "\n\n", "\u200b"])
def test_nothing_to_see_changes_nothing(text: str) -> None:
    image = Image(photo())
    assert add_caption(image, Caption(text=text, size=30, colour=WHITE)) is image
