"""Text in boxes drawn by a person: found by a network, outlined and un-blended to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.ocr.detection import Line
from services.inference.watermark.borders import fit_border
from services.inference.watermark.box import Box
from services.inference.watermark.one_paint import covered_by, with_soft_edges
from services.inference.watermark.painted import paint_probability
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.report import Method
from services.inference.watermark.strokes import Pixels8
from services.inference.watermark.text_lines import AskNetwork, Networks, lines_in, text_mask
from tests.unit.watermark.marked import Layer, error, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)


def network(lightest: int) -> AskNetwork:
    """A stand-in for the network that finds text: it marks level lines of pixels that are all at least so light."""

    def ask(prepared: Pixels8) -> Pixels8:
        letters = (prepared[0].min(axis=2) >= lightest).astype(np.uint8)
        joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((9, 25), np.uint8))
        return np.asarray(cv2.erode(joined, np.ones((5, 5), np.uint8)) * 250, np.uint8)[np.newaxis, ..., np.newaxis]

    return ask


def nothing(prepared: Pixels8) -> Pixels8:
    """A stand-in for a network that is not installed, or finds nothing."""
    return np.zeros((*prepared.shape[:3], 1), np.uint8)


def everything(prepared: Pixels8) -> Pixels8:
    return np.full((*prepared.shape[:3], 1), 255, np.uint8)


def outlines(lightest: int) -> AskNetwork:
    """A stand-in for the network that outlines strokes: the lighter a pixel is, the surer it is of it."""

    def ask(level: Pixels8) -> Pixels8:
        light = level[0].min(axis=2).astype(np.float32)
        return np.asarray(((light - lightest + 20) / 40).clip(0, 1) * 255, np.uint8)[np.newaxis, ..., np.newaxis]

    return ask


def texture(height: int = 240, width: int = 420) -> Pixels8:
    """Dark texture of three colours without anything light."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [20 * np.sin(x / 17 + channel) + 18 * np.cos(y / 11 - x / 40 + channel) for channel in range(3)]
    grain = np.random.default_rng(5).normal(0, 7, (height, width, 3))
    return np.asarray(np.round(70 + np.stack(waves, axis=2) + grain).clip(0, 120), np.uint8)


def slanted(cover: Layer, degrees: float) -> Layer:
    height, width = cover.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(cover, turn, (width, height), flags=cv2.INTER_CUBIC), np.float32).clip(0, 1)


@pytest.mark.parametrize("angle", [0, 30, -30])
def test_lines_are_found_level_and_slanted(angle: int) -> None:
    truth = np.full((300, 500, 3), 40, np.uint8)
    cover = slanted(layer(truth.shape, "PREVIEW", 50, (250, 150), "mm"), angle)
    found = text_mask(lines_in(over(truth, cover, 1.0), network(230), lambda: None), cover.shape)
    assert found[cover > 0.5].mean() > 0.9
    assert found.mean() < 0.35


def test_nothing_is_found_where_there_is_no_text() -> None:
    assert not lines_in(texture(), network(230), lambda: None)


def test_lines_beside_a_turned_picture_are_none() -> None:
    def at_the_corner(prepared: Pixels8) -> Pixels8:
        text = nothing(prepared)
        text[:, 20:45, 10:110] = 250
        return text

    for line in lines_in(texture(300, 300), at_the_corner, lambda: None):
        assert text_mask([line], (300, 300)).any()


@pytest.mark.parametrize(("opacity", "colour"), [(0.3, 255), (0.6, 255), (0.5, 0)])
def test_the_cover_of_known_paint_is_found(opacity: float, colour: int) -> None:
    truth = np.asarray(texture() // 3 + 90, np.uint8)
    cover = layer(truth.shape, "SAMPLE", 70, (210, 120), "mm")
    marked = over(truth, cover, opacity, colour)
    found = covered_by(marked, (float(colour),) * 3, opacity, np.zeros(cover.shape, np.float32), (60, 30), lambda: None)
    both, either = ((found > 0.5) & (cover > 0.5)).sum(), ((found > 0.5) | (cover > 0.5)).sum()
    assert both > 0.85 * either


def test_the_paint_is_fitted_to_both_sides_of_the_borders() -> None:
    truth = photo()
    cover = layer(truth.shape, "SAMPLE", 90, (truth.shape[1] / 2, truth.shape[0] / 2), "mm")
    alpha = (0.6 * cover)[..., np.newaxis]
    marked = np.round(truth * (1 - alpha) + np.array((20, 140, 70)) * alpha).astype(np.uint8)
    fit = fit_border(marked, cover > 0.5, (20.0, 140.0, 60.0))
    assert fit is not None
    assert abs(fit.opacity - 0.6) < 0.06
    assert np.abs(np.array(fit.colour) - (20, 140, 70)).max() < 15
    assert fit.agreeing > 0.7


def test_edges_are_placed_between_picture_and_paint() -> None:
    truth = np.asarray(texture() // 4 + 90, np.uint8)
    cover = layer(truth.shape, "SAMPLE", 70, (210.4, 120.3), "mm")
    marked = over(truth, cover, 0.5)
    found = with_soft_edges(marked, cover > 0.5, (255.0,) * 3, 0.5)
    edges = (cover > 0.1) & (cover < 0.9)
    assert np.abs(found - cover)[edges].mean() < 0.6 * np.abs((cover > 0.5) - cover)[edges].mean()


@pytest.mark.cases(1)
@pytest.mark.parametrize("strokes", [nothing, everything, outlines(128)], ids=["no network", "useless network", "network"])
@pytest.mark.parametrize("angle", [30, 0])
def test_translucent_text_in_a_wide_box_is_unblended(angle: int, strokes: AskNetwork) -> None:
    truth = texture(180, 300)
    cover = slanted(layer(truth.shape, "PREVIEW", 44, (150, 90), "mm"), angle)
    marked = over(truth, cover, 0.6)
    box = Box(10, 10, 290, 170)
    result, report = remove_in_boxes(Image(marked), [box], Networks(network(145), strokes), None, WATCHING)
    if strokes is everything:
        # It sees the mark also where there is none any more.
        assert [mark.why for mark in report.marks] == ["part_would_remain"]
        np.testing.assert_array_equal(result.pixels, marked)
        return
    assert report.removed_marks
    for mark in report.removed_marks:
        assert mark.methods == (Method.UNBLENDED,)
        assert mark.opacity == pytest.approx(0.6, abs=0.05)
    assert error(result.pixels, truth, cover > 0.05) < 0.2 * error(marked, truth, cover > 0.05)
    far = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.abs(result.pixels.astype(np.int16) - marked)[far].max() <= 2


@pytest.mark.thorough
def test_an_emblem_beside_a_name_goes_with_it() -> None:
    truth = texture()
    cover = layer(truth.shape, "Jane Doe", 44, (150, 100))
    cv2.circle(cover, (100, 125), 28, 1.0, 10, cv2.LINE_AA)
    marked = over(truth, cover, 1.0)
    result, _ = remove_in_boxes(Image(marked), [Box(50, 70, 400, 180)], Networks(network(200), nothing), None, WATCHING)
    emblem = (cover > 0.1) & (np.arange(cover.shape[1]) < 140)
    assert error(result.pixels, truth, emblem) < 0.3 * error(marked, truth, emblem)


@pytest.mark.parametrize("angle", [0, 30, -75])
def test_what_is_outlined_is_laid_back_where_it_was(angle: int) -> None:
    truth = np.full((300, 500, 3), 40, np.uint8)
    cover = slanted(layer(truth.shape, "PREVIEW", 50, (250, 150), "mm"), angle)
    found = paint_probability(over(truth, cover, 1.0), Line(250, 150, 250, 44, -angle), outlines(150))
    assert ((found > 0.5) & (cover > 0.5)).sum() > 0.85 * ((found > 0.5) | (cover > 0.5)).sum()


def test_an_outlined_emblem_is_unblended_with_the_name_and_nothing_else_changes() -> None:
    truth = texture(160, 340)
    cover = layer(truth.shape, "Jane Doe", 36, (130, 60))
    cv2.circle(cover, (90, 80), 20, 1.0, 7, cv2.LINE_AA)
    marked = over(truth, cover, 0.6)
    networks = Networks(network(145), outlines(140))
    result, report = remove_in_boxes(Image(marked), [Box(50, 40, 320, 120)], networks, None, WATCHING)
    assert all(mark.opacity == pytest.approx(0.6, abs=0.05) for mark in report.removed_marks)
    assert error(result.pixels, truth, cover > 0.05) < 0.2 * error(marked, truth, cover > 0.05)
    far = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.abs(result.pixels.astype(np.int16) - marked)[far].max() <= 2


def test_a_word_that_repeats_goes_everywhere_also_where_it_is_not_read() -> None:
    truth = texture(360, 520)
    cover = np.zeros(truth.shape[:2], np.float32)
    for row in range(5):
        for column in range(2):
            cover = np.maximum(cover, layer(truth.shape, "PREVIEW", 34, (140 + 240 * column, 40 + 70 * row), "mm"))
    marked = over(truth, cover, 0.6)

    def some_lines(prepared: Pixels8) -> Pixels8:
        text = network(145)(prepared)
        text[:, :, text.shape[2] // 2 :] = 0
        return text

    networks = Networks(some_lines, outlines(128))
    result, report = remove_in_boxes(Image(marked), [Box(0, 0, 520, 360)], networks, None, WATCHING)
    (mark,) = report.removed_marks
    assert mark.opacity == pytest.approx(0.6, abs=0.05)
    assert error(result.pixels, truth, cover > 0.05) < 0.25 * error(marked, truth, cover > 0.05)
