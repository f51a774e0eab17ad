"""Resizing, cropping and padding of samples."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from darkroom.operations.v1.crop_pb2 import Crop, PixelArea
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import (
    FIT_BOUNDS,
    FIT_CANVAS,
    FIT_COVER,
    FIT_CROP,
    FIT_FILL,
    POSITION_BOTTOM_RIGHT,
    POSITION_LEFT,
    POSITION_SMART,
    POSITION_TOP,
    Position,
)
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.progress import AttemptStop
from services.inference.media import Image
from services.inference.plain.graph import Work
from services.inference.plain.layout import crop, pad, resize_picture
from services.pictures.result_size import fitting
from tests.unit.imaging.pictures import gray_profile, photo, wide_gamut_profile
from tests.unit.plain.pictures import KINDS, kind, work

FITS = (FIT_BOUNDS, FIT_COVER, FIT_CROP, FIT_CANVAS, FIT_FILL)


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_every_kind_of_picture_keeps_its_kind_in_every_fit(gray: bool, alpha: bool, deep: bool, tmp_path: Path) -> None:
    image = kind(gray, alpha, deep)
    for fit, (wide, high) in product(FITS, ((1, 1), (7, 19), (32, 5), (61, 43))):
        asked = Resize(width=wide, height=high, fit=fit)
        result = resize_picture(image, asked, work(tmp_path))
        assert (result.width, result.height) == fitting(asked, 32, 24).result
        assert (result.is_gray, result.alpha is not None, result.bit_depth) == (gray, alpha, image.bit_depth)


def test_pictures_of_one_pixel_can_be_resized(tmp_path: Path) -> None:
    image = Image(np.full((1, 1, 3), 200, np.uint8))
    for fit in FITS:
        result = resize_picture(image, Resize(width=9, height=4, fit=fit, background="#c8c8c8"), work(tmp_path))
        assert (result.pixels == 200).all()


def test_what_keeps_its_size_keeps_its_samples(tmp_path: Path) -> None:
    image = kind(False, True, True)
    assert resize_picture(image, Resize(), work(tmp_path)) is image
    assert resize_picture(image, Resize(width=32, height=24, fit=FIT_CANVAS), work(tmp_path)) is image
    assert pad(image, Pad(), work(tmp_path)) is image
    part = resize_picture(image, Resize(width=10, fit=FIT_CROP), work(tmp_path))
    assert np.array_equal(part.pixels, image.pixels[:, 11:21])


def test_flat_pictures_stay_flat_and_opaque_ones_opaque(tmp_path: Path) -> None:
    for deep in (False, True):
        kind_ = np.uint16 if deep else np.uint8
        image = Image(np.full((30, 40, 3), 77, kind_), np.full((30, 40), np.iinfo(kind_).max, kind_))
        for size in ((13, 11), (90, 71)):
            result = resize_picture(image, Resize(width=size[0], height=size[1], fit=FIT_FILL), work(tmp_path))
            assert (result.pixels == 77).all()
            assert np.all(result.alpha == image.maximum)


def test_transparent_pixels_lend_no_colour(tmp_path: Path) -> None:
    pixels, alpha = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    pixels[:, :20], pixels[:, 20:], alpha[:, :20] = (255, 0, 0), (0, 255, 0), 255
    for side in (13, 90):
        result = resize_picture(Image(pixels, alpha), Resize(width=side, height=side), work(tmp_path))
        assert result.alpha is not None
        visible = result.alpha > 0
        assert (result.pixels[visible] == (255, 0, 0)).all()
        assert (result.pixels[~visible] == 0).all()


@pytest.mark.parametrize(
    ("position", "column", "row"),
    [(0, 8, 8), (POSITION_LEFT, 0, 8), (POSITION_TOP, 8, 0), (POSITION_BOTTOM_RIGHT, 16, 16)],
)
def test_positions(position: Position.ValueType, column: int, row: int, tmp_path: Path) -> None:
    pixels = photo(24, 24)
    cut = resize_picture(Image(pixels), Resize(width=8, fit=FIT_CROP, position=position), work(tmp_path))
    assert np.array_equal(cut.pixels, pixels[:, column : column + 8])
    small = Image(pixels[:8, :8].copy())
    placed = resize_picture(small, Resize(width=24, height=24, fit=FIT_CANVAS, position=position, without_enlargement=True), work(tmp_path))
    assert np.array_equal(placed.pixels[row : row + 8, column : column + 8], small.pixels)
    assert (placed.pixels.astype(int).sum(), placed.alpha) == (small.pixels.astype(int).sum() + (24 * 24 - 64) * 765, None)


def test_the_smart_position_finds_what_stands_out(tmp_path: Path) -> None:
    pixels = np.full((60, 300, 3), 128, np.uint8)
    pixels[10:50, 220:260] = photo(40, 40)
    image = Image(pixels)
    for result in (
        resize_picture(image, Resize(width=60, height=60, fit=FIT_CROP, position=POSITION_SMART), work(tmp_path)),
        crop(image, Crop(aspect_ratio="1:1", position=POSITION_SMART)),
    ):
        assert (result.width, result.height) == (60, 60)
        assert np.array_equal(result.pixels[10:50].std(axis=(0, 2)) > 0, (result.pixels != 128).any(axis=(0, 2)))
        assert (result.pixels[10:50] != 128).any(axis=2).sum() > 1500


def test_canvas_colours_are_in_the_pictures_encoding(tmp_path: Path) -> None:
    ask = Resize(width=60, height=60, fit=FIT_CANVAS, background="#ff0000")
    wide = resize_picture(Image(photo(20, 40), icc=wide_gamut_profile()), ask, work(tmp_path))
    assert np.abs(wide.srgb()[0, 0].astype(int) - (255, 0, 0)).max() <= 1
    assert wide.pixels[0, 0, 0] < 240
    gray = resize_picture(Image(photo(20, 40)[..., :1].copy(), icc=gray_profile()), ask, work(tmp_path))
    assert tuple(gray.srgb()[0, 0]) == (255, 0, 0)
    neutral = resize_picture(kind(True, False, True), Resize(width=60, height=60, fit=FIT_CANVAS, background="#808080"), work(tmp_path))
    assert neutral.is_gray
    assert neutral.pixels[0, 0, 0] == 128 * 257


def test_a_canvas_is_transparent_where_the_picture_has_alpha_or_is_asked_for(tmp_path: Path) -> None:
    canvas = {"width": 60, "height": 60, "fit": FIT_CANVAS}
    for image, background in ((kind(False, True, False), ""), (kind(False, False, False), "transparent")):
        result = resize_picture(image, Resize(**canvas, background=background), work(tmp_path))
        assert result.alpha is not None
        assert (result.alpha[0] == 0).all()
        assert (result.pixels[0] == 0).all()
    filled = resize_picture(kind(False, True, False), Resize(**canvas, background="#010203"), work(tmp_path))
    assert filled.alpha is not None
    assert (filled.alpha[0] == 255).all()
    assert (filled.alpha[30, -1], tuple(filled.pixels[0, 0])) == (0, (1, 2, 3))


def test_areas_are_cut_out_exactly() -> None:
    image = kind(False, True, True)
    result = crop(image, Crop(area=PixelArea(left=3, top=5, width=7, height=11)))
    assert np.array_equal(result.pixels, image.pixels[5:16, 3:10])
    assert image.alpha is not None
    assert np.array_equal(result.alpha, image.alpha[5:16, 3:10])


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_borders_surround_the_samples(gray: bool, alpha: bool, deep: bool, tmp_path: Path) -> None:
    image = kind(gray, alpha, deep)
    result = pad(image, Pad(horizontal=2, vertical=3, color="#ffffff"), work(tmp_path))
    assert np.array_equal(result.pixels[3:-3, 2:-2], image.pixels)
    assert (result.pixels[:3] == image.maximum).all()
    kept = pad(image, Pad(horizontal_percent=25, vertical_percent=25, keep_size=True), work(tmp_path))
    assert (kept.width, kept.height, kept.bit_depth) == (32, 24, image.bit_depth)


def test_a_computation_ends_when_the_attempt_does(tmp_path: Path) -> None:
    def stop() -> None:
        raise AttemptStop

    with pytest.raises(AttemptStop):
        resize_picture(Image(np.zeros((300, 300, 3), np.uint8)), Resize(width=9000), Work(tmp_path, stop))


def test_results_that_are_too_large_for_memory_are_in_files(tmp_path: Path) -> None:
    image = Image(np.full((10, 10, 3), 9, np.uint8), np.full((10, 10), 255, np.uint8))
    result = pad(image, Pad(horizontal=20, vertical=20), replace(work(tmp_path), in_memory_bytes=0))
    assert isinstance(result.pixels, np.memmap)
    assert (result.pixels[25, 25, 0], result.pixels[0, 0, 0]) == (9, 0)
