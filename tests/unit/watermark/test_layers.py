"""Paint that a network has roughly seen: its colour, opacity and cover, and the picture below it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.watermark import removal
from services.inference.watermark.attempt import Attempt, Attempts
from services.inference.watermark.box import Box
from services.inference.watermark.layers import below_of, find_layers
from services.inference.watermark.paint_cover import covered_by
from services.inference.watermark.paint_fit import Paint, fit_paint
from services.inference.watermark.paint_map import AskPaint, Look, PaintMap
from services.inference.watermark.proposals import propose
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes
from services.inference.watermark.repair import Repair
from services.inference.watermark.report import Kind, Method
from services.inference.watermark.strokes import Mask, Pixels8, Plane
from tests.unit.watermark.marked import Layer, error, layer, over, photo, texture

WATCHING = Watching(lambda _: None, lambda: None)
BOX = Box(40, 70, 390, 170)


def go_on() -> None:
    """The work is wanted."""


def one_paint(opacity: float) -> AskPaint:
    """A stand-in for the network that finds paint: the farther a pixel is from the usual lightness, the surer it is of white paint of this
    opacity, or black paint on a negative."""

    def ask(shown: Pixels8) -> Pixels8:
        away = shown[..., :3].mean(axis=3) - np.median(shown[..., :3])
        sure = ((np.abs(away) - 40) / 40).clip(0, 1) * 255
        colour = round(255 * opacity) * (away > 0)
        return np.stack([sure, np.full(sure.shape, round(255 * opacity)), colour, colour, colour], axis=3).astype(np.uint8)

    return ask


def word(size: int = 60) -> Layer:
    return layer((240, 420), "SAMPLE", size, (210, 120), "mm")


def rough(cover: Layer) -> Plane:
    """The cover as a network sees it: blurred, and wrong in places."""
    wrong = cv2.GaussianBlur(np.random.default_rng(3).normal(size=cover.shape).astype(np.float32), (0, 0), 5)
    return np.asarray((cv2.GaussianBlur(cover, (0, 0), 1.5) + 0.2 * wrong / wrong.std()).clip(0, 1), np.float32)


def test_paint_is_measured_along_its_border() -> None:
    cover = word()
    painted = cover > 0.5
    marked = over(texture(), cover, 0.4, 230).astype(np.float32)
    around = cv2.dilate(painted.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    paint = fit_paint(marked, painted, marked, ~around, 0.8)
    assert paint is not None
    assert paint.opacity == pytest.approx(0.4, abs=0.05)
    assert paint.colour == pytest.approx((230, 230, 230), abs=15)


def test_no_paint_is_measured_without_ground_next_to_it() -> None:
    everywhere = np.ones((60, 60), np.bool_)
    assert fit_paint(np.zeros((60, 60, 3), np.float32), everywhere, np.zeros((60, 60, 3), np.float32), ~everywhere, 0.5) is None


def test_cover_is_found_from_a_rough_guess() -> None:
    cover = word()
    marked, guess = over(texture(), cover, 0.5).astype(np.float32), rough(cover)
    found = covered_by(marked, Paint((255, 255, 255), 0.5, 1.0, 1.0), guess, go_on) > 0.5

    def shared(mask: Mask) -> float:
        return float((mask & (cover > 0.5)).sum() / (mask | (cover > 0.5)).sum())

    assert shared(found) > max(0.9, shared(guess > 0.5) + 0.05)


def test_letters_on_a_plate_are_two_layers() -> None:
    truth = texture()
    plate, letters = np.zeros(truth.shape[:2], np.float32), word(40)
    plate[80:160, 90:330] = 1
    marked = over(over(truth, plate, 0.5, 200), letters, 0.7, 10)
    certainty = np.maximum(plate, letters)
    opacity = 0.5 * plate + 0.35 * letters
    colour = (200 / 255 * 0.5 * plate * (1 - letters) + 0.15 * letters)[..., np.newaxis] * np.ones(3, np.float32)
    seen = PaintMap(certainty, opacity.astype(np.float32), colour.astype(np.float32))
    everywhere = np.ones(plate.shape, np.bool_)
    layers = find_layers(marked.astype(np.float32), seen, everywhere, go_on)
    assert len(layers) == 2
    covered = certainty > 0.5
    below = below_of(marked.astype(np.float32), layers, everywhere)
    assert error(below.levels.astype(np.uint8), truth, covered) < 0.3 * error(marked, truth, covered)


def test_a_mark_in_a_box_is_taken_off_in_the_depth_of_the_picture() -> None:
    truth = texture()
    marked = over(truth, word(), 0.5).astype(np.uint16) * 257
    result, report = remove_in_boxes(Image(marked), [BOX], one_paint(0.5), None, WATCHING)
    assert [mark.methods for mark in report.marks] == [(Method.UNBLENDED,)]
    assert report.marks[0].opacity == pytest.approx(0.5, abs=0.05)
    assert result.pixels.dtype == np.uint16
    painted = word() > 0.05
    assert error(result.pixels // 257, truth, painted) < 0.15 * error(marked // 257, truth, painted)
    outside = np.ones(painted.shape, np.bool_)
    outside[BOX.window] = False
    np.testing.assert_array_equal(result.pixels[outside], marked[outside])


def test_opaque_paint_is_filled() -> None:
    marked = over(texture(), word(), 1.0)
    result, report = remove_in_boxes(Image(marked), [BOX], one_paint(1.0), None, WATCHING)
    assert report.marks[0].methods == (Method.STRUCTURED,)
    assert error(np.asarray(result.pixels, np.uint8), texture(), word() > 0.5) < 40


def test_what_paint_covers_is_filled_as_a_second_attempt() -> None:
    ground = np.repeat(np.linspace(60, 110, 420).astype(np.uint8)[np.newaxis, :, np.newaxis], 240, axis=0).repeat(3, axis=2)
    marked = over(ground, word(), 0.5)
    repair = Repair(Image(marked), None, go_on)
    attempts = Attempts(repair, BOX, one_paint(0.5), go_on)
    seen = attempts.near()
    uncovered = attempts.uncover(seen, seen)
    assert uncovered is not None
    filled = attempts.fill(uncovered)
    assert filled is not None
    assert (uncovered.methods, filled.methods) == ((Method.UNBLENDED,), (Method.FLAT,))
    np.testing.assert_array_equal(repair.crop(repair.whole), marked)
    inner, painted = attempts.around.window, word() > 0.05
    assert error(filled.result.pixels, ground[inner], painted[inner]) < 0.1 * error(marked, ground, painted)
    opaque = Attempts(Repair(Image(over(ground, word(), 1.0)), None, go_on), BOX, one_paint(1.0), go_on)
    hidden = opaque.uncover(opaque.near(), seen)
    assert hidden is not None
    assert opaque.fill(hidden) is None


def test_a_mark_in_a_gray_picture_is_found_and_taken_off() -> None:
    truth = texture()[..., :1]
    marked = np.asarray(over(truth, word(), 0.5), np.uint8)
    shown = np.repeat(marked, 3, axis=2)
    result, report = remove_found(Image(marked), shown, one_paint(0.5), None, WATCHING)
    assert [mark.kind for mark in report.removed_marks] == [Kind.OVERLAY]
    assert error(result.pixels, truth, word() > 0.05) < 0.2 * error(marked, truth, word() > 0.05)


def test_a_mark_stays_whole_if_one_of_its_words_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    ground, first, second = texture(480, 420), np.zeros((480, 420), np.float32), np.zeros((480, 420), np.float32)
    first[:240], second[240:] = word(), word()
    attempt = removal._attempt_unasked

    def is_seen_still(attempts: Attempts, unprompted: PaintMap, enough: float) -> Attempt | None:
        made = attempt(attempts, unprompted, enough)
        below = made is not None and made.changed.bottom > 240
        return replace(made, signs=replace(made.signs, still_seen=1.0, contrast=1.0)) if made is not None and below else made

    monkeypatch.setattr(removal, "_attempt_unasked", is_seen_still)
    one, both = over(ground, first, 0.5), over(ground, first + second, 0.5)
    assert remove_found(Image(one), one, one_paint(0.5), None, WATCHING)[1].removed_marks
    result, report = remove_found(Image(both), both, one_paint(0.5), None, WATCHING)
    np.testing.assert_array_equal(result.pixels, both)
    assert not report.removed_marks
    assert all(mark.in_part for mark in report.marks)


def test_a_photograph_without_paint_stays_as_it_is() -> None:
    image = Image(photo())
    result, report = remove_found(image, photo(), lambda shown: np.zeros((*shown.shape[:3], 5), np.uint8), None, WATCHING)
    assert result is image
    assert not report.marks


def test_copies_of_a_mark_are_first_proposed_together() -> None:
    cover = np.zeros((300, 600), np.float32)
    cover[40:60, 50:150] = cover[140:160, 250:350] = cover[240:260, 450:550] = 1
    seen = PaintMap(cover, 0.5 * cover, np.repeat(0.5 * cover[..., np.newaxis], 3, axis=2))
    together, *single = propose(seen, Box(0, 0, 600, 300))
    assert (together.copies, together.box.width > 500) == (3, True)
    assert [each.copies for each in single] == [1, 1, 1]
    assert all(100 < each.box.width < 120 for each in single)


def test_the_network_is_told_where_the_box_is() -> None:
    shown: list[Pixels8] = []

    def ask(pixels: Pixels8) -> Pixels8:
        shown.append(pixels)
        return np.zeros((*pixels.shape[:3], 5), np.uint8)

    Look(photo(), Box(10, 20, 110, 60), ask, (400,), go_on)
    Look(photo(), None, ask, (400,), go_on)
    assert set(np.unique(shown[0][..., 3])) == {0, 255}
    assert set(np.unique(shown[4][..., 3])) == {128}
    assert all(side % 32 == 0 for pixels in shown for side in pixels.shape[1:3])
