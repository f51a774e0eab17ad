"""Exposure, contrast, saturation, sharpness and tone mapping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.plain.light import Adjustment, adjust, adjust_contrast, expose
from services.inference.plain.transfer import decode_light, encode_light
from tests.unit.imaging.pictures import photo
from tests.unit.plain.pictures import KINDS, kind, work

ALL = Adjustment(exposure=20, contrast=20, saturation=20, sharpness=20, hdr=20)


def ramp() -> np.ndarray:
    return np.linspace(0, 1, 256)


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_nothing_asked_changes_nothing_and_alpha_is_never_changed(gray: bool, alpha: bool, deep: bool, tmp_path: Path) -> None:
    image = kind(gray, alpha, deep)
    assert adjust(image, Adjustment(), work(tmp_path)) is image
    result = adjust(image, ALL, work(tmp_path))
    assert (result.pixels.shape, result.pixels.dtype) == (image.pixels.shape, image.pixels.dtype)
    assert not np.array_equal(result.pixels, image.pixels)
    assert result.alpha is None if image.alpha is None else np.array_equal(result.alpha, image.alpha)


def test_a_gray_picture_has_no_saturation_to_change(tmp_path: Path) -> None:
    image = kind(True, False, False)
    assert adjust(image, Adjustment(saturation=100), work(tmp_path)) is image


@pytest.mark.parametrize("amount", range(-100, 101, 10))
def test_curves_rise_and_keep_their_ends(amount: int) -> None:
    brighter = expose(ramp(), amount)
    assert (np.diff(brighter) >= 0).all()
    assert brighter[0] == 0
    assert brighter[-1] == pytest.approx(1) if amount >= 0 else brighter[-1] < 1
    steeper = adjust_contrast(ramp(), amount)
    assert (np.diff(steeper) >= 0).all()
    assert steeper[127:129].mean() == pytest.approx(0.5)
    if amount == 0:
        assert brighter == pytest.approx(ramp())
        assert steeper == pytest.approx(ramp())
    if amount >= 0:
        assert steeper[[0, -1]] == pytest.approx([0, 1])


def test_exposure_is_in_stops_of_light() -> None:
    middle = encode_light(np.array([0.1]))
    assert decode_light(expose(middle, 50))[0] == pytest.approx(0.2)
    assert decode_light(expose(middle, -100))[0] == pytest.approx(0.025)


def test_full_loss_of_contrast_is_gray_and_of_saturation_colourless(tmp_path: Path) -> None:
    image = Image(photo(40, 40))
    flat = adjust(image, Adjustment(contrast=-100), work(tmp_path)).pixels
    assert int(flat.min()) == int(flat.max()) == 128
    colourless = adjust(image, Adjustment(saturation=-100), work(tmp_path)).pixels
    assert (np.ptp(colourless.astype(int), axis=2) <= 1).all()
    light = decode_light(image.pixels / 255) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(decode_light(colourless[..., 0] / 255.0) - light).max() < 0.01


def test_saturation_leaves_gray_alone_and_moves_colours_away_from_it(tmp_path: Path) -> None:
    pixels = np.array([[[90, 90, 90], [120, 100, 100], [255, 0, 0]]], np.uint8)
    more = adjust(Image(pixels), Adjustment(saturation=80), work(tmp_path)).pixels[0].astype(int)
    assert tuple(more[0]) == (90, 90, 90)
    assert np.ptp(more[1]) > 30
    assert tuple(more[2]) == (255, 0, 0)


def test_sharpness_raises_edges_and_leaves_flat_areas(tmp_path: Path) -> None:
    pixels = np.full((20, 40, 3), 90, np.uint8)
    pixels[:, 20:] = 160
    sharp = adjust(Image(pixels), Adjustment(sharpness=100), work(tmp_path)).pixels.astype(int)
    assert (sharp[:, :10] == 90).all()
    assert (sharp[:, 30:] == 160).all()
    assert sharp[10, 19, 0] < 90
    assert sharp[10, 20, 0] > 160
    assert sharp.max() - 160 <= 31


def test_tone_mapping_opens_shadows_and_holds_lights(tmp_path: Path) -> None:
    pixels = np.full((60, 120, 3), 30, np.uint8)
    pixels[:, 60:] = 240
    mapped = adjust(Image(pixels), Adjustment(hdr=100), work(tmp_path)).pixels.astype(int)
    assert mapped[:, :40].mean() > 40
    assert mapped[:, 80:].mean() < 240


def test_a_panorama_has_no_seam(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    lights = (120 + 100 * np.cos(angle)).astype(np.uint8)
    pixels = np.repeat(np.tile(lights, (32, 1))[..., None], 3, axis=2)
    by = Adjustment(hdr=100, sharpness=50, stitching=True)
    turned = Image(np.roll(pixels, 64, axis=1))

    def seam(by: Adjustment) -> int:
        mapped = adjust(turned, by, work(tmp_path)).pixels.astype(int)
        return int(np.abs(mapped[:, 0] - mapped[:, -1]).max())

    assert seam(by) <= 4 < seam(replace(by, stitching=False))
