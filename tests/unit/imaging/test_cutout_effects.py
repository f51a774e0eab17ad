"""What is laid behind and around a subject."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkroom.operations.v1.cutout_effects_pb2 import CutoutEffects
from services.inference.matting.effects import apply_effects, gradient
from services.inference.media import Image
from services.inference.plain.graph import Work
from services.platform.errors import DarkroomError

SIDE = 200


def subject(*, deep: bool = False, gray: bool = False) -> Image:
    """A square of 60 in the middle, half as opaque in its right half."""
    kind = np.uint16 if deep else np.uint8
    most = np.iinfo(kind).max
    pixels, alpha = np.zeros((SIDE, SIDE, 1 if gray else 3), kind), np.zeros((SIDE, SIDE), kind)
    pixels[70:130, 70:130, 0], alpha[70:130, 70:100], alpha[70:130, 100:130] = most, most, most // 2
    return Image(pixels, alpha)


def made(
    tmp_path: Path, cutout: Image, *, original: Image | None = None, colour: str = "", behind: Image | None = None, **said: object
) -> Image:
    return apply_effects(cutout, original, colour, behind, CutoutEffects(**said), Work(tmp_path, lambda: None))


def test_nothing_asked_for_changes_nothing(tmp_path: Path) -> None:
    cutout = subject()
    result = made(tmp_path, cutout)
    assert result is cutout


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 4000)])
def test_a_shadow_of_a_picture_that_is_as_low_as_the_shadow_falls(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels, alpha = np.full((*shape, 3), 9, np.uint8), np.full(shape, 255, np.uint8)
    result = made(tmp_path, Image(pixels, alpha), shadow=40)
    np.testing.assert_array_equal(result.pixels, pixels)


@pytest.mark.parametrize(
    ("angle", "first", "last"),
    [
        (180, (0, 100), (199, 100)),
        (0, (199, 100), (0, 100)),
        (90, (100, 0), (100, 199)),
        (45, (199, 0), (0, 199)),
        (-270, (100, 0), (100, 199)),
    ],
)
def test_a_gradient_begins_and_ends_as_in_css(angle: float, first: tuple[int, int], last: tuple[int, int]) -> None:
    drawn = gradient(SIDE, SIDE, CutoutEffects(gradient_from="#ff0000", gradient_to="#00ff00", gradient_angle=angle))
    assert drawn[first].tolist() == pytest.approx([255, 0, 0], abs=2)
    assert drawn[last].tolist() == pytest.approx([0, 255, 0], abs=2)
    assert drawn[100, 100].tolist() == pytest.approx([127, 127, 0], abs=2)


def test_a_gradient_of_a_wide_picture_reaches_its_corners() -> None:
    drawn = gradient(400, 100, CutoutEffects(gradient_to="#000000", gradient_angle=135))
    assert (drawn[0, 0, 0] >= 253, drawn[-1, -1, 0] <= 2) == (True, True)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("gray", [False, True])
def test_the_subject_stays_as_it_is_before_everything(tmp_path: Path, *, deep: bool, gray: bool) -> None:
    cutout = subject(deep=deep, gray=gray)
    behind = Image(np.full((50, 50, 3), 90, np.uint8))
    result = made(tmp_path, cutout, behind=behind, blur=10, shadow=60, outline_percent=2, outline_color="#00ff00")
    assert result.alpha is None
    assert result.bit_depth == cutout.bit_depth
    assert result.pixels[100, 80, 0] == cutout.maximum
    step = 257 if deep else 1
    assert result.pixels[5, 5].tolist() == [90 * step] * 3
    # Two per cent of 200 pixels around it are green.
    assert result.pixels[100, 67].tolist() == [0, cutout.maximum, 0]


def test_a_shadow_is_below_the_subject_and_as_strong_as_asked(tmp_path: Path) -> None:
    strong, weak = made(tmp_path, subject(), shadow=80), made(tmp_path, subject(), shadow=20)
    assert strong.alpha is not None
    assert weak.alpha is not None
    below, above = strong.alpha[132, 85], strong.alpha[68, 85]
    assert below > 3 * above
    assert strong.pixels[132, 85].tolist() == [0, 0, 0]
    assert weak.alpha[132, 85] == pytest.approx(below / 4, abs=2)
    assert strong.alpha[10, 10] == 0
    # What is half transparent shows the shadow.
    assert strong.alpha[100, 120] == pytest.approx(127 + 128 * 0.8 * 127 / 255, abs=4)


def test_what_was_behind_is_blurred_and_lends_the_subject_nothing(tmp_path: Path) -> None:
    cutout = subject()
    ground = np.zeros((SIDE, SIDE, 3), np.uint8)
    ground[..., 2] = np.where(np.arange(SIDE) % 20 < 10, 255, 0)
    assert cutout.alpha is not None
    share = cutout.alpha[..., None] / 255
    original = Image(np.round(cutout.pixels * share + ground * (1 - share)).astype(np.uint8))
    result = made(tmp_path, cutout, original=original, blur=100)
    assert result.alpha is None
    assert result.pixels[20:60, :, 2].std() < 30
    # Red is the subject's, and nowhere else.
    assert result.pixels[:66, :, 0].max() <= 1
    assert (result.pixels[75:125, 75:95] == cutout.pixels[75:125, 75:95]).all()


@pytest.mark.parametrize("original", [None, Image(np.zeros((10, 10, 3), np.uint8))])
def test_a_blur_needs_the_original_in_the_same_size(tmp_path: Path, original: Image | None) -> None:
    with pytest.raises(DarkroomError, match="original_file_id"):
        made(tmp_path, subject(), original=original, blur=10)


def test_an_original_in_another_encoding_does(tmp_path: Path) -> None:
    original = Image(np.full((SIDE, SIDE, 1), 30000, np.uint16))
    result = made(tmp_path, subject(), original=original, blur=50)
    assert result.pixels[5, 5].tolist() == pytest.approx([30000 / 257] * 3, abs=2)


def test_what_is_all_subject_covers_everything(tmp_path: Path) -> None:
    opaque = Image(np.full((20, 20, 3), 7, np.uint8))
    assert (made(tmp_path, opaque, colour="#ffffff", shadow=50, outline_percent=3).pixels == 7).all()
    assert (made(tmp_path, opaque, original=opaque, blur=50).pixels == 7).all()
