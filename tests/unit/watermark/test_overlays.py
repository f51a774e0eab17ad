"""Translucent marks that nothing reads: large letters, logos, colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.watermark.blending import Blend, measure
from services.inference.watermark.box import Box
from services.inference.watermark.cover import smoothest_cover
from services.inference.watermark.evidence import combine_marks
from services.inference.watermark.overlays import find_overlays
from services.inference.watermark.refinement import Overlay
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes
from tests.unit.watermark.marked import Layer, Pixels, error, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)


def diagonal(picture: Pixels, text: str, pixels: int, degrees: float) -> Layer:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cover = layer(picture.shape, text, pixels, (width / 2, height / 2), "mm")
    return np.asarray(cv2.warpAffine(cover, turn, (width, height), flags=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def emblem(picture: Pixels, centre: tuple[int, int], radius: int) -> Layer:
    canvas = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(canvas, centre, radius, 255, 6, cv2.LINE_AA)
    cv2.circle(canvas, centre, radius // 2, 255, -1, cv2.LINE_AA)
    return canvas.astype(np.float32) / np.float32(255)


def test_the_cover_of_a_known_paint_is_found() -> None:
    truth = photo()
    cover = diagonal(truth, "PREVIEW", 80, 30)
    marked = over(truth, cover, 0.5)
    gray = cv2.cvtColor(marked, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = smoothest_cover(gray, 255.0, 0.5, 100, lambda: None)
    # Where the picture is nearly white, white paint does not show.
    shows = truth.max(axis=2) < 200
    assert found[(cover > 0.95) & shows].mean() > 0.75
    assert found[(cover < 0.01) & shows].mean() < 0.2


@pytest.mark.parametrize(("colour", "opacity"), [((255, 255, 255), 0.4), ((0, 0, 0), 0.5), ((205, 30, 35), 0.6)])
def test_paint_is_measured_where_its_strokes_are_known(colour: tuple[int, int, int], opacity: float) -> None:
    truth = photo()
    cover = diagonal(truth, "PREVIEW", 80, 30)
    alpha = (cover * opacity)[..., np.newaxis]
    marked = np.round(truth * (1 - alpha) + np.array(colour) * alpha).astype(np.uint8)
    blend = measure(marked, cover > 0.5)
    assert blend is not None
    assert blend.shows_through
    assert blend.opacity == pytest.approx(opacity, abs=0.08)
    np.testing.assert_allclose(blend.colour, colour, atol=45)


def test_nothing_shows_through_paint_on_a_wall() -> None:
    scene = photo().copy()
    x = np.arange(scene.shape[1])
    light = (0.5 + 0.5 * x / scene.shape[1])[:, np.newaxis]
    board = np.where(layer(scene.shape, "BAKERY", 60, (310, 185), "mm")[..., np.newaxis] > 0.5, 240, 120) * light
    scene[120:260, 120:520] = board[120:260, 120:520].astype(np.uint8)
    strokes = layer(scene.shape, "BAKERY", 60, (310, 185), "mm") > 0.5
    blend = measure(scene, strokes)
    assert not (blend and blend.shows_through)


def test_large_translucent_letters_are_found_without_being_read() -> None:
    truth = photo()
    cover = diagonal(truth, "PREVIEW", 80, 30)
    best = find_overlays(over(truth, cover, 0.5), None, lambda: None)[0]
    assert best.blend.correlation > 0.9
    assert best.blend.opacity == pytest.approx(0.5, abs=0.04)
    assert min(best.blend.colour) == 255
    found = np.zeros_like(cover)
    found[best.box.window] = best.cover
    assert (cover[found > 0.5] > 0.3).mean() > 0.8
    assert (found[cover > 0.9] > 0.5).mean() > 0.5


def test_a_logo_in_a_corner_is_removed() -> None:
    truth = photo()
    cover = emblem(truth, (truth.shape[1] - 45, truth.shape[0] - 45), 26)
    marked = over(truth, cover, 0.6)
    result, report = remove_found(Image(marked), marked, lambda _: [], None, WATCHING)
    (mark,) = report.removed_marks
    assert "small in a corner" in mark.evidence
    assert error(result.pixels, truth, cover > 0.1) < 0.3 * error(marked, truth, cover > 0.1)


@pytest.mark.parametrize(("colour", "sure"), [((255.0, 255.0, 255.0), True), ((0.0, 0.0, 0.0), False)], ids=["paint", "shadow"])
def test_what_only_darkens_a_corner_is_not_sure(colour: tuple[float, ...], sure: bool) -> None:
    cover = np.zeros((40, 60), np.float32)
    for left in (2, 22, 42):
        cover[5:35, left : left + 15] = 1
    overlay = Overlay(Box(560, 340, 620, 380), cover, Blend(colour, 0.5, 0.95, 0.05), 3)
    (mark,) = combine_marks([], [overlay], (400, 640))
    assert mark.sure is sure
    assert "small in a corner" in mark.evidence


@pytest.mark.thorough
def test_the_same_logo_in_the_middle_is_left() -> None:
    truth = photo("portrait.jpg")
    cover = emblem(truth, (truth.shape[1] // 2, truth.shape[0] // 2), 26)
    marked = over(truth, cover, 1.0)
    image = Image(marked)
    result, report = remove_found(image, marked, lambda _: [], None, WATCHING)
    assert result is image
    assert report.removed_marks == []


@pytest.mark.thorough
def test_in_a_box_a_translucent_mark_is_unblended_and_the_rest_stays() -> None:
    truth = photo()
    cover = emblem(truth, (120, truth.shape[0] - 70), 40)
    marked = over(truth, cover, 0.5)
    box = Box(70, truth.shape[0] - 120, 170, truth.shape[0] - 20)
    result, report = remove_in_boxes(Image(marked), [box], None, None, WATCHING)
    assert "unblended" in [method.value for mark in report.marks for method in mark.methods]
    inside = np.zeros(cover.shape, np.bool_)
    inside[box.window] = True
    np.testing.assert_array_equal(result.pixels[~inside], marked[~inside])
    assert error(result.pixels, truth, cover > 0.1) < 0.5 * error(marked, truth, cover > 0.1)


def test_marks_are_looked_for_only_in_the_region() -> None:
    truth = photo()
    marked = over(truth, emblem(truth, (120, truth.shape[0] - 70), 40), 0.5)
    region = np.zeros(truth.shape[:2], np.bool_)
    region[:150] = True
    assert all(overlay.box.bottom <= 150 for overlay in find_overlays(marked, region, lambda: None))
