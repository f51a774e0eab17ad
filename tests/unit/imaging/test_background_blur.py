"""Blurring what is behind a subject."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from services.inference.matting.background_blur import Blur, with_blurred_background
from services.inference.media import Image
from services.inference.plain.graph import Work
from tests.unit.imaging.pictures import photo, wide_gamut_profile

BLURS = [Blur(0.02, lens=False), Blur(0.02, lens=True), Blur(0.2, lens=False), Blur(0.2, lens=True)]


def cut_out(image: Image) -> Image:
    """The middle third of the columns, with soft edges."""
    columns = np.abs(np.arange(image.width) - (image.width - 1) / 2)
    share = np.clip((image.width / 6 - columns) / 4 + 0.5, 0, 1)
    alpha = np.round(np.tile(share, (image.height, 1)) * image.maximum).astype(image.pixels.dtype)
    return dataclasses.replace(image, alpha=alpha)


def blurred(image: Image, cutout: Image, blur: Blur, folder: Path) -> Image:
    return with_blurred_background(image, cutout, blur, Work(folder, lambda: None))


@pytest.mark.parametrize("blur", BLURS)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("gray", [False, True])
def test_the_subject_stays_and_the_background_loses_detail(blur: Blur, deep: bool, gray: bool, tmp_path: Path) -> None:
    pixels = photo(90, 120)[..., : 1 if gray else 3].astype(np.uint16 if deep else np.uint8) * (257 if deep else 1)
    image = Image(pixels.astype(np.uint16 if deep else np.uint8), icc=None if gray else wide_gamut_profile())
    cutout = cut_out(image)
    result = blurred(image, cutout, blur, tmp_path)
    assert cutout.alpha is not None
    subject = cutout.alpha == image.maximum
    assert np.array_equal(result.pixels[subject], image.pixels[subject])
    assert (result.pixels.shape, result.pixels.dtype, result.alpha, result.icc) == (image.pixels.shape, image.pixels.dtype, None, image.icc)
    behind = np.abs(np.diff(result.pixels[:, :30].astype(float), axis=1)).mean()
    assert behind < np.abs(np.diff(image.pixels[:, :30].astype(float), axis=1)).mean() * 0.7


@pytest.mark.parametrize("blur", BLURS)
def test_no_colour_of_the_subject_is_seen_around_it(blur: Blur, tmp_path: Path) -> None:
    cutout = cut_out(Image(np.full((90, 120, 3), (255, 0, 0), np.uint8)))
    assert cutout.alpha is not None
    share = cutout.alpha[..., None] / 255
    mixed = np.round(share * (255, 0, 0) + (1 - share) * (0, 0, 200)).astype(np.uint8)
    result = blurred(Image(mixed), cutout, blur, tmp_path).pixels.astype(int)
    assert np.abs(result[cutout.alpha == 0] - (0, 0, 200)).max() <= 1
    assert np.abs(result - mixed).max() <= 2


def test_alpha_of_its_own_stays_and_hidden_colours_are_not_spread(tmp_path: Path) -> None:
    pixels = np.full((90, 120, 3), 100, np.uint8)
    alpha = np.full((90, 120), 255, np.uint8)
    pixels[:, :20], alpha[:, :20] = 255, 0
    image = Image(pixels, alpha)
    cutout = cut_out(image)
    assert cutout.alpha is not None
    cutout = dataclasses.replace(cutout, alpha=np.minimum(cutout.alpha, alpha))
    result = blurred(image, cutout, Blur(0.05, lens=False), tmp_path)
    assert np.array_equal(result.alpha, alpha)
    assert np.abs(result.pixels[:, 20:].astype(int) - 100).max() <= 1


def test_lights_become_discs_through_a_lens(tmp_path: Path) -> None:
    image = Image(np.zeros((100, 100, 3), np.uint8))
    image.pixels[49:52, 19:22] = 255
    cutout = dataclasses.replace(image, alpha=np.zeros((100, 100), np.uint8))
    disc, haze = (blurred(image, cutout, Blur(0.08, lens=lens), tmp_path).pixels[50, :, 0].astype(int) for lens in (True, False))
    assert disc[14:27].min() > disc.max() * 0.8
    assert haze[14] < haze[20] * 0.9
    assert disc[50:].max() == 0
