"""Text of which something is left after its removal."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.ocr.detection import Line
from services.inference.watermark import finishing, removal
from services.inference.watermark.blending import most_opacity
from services.inference.watermark.box import Box
from services.inference.watermark.finishing import finish, still_there
from services.inference.watermark.inpainting import fill
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes
from services.inference.watermark.repair import Repair
from services.inference.watermark.report import Kind, Method
from services.inference.watermark.strokes import Pixels8
from services.inference.watermark.text_lines import Networks
from tests.unit.watermark.marked import error, layer, over, photo
from tests.unit.watermark.test_lettering import network, texture

WATCHING = Watching(lambda _: None, lambda: None)


def strange(level: Pixels8) -> Pixels8:
    """A stand-in for the network that outlines strokes: it takes for paint what is lighter or darker than the texture."""
    least, most = level[0].min(axis=2), level[0].max(axis=2)
    return np.asarray(((least > 200) | (most < 70)) * np.uint8(255), np.uint8)[np.newaxis, ..., np.newaxis]


def ground() -> Pixels8:
    return np.asarray(texture() // 2 + 100, np.uint8)


def test_a_shadow_goes_with_its_text() -> None:
    truth = ground()
    letters = layer(truth.shape, "PREVIEW", 40, (210, 120), "mm")
    shadow = np.roll(letters, (4, 4), (0, 1))
    marked = over(over(truth, shadow, 0.7, 0), letters, 1.0)
    result, report = remove_in_boxes(Image(marked), [Box(80, 80, 340, 160)], Networks(network(230), strange), None, WATCHING)
    assert not any(mark.in_part for mark in report.removed_marks)
    alone = (shadow > 0.5) & (letters < 0.02)
    assert error(np.asarray(result.pixels, np.uint8), truth, alone) < 0.4 * error(marked, truth, alone)


def test_a_mark_that_is_there_still_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = ground()
    letters = layer(truth.shape, "PREVIEW", 40, (210, 120), "mm")
    marked = over(truth, letters, 1.0)
    half = (letters > 0.02) & (np.arange(letters.shape[1]) < 190)
    box = Box(0, 0, letters.shape[1], letters.shape[0])
    mark = DetectedMark(Kind.TEXT, box, half, 0.9, ("said so",))
    monkeypatch.setattr(finishing._Text, "more", lambda *_: [])
    monkeypatch.setattr(finishing._Text, "rest", lambda *_: [])
    monkeypatch.setattr(removal, "outlined_text", lambda *_: [])
    monkeypatch.setattr(removal, "find_overlays", lambda *_: [])
    networks = Networks(network(230), strange)
    result, report = remove_found(Image(marked), marked, lambda _: [mark], None, WATCHING, networks=networks)
    assert (np.asarray(result.pixels) == marked).all()
    (kept,) = report.kept_marks
    assert kept.in_part
    assert not report.removed_marks


def test_text_that_was_not_touched_is_left_alone() -> None:
    marked = over(ground(), layer(ground().shape, "PREVIEW", 60, (210, 120), "mm"), 1.0)
    repair = Repair(Image(marked), None, lambda: None)
    whole = Box(0, 0, marked.shape[1], marked.shape[0])
    region = np.ones(marked.shape[:2], np.bool_)
    assert not finish(repair, whole, marked, region, [Line(210, 120, 260, 50, 0)], strange, lambda: None)
    assert (repair.crop(whole) == marked).all()


def test_lines_that_repeat_are_seen_again() -> None:
    truth, cover = ground(), np.zeros(ground().shape[:2], np.float32)
    for row in range(6):
        cover = np.maximum(cover, layer(truth.shape, "PREVIEW", 24, (210, 20 + 40 * row), "mm"))
    lines = [Line(210, 20 + 40 * row, 110, 20, 0) for row in range(6)]
    marked = over(truth, cover, 1.0)
    assert still_there(marked, marked, lines, strange)
    assert not still_there(truth, marked, lines, strange)


def test_paint_that_would_need_an_impossible_picture_is_not_subtracted() -> None:
    seen = np.array([[[250, 250, 250], [30, 60, 120], [128, 128, 128]]], np.float32)
    most = most_opacity(seen, np.array([25, 70, 200], np.float32))
    assert most[0, 0] < 0.1
    assert most[0, 1] == pytest.approx(0.63, abs=0.05)
    assert most[0, 2] < 0.7


def test_filling_adds_no_colour_to_a_gray_picture() -> None:
    picture = np.repeat(cv2.cvtColor(photo(), cv2.COLOR_RGB2GRAY)[..., np.newaxis], 3, axis=2)
    mask = np.zeros(picture.shape[:2], np.bool_)
    mask[100:112, 100:300] = mask[150:260, 200:206] = True
    filled = fill(np.asarray(picture, np.uint8), mask, Method.STRUCTURED, lambda: None)
    assert np.ptp(filled.astype(np.int16), axis=2).max() <= 2
