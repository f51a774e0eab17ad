"""Opaque logos in a corner, found without a box."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

from services.inference.media import Image
from services.inference.watermark.emblems import find_emblems
from services.inference.watermark.removal import Watching, remove_found
from tests.unit.watermark.marked import Layer, Pixels, error

WATCHING = Watching(lambda _: None, lambda: None)
ORANGE = (250, 140, 10)


def ground(height: int = 400, width: int = 600) -> Pixels:
    """Something with texture everywhere, as grass has."""
    noise = np.random.default_rng(8).normal(0, 1, (height, width, 3))
    rough = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.round(np.array((70, 110, 60)) + 40 * rough / rough.std()).clip(0, 255).astype(np.uint8)


def logo(shape: tuple[int, ...], centre: tuple[int, int], radius: int, *, ring: bool = True) -> Layer:
    canvas = np.zeros(shape[:2], np.uint8)
    if ring:
        cv2.circle(canvas, centre, radius, 255, max(4, radius // 5), cv2.LINE_AA)
    cv2.circle(canvas, centre, radius // 2, 255, -1, cv2.LINE_AA)
    return np.asarray(canvas, np.float32) / np.float32(255)


def painted(truth: Pixels, cover: Layer, colour: tuple[int, int, int] = ORANGE) -> Pixels:
    alpha = cover[..., np.newaxis]
    file = io.BytesIO()
    Pil.fromarray(np.round(truth * (1 - alpha) + np.array(colour) * alpha).astype(np.uint8)).save(file, "JPEG", quality=88)
    return np.asarray(Pil.open(file))


def test_a_logo_in_a_corner_is_removed() -> None:
    truth = ground()
    cover = logo(truth.shape, (540, 345), 34)
    marked = painted(truth, cover)
    result, report = remove_found(Image(marked), marked, lambda _: [], None, WATCHING)
    (mark,) = report.removed_marks
    assert mark.kind.value == "logo"
    assert error(result.pixels, truth, cover > 0.1) < 0.5 * error(marked, truth, cover > 0.1)
    far = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    np.testing.assert_array_equal(result.pixels[far], marked[far])


@pytest.mark.thorough
def test_in_a_large_picture_it_is_known_to_the_pixel() -> None:
    truth = ground(1200, 1800)
    cover = logo(truth.shape, (1620, 1035), 100)
    (found,) = find_emblems(painted(truth, cover), lambda: None)
    assert found.sure
    assert found.strokes is not None
    seen = np.zeros(cover.shape, np.bool_)
    seen[found.box.window] = found.strokes
    assert (seen & (cover > 0.5)).sum() > 0.95 * (seen | (cover > 0.5)).sum()


@pytest.mark.parametrize("case", ["one piece", "its colour is elsewhere"])
def test_what_may_be_a_logo_is_told_and_left(case: str) -> None:
    truth = ground()
    cover = logo(truth.shape, (540, 345), 26, ring=case != "one piece")
    if case != "one piece":
        cover += logo(truth.shape, (300, 150), 40)
    (found,) = find_emblems(painted(truth, cover), lambda: None)
    assert not found.sure


@pytest.mark.parametrize("case", ["in the middle", "cut by the border", "of changing light", "flat ground"])
def test_what_a_scene_has_is_no_logo(case: str) -> None:
    truth = ground()
    centre = {"in the middle": (300, 200), "cut by the border": (585, 345)}.get(case, (540, 345))
    cover = logo(truth.shape, centre, 26)
    if case == "flat ground":
        truth = np.full_like(truth, (70, 110, 60))
    marked = painted(truth, cover)
    if case == "of changing light":
        light = np.linspace(0.5, 1.0, 600)[np.newaxis, :, np.newaxis] ** 4
        marked = np.round(marked * light).astype(np.uint8)
    assert [found for found in find_emblems(marked, lambda: None) if found.sure] == []
