"""The look at a result: what was changed, whether the mark is gone, and what is more likely the picture's."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.watermark.box import Box
from services.inference.watermark.inpainting import is_worse_filled
from services.inference.watermark.removal import Watching, remove_in_boxes
from services.inference.watermark.repair import Part, Repair
from services.inference.watermark.report import Kind, Mark, Method
from services.inference.watermark.second_look import contrast_left, is_gone
from services.inference.watermark.strokes import thicken
from tests.unit.watermark.marked import layer, over, photo

WATCHING = Watching(lambda _: None, lambda: None)
TEXT = "© Jane Doe Photo"


def test_the_mask_is_what_was_changed() -> None:
    truth = photo()
    width = truth.shape[1]
    marked = over(truth, layer(truth.shape, TEXT, 20, (width - 12, 12), "rt"), 0.6, 255)

    result, report = remove_in_boxes(Image(marked), [Box(width - 200, 4, width - 2, 44)], None, None, WATCHING)

    assert report.removed_marks
    assert report.mask is not None
    np.testing.assert_array_equal(report.mask, (result.pixels != marked).any(axis=2))


@pytest.mark.parametrize("apart", [1, 2])
def test_a_change_away_from_the_paint_gives_the_picture_back(apart: int) -> None:
    image = Image(photo())
    repair = Repair(image, None, lambda: None)
    box = Box(10, 10, 30, 30)
    paint = np.zeros((20, 20), np.bool_)
    paint[5:10, 5:10] = True
    pixels = repair.part(box).pixels
    pixels[thicken(paint, apart)] ^= 128
    repair.put_back(box, Part(pixels, paint))

    result, report = repair.result([Mark(Kind.BOX, box, 1.0, (Method.FLAT,))])

    if apart == 1:
        assert report.removed_marks
    else:
        assert result is image
        assert (report.removed_marks, report.mask) == ([], None)


@pytest.mark.parametrize(("left", "gone"), [(0.0, True), (0.1, True), (0.5, False), (-0.5, False)])
def test_a_mark_is_gone_if_its_edges_are(left: float, gone: bool) -> None:
    truth = photo()
    cover = layer(truth.shape, TEXT, 60, (320, 200), "mm")
    before = over(truth, cover, 0.3, 255)
    after = np.rint(truth + left * (before.astype(np.float32) - truth)).clip(0, 255).astype(np.uint8)
    changed = (after != before).any(axis=2)
    assert contrast_left(before, after, changed) == pytest.approx(left, abs=0.15)
    assert is_gone(before, after, Box(0, 0, truth.shape[1], truth.shape[0])) is gone


def test_a_faint_mark_over_detail_is_worse_filled_and_one_that_is_not_faint_is_not() -> None:
    detail = np.random.default_rng(4).integers(60, 190, (120, 160, 3), dtype=np.uint8)
    mask = np.zeros((120, 160), np.bool_)
    mask[50:60, 60:100] = True
    faint, strong = detail.copy(), detail.copy()
    faint[mask] += 10
    strong[mask] = 255
    assert is_worse_filled(faint, mask)
    assert not is_worse_filled(strong, mask)
