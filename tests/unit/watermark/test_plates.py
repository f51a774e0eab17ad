"""Plates and bands around text whose letters are gone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.ocr.detection import Line
from services.inference.watermark.box import Box
from services.inference.watermark.plates import plate_marks
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.report import Kind
from services.inference.watermark.text_lines import Networks
from tests.unit.watermark.marked import Layer, error, layer, over, photo
from tests.unit.watermark.test_lettering import network, outlines

LINE = Line(160, 120, 120, 24, 0)
WATCHING = Watching(lambda _: None, lambda: None)


def plate(shape: tuple[int, ...], box: Box, radius: int) -> Layer:
    cover = np.zeros((8 * shape[0], 8 * shape[1]), np.uint8)
    left, top, right, bottom = 8 * box.left, 8 * box.top, 8 * box.right - 1, 8 * box.bottom - 1
    cv2.rectangle(cover, (left + 8 * radius, top), (right - 8 * radius, bottom), 255, -1)
    cv2.rectangle(cover, (left, top + 8 * radius), (right, bottom - 8 * radius), 255, -1)
    for x, y in ((left, top), (right, top), (left, bottom), (right, bottom)):
        cv2.circle(
            cover, (x + (8 * radius if x == left else -8 * radius), y + (8 * radius if y == top else -8 * radius)), 8 * radius, 255, -1
        )
    return np.asarray(cv2.resize(cover, shape[1::-1], interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


@pytest.mark.cases(1)
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (25, 70, 200)])
@pytest.mark.parametrize("radius", [0, 10])
@pytest.mark.parametrize("opacity", [0.4, 0.7])
def test_a_plate_is_found_to_the_pixel(colour: tuple[int, int, int], radius: int, opacity: float) -> None:
    truth = photo()
    cover = plate(truth.shape, Box(80, 96, 240, 146), radius)
    alpha = (opacity * cover)[..., np.newaxis]
    marked = np.round(truth * (1 - alpha) + np.array(colour) * alpha).astype(np.uint8)
    (mark,) = plate_marks(marked, [LINE], np.ones(cover.shape, np.bool_), lambda: None)
    assert mark.sure or colour[0] != colour[1]
    assert mark.overlay is not None
    assert mark.overlay.blend.opacity == pytest.approx(opacity, abs=0.05)
    found = np.zeros(cover.shape, np.float32)
    found[mark.box.window] = mark.overlay.cover
    assert ((found > 0.5) & (cover > 0.5)).sum() > 0.95 * ((found > 0.5) | (cover > 0.5)).sum()


@pytest.mark.thorough
def test_a_band_goes_from_side_to_side() -> None:
    truth = photo()
    cover = np.zeros(truth.shape[:2], np.float32)
    cover[96:146] = 1
    (mark,) = plate_marks(over(truth, cover, 0.5, 0), [LINE], np.ones(cover.shape, np.bool_), lambda: None)
    assert (mark.box.left, mark.box.right) == (0, truth.shape[1])


@pytest.mark.cases(1)
@pytest.mark.parametrize("colour", [0, 255])
def test_a_band_goes_on_across_an_upright_edge_of_the_picture(colour: int) -> None:
    truth = photo().copy()
    # Half as far from the paint on the left as on the right: as if the band ended there.
    truth[:, :250] = np.round(truth[:, :250] * 0.5 + 0.5 * colour).astype(np.uint8)
    cover = np.zeros(truth.shape[:2], np.float32)
    cover[96:146] = 1
    (mark,) = plate_marks(over(truth, cover, 0.5, colour), [LINE], np.ones(cover.shape, np.bool_), lambda: None)
    assert (mark.box.left, mark.box.right) == (0, truth.shape[1])


@pytest.mark.parametrize("tilt", [0, 30])
def test_without_a_plate_none_is_found(tilt: float) -> None:
    assert not list(plate_marks(photo(), [Line(160, 120, 120, 24, tilt)], np.ones(photo().shape[:2], np.bool_), lambda: None))


def test_a_plate_goes_with_the_text_on_it() -> None:
    truth = photo()
    base = plate(truth.shape, Box(60, 86, 270, 156), 10)
    letters = layer(truth.shape, "PREVIEW", 36, (165, 121), "mm")
    on_plate = over(truth, base, 0.6, 0)
    marked = over(on_plate, letters, 0.6, 255)
    cover = np.maximum(base, letters)
    networks = Networks(network(150), outlines(140))
    result, report = remove_in_boxes(Image(marked), [Box(40, 60, 290, 180)], networks, None, WATCHING)
    assert Kind.PLATE in [mark.kind for mark in report.removed_marks]
    assert error(np.asarray(result.pixels, np.uint8), truth, cover > 0.05) < 0.4 * error(marked, truth, cover > 0.05)
