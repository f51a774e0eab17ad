"""Marks in boxes that a person has drawn."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.contract.progress import AttemptStop
from services.inference.media import Image
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_in_boxes
from tests.unit.watermark.marked import error, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)
TEXT = "© Jane Doe Photo"


@pytest.mark.parametrize(
    ("percent", "size", "box"),
    [
        ((0, 0, 100, 100), (640, 400), (0, 0, 640, 400)),
        ((10, 15, 60, 70), (1000, 1000), (100, 150, 600, 700)),
        ((0, 0, 1, 1), (33, 33), (0, 0, 1, 1)),
        ((99, 99, 100, 100), (10, 10), (9, 9, 10, 10)),
        ((33.3, 0, 33.4, 100), (100, 50), (33, 0, 34, 50)),
    ],
)
def test_a_box_holds_every_pixel_that_it_touches(
    percent: tuple[float, float, float, float], size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert Box.from_percent(*percent, *size) == Box(*box)


@pytest.mark.parametrize(("opacity", "colour"), [(1.0, 255), (0.6, 255), (1.0, 0)])
def test_the_strokes_are_found_and_the_rest_of_the_box_stays(opacity: float, colour: int) -> None:
    truth = photo()
    width = truth.shape[1]
    cover = layer(truth.shape, TEXT, 20, (width - 12, 12), "rt")
    marked = over(truth, cover, opacity, colour)
    box = Box(width - 200, 4, width - 2, 44)

    result, report = remove_in_boxes(Image(marked), [box], None, None, WATCHING)

    (mark,) = report.marks
    assert not mark.whole_box
    inside = np.zeros(cover.shape, np.bool_)
    inside[box.window] = True
    np.testing.assert_array_equal(result.pixels[~inside], marked[~inside])
    changed = (result.pixels != marked).any(axis=2)
    assert changed[inside].mean() < 0.7
    strokes = cover > 0.1
    assert error(result.pixels, truth, strokes) < 0.35 * error(marked, truth, strokes)


def test_a_box_without_anything_to_tell_apart_is_filled_whole() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)
    result, report = remove_in_boxes(Image(noise), [Box(20, 20, 45, 40)], None, None, WATCHING)
    assert report.marks[0].whole_box
    outside = np.ones((60, 80), np.bool_)
    outside[20:40, 20:45] = False
    np.testing.assert_array_equal(result.pixels[outside], noise[outside])


@pytest.mark.parametrize("kind", ["gray", "deep"])
def test_gray_and_16_bit_pictures_stay_what_they_are(kind: str) -> None:
    truth = photo()
    cover = layer(truth.shape, TEXT, 20, (truth.shape[1] - 12, 12), "rt")
    pixels = over(truth, cover, 1.0)
    samples = pixels[..., :1].copy() if kind == "gray" else pixels.astype(np.uint16) * np.uint16(257) - np.uint16(pixels > 0)
    box = Box(truth.shape[1] - 200, 4, truth.shape[1] - 2, 44)
    result, _ = remove_in_boxes(Image(samples), [box], None, None, WATCHING)
    assert (result.pixels.shape, result.pixels.dtype) == (samples.shape, samples.dtype)
    outside = np.ones(cover.shape, np.bool_)
    outside[box.window] = False
    np.testing.assert_array_equal(result.pixels[outside], samples[outside])
    assert result.pixels[cover > 0.5].mean() < 0.9 * samples[cover > 0.5].mean()


def test_cancelling_ends_it() -> None:
    def check() -> None:
        raise AttemptStop

    with pytest.raises(AttemptStop):
        remove_in_boxes(Image(photo()), [Box(0, 0, 50, 50)], None, None, Watching(lambda _: None, check))
