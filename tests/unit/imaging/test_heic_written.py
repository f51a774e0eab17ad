"""HEIC and HEIF files."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media import Image, Limits, Metadata, Saving, decode, encode
from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile

BRANDS = {MediaFormat.HEIC: b"ftypheic", MediaFormat.HEIF: b"ftypmif1"}


def saving(format_: MediaFormat, quality: int = 90) -> Saving:
    return Saving(format_, quality=quality, lossless=False)


@pytest.mark.parametrize("format_", BRANDS)
@pytest.mark.parametrize(("height", "width"), [(120, 160), (119, 161), (1, 1), (1, 40)])
def test_pictures_of_all_sides_come_back(format_: MediaFormat, height: int, width: int) -> None:
    content = encode(Image(photo(height, width)), saving(format_))
    assert content[4:12] == BRANDS[format_]
    back = decode(content, Limits())
    assert (back.width, back.height) == (width, height)
    assert np.abs(back.pixels.astype(int) - photo(height, width)).mean() < 6


def test_alpha_gray_and_sixteen_bits() -> None:
    alpha = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    back = decode(encode(Image(photo(), alpha), saving(MediaFormat.HEIC)), Limits())
    assert back.alpha is not None
    assert np.abs(back.alpha.astype(int) - alpha).mean() < 4
    back = decode(encode(Image(photo()[..., 1:2].copy()), saving(MediaFormat.HEIC)), Limits())
    assert np.abs(back.pixels.astype(int) - photo()[..., 1:2]).mean() < 6
    gray_with_alpha = decode(encode(Image(photo()[..., 1:2].copy(), alpha), saving(MediaFormat.HEIC)), Limits())
    assert np.abs(gray_with_alpha.pixels.astype(int) - photo()[..., 1:2]).mean() < 6
    back = decode(encode(Image(deep_photo()), saving(MediaFormat.HEIC)), Limits())
    assert np.abs(back.pixels.astype(int) - photo()).mean() < 6


def test_lossless_files_keep_every_sample() -> None:
    back = decode(encode(Image(photo()), Saving(MediaFormat.HEIC, lossless=True)), Limits())
    assert np.array_equal(back.pixels, photo())


def test_profile_and_metadata_are_kept_or_left_out() -> None:
    image = Image(photo(), icc=wide_gamut_profile(), metadata=Metadata(exif=exif(1), xmp=b"<x/>"))
    back = decode(encode(image, saving(MediaFormat.HEIC)), Limits())
    assert (back.icc, back.metadata.xmp) == (image.icc, b"<x/>")
    assert back.metadata.exif is not None
    bare = decode(encode(image, Saving(MediaFormat.HEIC, lossless=False, keep_metadata=False)), Limits())
    assert (bare.metadata.exif, bare.metadata.xmp) == (None, None)
    profiled = decode(encode(Image(photo()[..., :1].copy(), icc=gray_profile()), saving(MediaFormat.HEIC)), Limits())
    assert profiled.icc is None


def test_better_quality_is_larger() -> None:
    small, large = (encode(Image(photo()), saving(MediaFormat.HEIC, quality)) for quality in (20, 95))
    assert len(small) < len(large) / 3
