"""What the filters of colours do to pixels, and that what is not asked for changes none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darkroom.operations.v1.color_adjust_pb2 import COLOR_EFFECT_GRAYSCALE, COLOR_EFFECT_INVERT, COLOR_EFFECT_SEPIA
from services.inference.media import Image
from services.inference.plain.colour_filters import Filters, apply_filter, gains_of, matrix_of
from services.inference.plain.graph import Work
from services.inference.plain.transfer import REC_709, decode_light
from tests.unit.imaging.pictures import deep_photo, gray_profile, photo, wide_gamut_profile

WORK = Work(Path("/nonexistent"), lambda: None)
GRAYS = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def made(image: Image, **by: Any) -> Image:
    return apply_filter(image, Filters(**by), WORK)


@pytest.mark.parametrize("pixels", [photo(), deep_photo(), photo()[..., :1], deep_photo()[..., :1]])
def test_nothing_asked_for_is_nothing_changed(pixels: np.ndarray) -> None:
    image = Image(pixels)
    assert made(image) is image
    if image.is_gray:
        assert made(image, saturation=-100, hue=90, effect=COLOR_EFFECT_GRAYSCALE) is image


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ({"brightness": 50}, lambda v: v * 1.5),
        ({"brightness": -100}, lambda v: v * 0),
        ({"contrast": 100}, lambda v: (v - 0.5) * 2 + 0.5),
        ({"contrast": -100}, lambda v: v * 0 + 0.5),
        ({"brightness": 20, "contrast": -30}, lambda v: (v * 1.2 - 0.5) * 0.7 + 0.5),
        ({"channels": (50, 50, 50)}, lambda v: v * 1.5),
        ({"effect": COLOR_EFFECT_INVERT}, lambda v: 1 - v),
        ({"effect": COLOR_EFFECT_INVERT, "saturation": 50}, lambda v: 1 - v),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 3])
def test_curves_are_those_of_their_formulas(by: dict[str, Any], values: Any, depth: int, bands: int) -> None:
    most = 255 if depth == 8 else 65535
    pixels = (GRAYS if depth == 8 else GRAYS.astype(np.uint16) * np.uint16(257))[..., :bands]
    expected = np.clip(values(pixels[..., :1] / most), 0, 1) * most
    result = made(Image(np.ascontiguousarray(pixels)), **by).pixels
    assert result.dtype == pixels.dtype
    # Saturation goes through a matrix of floats.
    assert np.abs(result - expected).max() <= (0.51 if "saturation" not in by else 1.01)


@pytest.mark.parametrize("by", [{"saturation": -60}, {"saturation": 100}, {"hue": 120}, {"hue": -35, "saturation": 20}])
def test_saturation_and_hue_keep_grays_and_luma(by: dict[str, Any]) -> None:
    matrix = matrix_of(Filters(**by))
    assert matrix is not None
    assert np.allclose(matrix.sum(axis=1), 1)
    assert np.allclose(np.array(REC_709) @ matrix, REC_709, atol=5e-4)
    assert (made(Image(GRAYS), **by).pixels == GRAYS).all()


def test_no_saturation_is_gray_and_a_full_turn_is_none() -> None:
    gray = made(Image(photo()), saturation=-100).pixels
    assert np.ptp(gray, axis=2).max() == 0
    assert (gray == made(Image(photo()), effect=COLOR_EFFECT_GRAYSCALE).pixels).all()
    there = matrix_of(Filters(hue=180))
    assert there is not None
    assert np.allclose(there @ there, np.eye(3), atol=5e-3)


@pytest.mark.parametrize("by", [{"temperature": 100}, {"temperature": -70}, {"tint": 100}, {"tint": -40, "temperature": 30}])
def test_white_balance_keeps_the_luminance_of_grays(by: dict[str, Any]) -> None:
    filters = Filters(**by)
    gains = gains_of(filters)
    assert gains @ REC_709 == pytest.approx(1)
    assert gains[0] / gains[2] == pytest.approx(2 ** (filters.temperature / 100))
    middle = made(Image(np.full((1, 1, 3), 120, np.uint8)), **by).pixels[0, 0]
    assert np.sign(middle[0].astype(int) - middle[2]) == np.sign(filters.temperature)
    assert decode_light(middle / 255.0) @ REC_709 == pytest.approx(decode_light(np.array(120 / 255)), rel=0.02)


def test_a_gray_picture_becomes_coloured_only_for_colour() -> None:
    gray = Image(photo()[..., :1].copy())
    assert made(gray, exposure=20, contrast=10, sharpness=50).is_gray
    for by in ({"temperature": 20}, {"tint": 20}, {"channels": (10, 0, 0)}, {"effect": COLOR_EFFECT_SEPIA}):
        assert np.ptp(made(gray, **by).pixels, axis=2).max() > 0
    deep = made(Image(deep_photo()[..., :1].copy()), effect=COLOR_EFFECT_SEPIA)
    assert (deep.bit_depth, deep.is_gray) == (16, False)
    assert made(Image(photo()[..., :1].copy(), icc=gray_profile(1.8)), effect=COLOR_EFFECT_SEPIA).icc is None


def test_alpha_and_the_profile_stay() -> None:
    alpha = np.arange(120 * 160, dtype=np.uint32).reshape(120, 160).astype(np.uint8)
    for by in ({"brightness": 20}, {"hue": 40, "sharpness": 30}, {"effect": COLOR_EFFECT_INVERT}):
        result = made(Image(photo(), alpha, icc=wide_gamut_profile()), **by)
        assert result.alpha is not None
        assert (result.alpha == alpha).all()
        assert result.icc == wide_gamut_profile()
        assert (result.pixels != photo()).any()


def test_sepia_is_brown() -> None:
    red, green, blue = made(Image(photo()), effect=COLOR_EFFECT_SEPIA).pixels.mean(axis=(0, 1))
    assert red > green > blue
