"""Files of a size in bytes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from services.inference.media import Image, Limits, Saving, decode, encode
from services.inference.media.search import highest_within
from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import photo

LOSSY = (MediaFormat.JPEG, MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.TIFF, MediaFormat.HEIC)


@pytest.mark.parametrize("most", range(1, 102, 7))
@pytest.mark.parametrize("highest", [1, 2, 50, 100])
def test_the_highest_level_that_fits_is_found(most: int, highest: int) -> None:
    tried: list[int] = []

    def attempt(level: int) -> bytes:
        tried.append(level)
        return bytes(level)

    made = len(highest_within(attempt, highest, most))
    assert made == min(highest, most) or most * 0.95 <= made <= most
    assert len(tried) <= 8


def test_the_lowest_level_is_what_is_left_where_none_fits() -> None:
    assert highest_within(lambda level: bytes(1000 + level), 100, 10) == bytes(1001)


@pytest.mark.cases(2)
@pytest.mark.parametrize("format_", LOSSY)
def test_quality_is_as_high_as_fits(format_: MediaFormat) -> None:
    image, saving = Image(photo(200, 240)), Saving(format_, lossless=False, quick=True)
    at_50 = len(encode(image, dataclasses.replace(saving, quality=50)))
    made = encode(image, dataclasses.replace(saving, max_bytes=at_50 + 10))
    assert at_50 * 0.94 <= len(made) <= at_50 + 10
    least = encode(image, dataclasses.replace(saving, max_bytes=1))
    assert least == encode(image, dataclasses.replace(saving, quality=1))


@pytest.mark.parametrize("format_", [MediaFormat.PNG, MediaFormat.GIF])
def test_a_picture_with_a_palette_loses_colours(format_: MediaFormat) -> None:
    image = Image(photo())
    whole = encode(image, Saving(format_, compact=True))
    assert encode(image, Saving(format_, max_bytes=len(whole))) == whole
    made = encode(image, Saving(format_, max_bytes=len(whole) // 4))
    assert len(made) <= len(whole) // 4
    shown = np.abs(decode(made, Limits()).pixels.astype(int) - photo()).mean()
    fewest = encode(image, Saving(format_, max_bytes=1))
    assert len(np.unique(decode(fewest, Limits()).pixels.reshape(-1, 3), axis=0)) == 2
    assert shown < np.abs(decode(fewest, Limits()).pixels.astype(int) - photo()).mean()


def test_a_tiff_with_alpha_stays_lossless() -> None:
    alpha = np.full((120, 160), 90, np.uint8)
    back = decode(encode(Image(photo(), alpha), Saving(MediaFormat.TIFF, max_bytes=100)), Limits())
    assert np.array_equal(back.pixels, photo())
