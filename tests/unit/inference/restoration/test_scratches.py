"""What is taken for damage of a photograph, and what is not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from services.inference.restoration.care import CAREFUL, EAGER, USUAL
from services.inference.restoration.scratches import damage
from services.inference.restoration.tones import is_grayscale
from tests.unit.imaging.pictures import PORTRAIT

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def portrait() -> Pixels8:
    with PillowImage.open(PORTRAIT) as picture:
        return np.array(picture.convert("RGB"))


def scratched(pixels: Pixels8, tone: int = 250, width: int = 2) -> tuple[Pixels8, Mask]:
    """With three long scratches, and where they are."""
    height, across = pixels.shape[:2]
    where = np.zeros((height, across), np.uint8)
    for start, end in ((0.1, 0.2), (0.8, 0.65)):
        cv2.line(where, (int(start * across), 0), (int(end * across), height), 255, width, cv2.LINE_AA)
    bent = [(round(column), round(0.8 * height + 12 * np.sin(column / 60))) for column in np.linspace(0, across, 50)]
    cv2.polylines(where, [np.array(bent, np.int32)], False, 255, width, cv2.LINE_AA)
    weight = where[..., None] / 255
    return np.rint(pixels * (1 - weight) + tone * weight).astype(np.uint8), where > 100


def found_in(pixels: Pixels8) -> Mask:
    return damage(pixels, USUAL, lambda: None)


@pytest.mark.cases(1)
@pytest.mark.parametrize(("tone", "width"), [(250, 1), (250, 2), (250, 4), (220, 1), (8, 2)])
def test_long_scratches_are_found(tone: int, width: int) -> None:
    pixels, truth = scratched(portrait(), tone, width)
    mask = found_in(pixels)
    near = cv2.dilate(truth.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (mask & truth).sum() > (0.95 if tone == 250 else 0.55) * truth.sum()
    assert (mask & near).sum() > 0.7 * mask.sum()


@pytest.mark.thorough
@pytest.mark.cases(1)
@pytest.mark.parametrize("width", [2, 6, 12])
def test_a_larger_scan_is_searched_as_well(width: int) -> None:
    pixels, truth = scratched(cv2.resize(portrait(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), width=width)
    mask = found_in(pixels)
    assert mask.shape == truth.shape
    assert (mask & truth).sum() > 0.75 * truth.sum()


def _fence() -> Pixels8:
    pixels = cv2.GaussianBlur(portrait(), (0, 0), 4)
    pixels[:, 10::24] = pixels[:, 11::24] = pixels[:, 12::24] = 235
    return pixels


def _hair() -> Pixels8:
    pixels = cv2.GaussianBlur(portrait(), (0, 0), 4)
    chance = np.random.default_rng(1)
    for _ in range(400):
        start = chance.integers(0, min(pixels.shape[:2]), 2)
        end = start + chance.integers(-60, 60, 2)
        cv2.line(pixels, tuple(map(int, start)), tuple(map(int, end)), tuple(map(int, chance.integers(0, 255, 3))), 1, cv2.LINE_AA)
    return pixels


def _page() -> Pixels8:
    pixels = np.full((400, 500, 3), 245, np.uint8)
    for row in range(30, 390, 24):
        cv2.putText(pixels, "Letters are thin and dark lines", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (20, 20, 20), 1, cv2.LINE_AA)
    return pixels


def _list() -> Pixels8:
    """Lines alike, so that gaps between letters run from the top to the bottom."""
    pixels = np.full((3000, 4000, 3), 245, np.uint8)
    for row in range(71, 3000, 71):
        cv2.putText(
            pixels, "The quick brown fox jumps over the lazy dog", (200, row), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 30, 30), 3, cv2.LINE_AA
        )
    return np.asarray(cv2.resize(pixels, (1600, 1200), interpolation=cv2.INTER_AREA), np.uint8)


def _bricks() -> Pixels8:
    """White joints, each course half a brick to the side."""
    pixels = np.full((400, 500, 3), 120, np.uint8) + np.random.default_rng(2).integers(0, 40, (400, 500, 1), np.uint8)
    for course, top in enumerate(range(0, 400, 25)):
        pixels[top : top + 2] = 230
        for left in range(course % 2 * 30, 500, 60):
            pixels[top : top + 25, left : left + 2] = 230
    return pixels


def _wire() -> Pixels8:
    pixels = np.tile(np.linspace(150, 230, 400).astype(np.uint8)[:, None, None], (1, 500, 3))
    cv2.line(pixels, (0, 100), (499, 180), (60, 60, 60), 2, cv2.LINE_AA)
    return pixels


@pytest.mark.cases(1)
@pytest.mark.parametrize("make", [portrait, _fence, _hair, _page, _list, _bricks, _wire])
def test_what_a_picture_shows_is_no_damage(make: object) -> None:
    assert callable(make)
    assert found_in(make()).mean() < 0.002


@pytest.mark.thorough
def test_specks_count_only_beside_scratches() -> None:
    specks = np.zeros(portrait().shape[:2], np.uint8)
    for column in range(40, 500, 60):
        cv2.circle(specks, (column, 300), 2, 255, -1)
    alone = portrait()
    alone[specks > 0] = 253
    beside, _ = scratched(portrait())
    beside[specks > 0] = 253
    assert not found_in(alone)[specks > 0].any()
    assert found_in(beside)[specks > 0].mean() > 0.4


def test_more_is_found_with_less_care() -> None:
    """One scratch that nobody overlooks, and one that is as good as gone: all of what more care finds, less care finds."""
    pixels = portrait()[:200, :200].astype(float)
    for (top, bottom), share in (((20, 50), 1.0), ((150, 120), 0.2)):
        where = np.zeros(pixels.shape[:2], np.uint8)
        cv2.line(where, (top, 0), (bottom, 200), 255, 2, cv2.LINE_AA)
        pixels[where > 100] += share * (252 - pixels[where > 100])
    careful, usual, eager = (damage(pixels.round().astype(np.uint8), care, lambda: None) for care in (CAREFUL, USUAL, EAGER))
    assert 0 < careful.sum() < usual.sum() < eager.sum()
    assert not (careful & ~usual).any()
    assert not (usual & ~eager).any()


def test_a_tiny_picture_has_none() -> None:
    assert not found_in(np.zeros((1, 1, 3), np.uint8)).any()


def test_one_ink_is_no_colour() -> None:
    gray = cv2.cvtColor(cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    sepia = np.clip(gray * np.array([1.0, 0.85, 0.65]) + [12, 5, 0], 0, 255).astype(np.uint8)
    assert is_grayscale(gray)
    assert is_grayscale(sepia)
    assert not is_grayscale(portrait())
    assert is_grayscale(np.full((1, 1, 3), 80, np.uint8))
