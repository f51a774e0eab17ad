"""Filling by a network that sees windows of one size."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.watermark import neural
from services.inference.watermark.box import Box
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.strokes import Mask, Pixels8
from tests.unit.watermark.marked import Pixels, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)


class Columns:
    """A network that gives a masked pixel the mean of what is known in its column. It remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Pixels8] = []

    def __call__(self, windows: Pixels8) -> Pixels8:
        assert (windows.shape, windows.dtype) == ((1, 512, 512, 4), np.uint8)
        self.shown.append(windows[0])
        known = windows[..., 3:] < 128
        mean = (windows[..., :3] * known).sum(axis=1, keepdims=True) / np.maximum(1, known.sum(axis=1, keepdims=True))
        return np.where(known, windows[..., :3], np.round(mean)).astype(np.uint8)


def stripes(height: int, width: int, channels: int = 3) -> Pixels:
    """Every column of a colour of its own: what a copy of another size does not have any more."""
    return np.broadcast_to(
        np.random.default_rng(6).integers(40, 140, (1, width, channels), dtype=np.uint8), (height, width, channels)
    ).copy()


def fill(pixels: Pixels, mask: Mask, network: Columns) -> Pixels:
    return neural.fill(pixels, mask, network, lambda: None)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(90, 130), (700, 1400)], ids=["smaller than a window", "larger"])
def test_a_hole_that_is_not_deep_is_filled_at_full_resolution_and_nothing_else_changes(shape: tuple[int, int], channels: int) -> None:
    truth = stripes(*shape, channels)
    mask = np.zeros(shape, np.bool_)
    mask[40:70, 10:-10] = True
    marked = truth.copy()
    marked[mask] = 255

    result = fill(marked, mask, network := Columns())

    np.testing.assert_array_equal(result, truth)
    assert len(network.shown) == (6 if shape[1] > 512 else 1)


def test_the_network_is_not_shown_the_mark_and_is_told_of_every_masked_pixel() -> None:
    pixels = np.full((200, 200, 3), 90, np.uint8)
    mask = np.zeros((200, 200), np.bool_)
    mask[50:70, 20:180] = mask[150:160, 20:60] = True
    pixels[mask] = 255

    fill(pixels, mask, network := Columns())

    (shown,) = network.shown
    assert (shown[..., :3] == 90).all()
    np.testing.assert_array_equal(shown[:200, :200, 3], np.where(mask, 255, 0))


@pytest.mark.parametrize(("size", "expected"), [(700, 220), (1400, 160)], ids=["all in one window", "part of a picture"])
def test_what_is_far_from_anything_known_is_filled_on_a_smaller_copy(size: int, expected: int) -> None:
    pixels = np.full((size, size, 3), 90, np.uint8)
    mask = np.zeros((size, size), np.bool_)
    mask[200:500, 200:500] = True
    pixels[mask] = 255

    result = fill(pixels, mask, network := Columns())

    assert (result == 90).all()
    unknown = network.shown[0][..., 3]
    assert (len(network.shown), (unknown == 0).mean() > 0.75) == (1, True)
    # All of a small picture is shown, as large as a window.
    assert (unknown[:, 0] == 0).all()
    assert abs(int((unknown == 255).any(axis=0).sum()) - expected) <= 10


def test_shapes_near_one_another_share_a_window() -> None:
    mask = np.zeros((600, 600), np.bool_)
    for left in range(100, 340, 40):
        mask[100:120, left : left + 15] = True
    mask[500:510, 500:510] = True

    fill(stripes(600, 600), mask, network := Columns())

    assert len(network.shown) == 2


def test_cancelling_ends_it() -> None:
    class Stopped(Exception):
        pass

    def check() -> NoReturn:
        raise Stopped

    mask = np.zeros((600, 600), np.bool_)
    mask[100:120, 100:120] = True
    with pytest.raises(Stopped):
        neural.fill(stripes(600, 600), mask, Columns(), check)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "16 bit"])
def test_a_mark_over_detail_is_filled_by_the_network(deep: bool) -> None:
    truth = stripes(120, 200)
    cover = layer(truth.shape, "SAMPLE", 24, (50, 50))
    pixels: np.ndarray = over(truth, cover, 1.0)
    if deep:
        pixels = pixels.astype(np.uint16) * np.uint16(257)
    box = Box(40, 40, 170, 90)

    result, report = remove_in_boxes(Image(pixels), [box], None, Columns, WATCHING)

    assert [method.value for method in report.marks[0].methods] == ["inpainted_neural"]
    inside = np.zeros(cover.shape, np.bool_)
    inside[box.window] = True
    np.testing.assert_array_equal(result.pixels[~inside], pixels[~inside])
    np.testing.assert_array_equal(result.pixels[cover > 0.9] // (257 if deep else 1), truth[cover > 0.9])


def test_a_mark_on_a_smooth_place_is_not() -> None:
    truth = photo()
    cover = layer(truth.shape, "SAMPLE", 20, (truth.shape[1] - 12, 12), "rt")

    def find() -> NoReturn:
        raise AssertionError("nothing here is for a network")

    _, report = remove_in_boxes(
        Image(over(truth, cover, 1.0)), [Box(truth.shape[1] - 200, 4, truth.shape[1] - 2, 44)], None, find, WATCHING
    )
    assert [method.value for method in report.marks[0].methods] == ["inpainted_flat"]


@pytest.mark.parametrize("network", [None, lambda: None], ids=["none asked for", "none there"])
def test_without_a_network_structure_is_continued(network: None) -> None:
    _, report = remove_in_boxes(Image(stripes(90, 120)), [Box(40, 40, 60, 50)], None, network, WATCHING)
    assert [method.value for method in report.marks[0].methods] == ["inpainted_structured"]
