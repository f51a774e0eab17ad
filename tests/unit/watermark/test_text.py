"""Lines of text: which are marks, and which the picture shows."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.media import Image
from services.inference.ocr.detection import network_input, text_map
from services.inference.watermark.box import Box
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.removal import Watching, remove_found
from services.inference.watermark.repair import Repair
from services.inference.watermark.report import Kind, Method
from services.inference.watermark.strokes import find_letters
from services.inference.watermark.text import find_text
from tests.unit.watermark.marked import Layer, Pixels, error, layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)


def where_text_is(cover: Layer) -> npt.NDArray[np.uint8]:
    """What a perfect network says: the middle of each line."""
    letters = (cover > 0.3).astype(np.uint8)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8))
    return np.asarray(cv2.erode(joined, np.ones((5, 5), np.uint8)) * 250, np.uint8)


def turned(cover: Layer, degrees: float) -> Layer:
    height, width = cover.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(cover, turn, (width, height), flags=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def test_a_signature_in_a_corner_is_removed() -> None:
    truth = photo()
    cover = layer(truth.shape, "© Jane Doe Photo", 20, (truth.shape[1] - 12, 12), "rt")
    marked = over(truth, cover, 1.0)
    result, report = remove_found(Image(marked), marked, lambda seen: find_text(seen, where_text_is(cover)), None, WATCHING)
    (mark,) = report.removed_marks
    assert "small in a corner" in mark.evidence
    assert error(result.pixels, truth, cover > 0.1) < 0.4 * error(marked, truth, cover > 0.1)
    assert (result.pixels != marked).any(axis=2).mean() < 0.03


def tilted(truth: Pixels) -> Layer:
    return turned(layer(truth.shape, "PREVIEW", 60, (truth.shape[1] / 2, truth.shape[0] / 2), "mm"), 30)


def test_a_tilted_line_across_the_picture_is_a_mark() -> None:
    truth = photo("portrait.jpg")
    cover = tilted(truth)
    (mark,) = find_text(over(truth, cover, 1.0), where_text_is(cover))
    assert "tilted" in mark.evidence
    assert mark.sure


@pytest.mark.thorough
def test_a_tilted_line_across_the_picture_is_removed() -> None:
    truth = photo("portrait.jpg")
    cover = tilted(truth)
    marked = over(truth, cover, 1.0)
    result, report = remove_found(Image(marked), marked, lambda seen: find_text(seen, where_text_is(cover)), None, WATCHING)
    (mark,) = report.removed_marks
    assert "tilted" in mark.evidence
    assert error(result.pixels, truth, cover > 0.1) < 0.5 * error(marked, truth, cover > 0.1)


@pytest.mark.parametrize(("opacity", "colour"), [(1.0, 255), (0.6, 0)])
def test_tall_letters_are_known_to_the_pixel(opacity: float, colour: int) -> None:
    y, x = np.mgrid[:600, :1200]
    scene = np.stack([130 + 40 * np.sin(x / 180), 120 + 40 * np.sin(y / 140 + 1), 110 + 40 * np.cos((x + y) / 220)], axis=2)
    truth = np.round(scene + np.random.default_rng(4).normal(0, 4, scene.shape)).astype(np.uint8)
    cover = layer(truth.shape, "PREVIEW", 260, (600, 300), "mm")
    region = np.zeros(cover.shape, np.bool_)
    region[180:420, 20:1180] = True
    found = find_letters(over(truth, cover, opacity, colour), region, 240)
    assert found is not None
    assert found.paint == ("white" if colour else "black")
    assert found.opacity == pytest.approx(opacity, abs=0.2)
    assert (found.mask & (cover > 0.5)).sum() > 0.93 * (found.mask | (cover > 0.5)).sum()


@pytest.mark.thorough
def test_coloured_letters_leave_no_outline_in_the_opposite_colour() -> None:
    truth = np.ascontiguousarray(cv2.resize(photo("portrait.jpg")[60:260], (420, 200)))
    cover = layer(truth.shape, "DRAFT", 120, (210, 100), "mm")
    alpha = 0.5 * cover[..., np.newaxis]
    marked = np.round(truth * (1 - alpha) + np.array((208, 16, 32)) * alpha).astype(np.uint8)
    # JPEG keeps colours at half the resolution, so those of the letters reach past their edges.
    _, stored = cv2.imencode(".jpg", cv2.cvtColor(marked, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    seen = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8)
    repair = Repair(Image(seen), None, lambda: None)
    mark = repair.remove(DetectedMark(Kind.TEXT, Box(10, 10, 410, 190), (cover > 0.5)[10:190, 10:410], 0.9, (), sure=True))
    assert Method.UNBLENDED in mark.methods
    difference = repair.result([mark])[0].pixels.astype(np.float64) - truth
    tint = difference - difference.mean(axis=2, keepdims=True)
    outline = cv2.morphologyEx((cover > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert np.sqrt((tint[outline] ** 2).mean()) < 5


def test_text_that_the_picture_shows_is_left_alone() -> None:
    scene = photo().copy()
    cv2.rectangle(scene, (200, 150), (420, 220), (30, 60, 140), -1)
    sign = layer(scene.shape, "BAKERY", 40, (310, 185), "mm")
    shown = over(scene, sign, 1.0)
    image = Image(shown)
    result, report = remove_found(image, shown, lambda seen: find_text(seen, where_text_is(sign)), None, WATCHING)
    assert result is image
    assert report.removed_marks == []


@pytest.mark.thorough
def test_paint_where_no_mark_would_be_is_only_reported() -> None:
    truth = photo("portrait.jpg")
    cover = layer(truth.shape, "SAMPLE", 24, (truth.shape[1] * 0.3, truth.shape[0] * 0.3), "mm")
    marked = over(truth, cover, 0.6)
    image = Image(marked)
    result, report = remove_found(image, marked, lambda seen: find_text(seen, where_text_is(cover)), None, WATCHING)
    assert result is image
    assert report.removed_marks == []
    (mark,) = report.kept_marks
    assert {"the picture shows through", "white or black paint of one opacity"} <= set(mark.evidence)


def test_the_lines_of_a_page_are_no_marks() -> None:
    page = np.full((500, 400, 3), 250, np.uint8)
    cover = sum(layer(page.shape, "The quick brown fox jumps", 20, (30, y)) for y in range(20, 480, 40))
    written = over(page, np.asarray(cover, np.float32), 1.0, 0)
    assert find_text(written, where_text_is(np.asarray(cover))) == []


@pytest.mark.parametrize("size", [(37, 90), (400, 640), (3000, 200)])
def test_the_network_gets_whole_strides_and_its_answer_fits_the_picture(size: tuple[int, int]) -> None:
    prepared = network_input(np.zeros((*size, 3), np.uint8))
    assert prepared.shape[1] % 32 == prepared.shape[2] % 32 == 0
    assert max(prepared.shape[1:3]) <= 1280 + 31
    assert text_map(prepared[..., :1], *size).shape == size
