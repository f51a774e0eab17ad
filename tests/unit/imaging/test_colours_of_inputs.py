"""Colours of inputs, as numbers: what each encoding stands for in sRGB, and pictures whose files say which way is up."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image as PillowImage

from services.inference.media import Limits, decode, read_header
from tests.format_pairs import handmade
from tests.unit.imaging.pictures import deep_photo, exif, heic, photo, profile, wide_gamut_profile, written
from tests.unit.imaging.rare_files import light_of

LIMITS = Limits()
COLOURS = np.array([[128, 128, 128], [160, 90, 80], [60, 140, 90], [40, 60, 150], [255, 255, 255], [0, 0, 0]], np.uint8)
# Columns are red, green and blue in XYZ of D65 (Display P3, SMPTE EG 432-1) and of D50 (ProPhoto, ISO 22028-2): http://www.brucelindbloom.com.
P3 = np.array([[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0, 0.0451134, 1.0439444]])
PROPHOTO = np.array([[0.7976749, 0.1351917, 0.0313534], [0.2880402, 0.7118741, 0.0000857], [0.0, 0.0, 0.8252100]])
SRGB_OF_D65 = np.array([[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]])
SRGB_OF_D50 = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
TO_SRGB_OF_D65, TO_SRGB_OF_D50 = np.linalg.inv(SRGB_OF_D65), np.linalg.inv(SRGB_OF_D50)


def encoded(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    clipped = light.clip(0, 1)
    return 255 * np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * np.maximum(clipped, 1e-9) ** (1 / 2.4) - 0.055)


def strip(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A picture with a row of 8 x 8 pixels for each colour."""
    return np.repeat(np.repeat(colours[None], 8, 0), 8, 1)


def middles(image: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return image[4, 4::8].astype(np.int64)


def prophoto_profile() -> bytes:
    def xyz(column: int) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in PROPHOTO[:, column]))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256))
    tags = {b"rXYZ": xyz(0), b"gXYZ": xyz(1), b"bXYZ": xyz(2), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_display_p3(format_: str) -> None:
    options = {"lossless": True} if format_ == "WEBP" else {}
    image = decode(written(strip(COLOURS), format_, icc_profile=wide_gamut_profile(), **options), LIMITS)
    expected = encoded(light_of(COLOURS) @ P3.T @ TO_SRGB_OF_D65.T)
    assert np.abs(middles(image.srgb()) - expected).max() <= 1.5


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_prophoto(format_: str) -> None:
    image = decode(written(strip(COLOURS), format_, icc_profile=prophoto_profile()), LIMITS)
    expected = encoded((COLOURS / 255) ** 1.8 @ PROPHOTO.T @ TO_SRGB_OF_D50.T)
    assert np.abs(middles(image.srgb()) - expected).max() <= 2


def test_wide_gamut_in_16_bits_and_in_heic() -> None:
    picture = pyvips.Image.new_from_array(strip(COLOURS).astype(np.uint16) * 257).copy(interpretation="rgb16")
    picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", wide_gamut_profile())
    expected = encoded(light_of(COLOURS) @ P3.T @ TO_SRGB_OF_D65.T)
    for data in (bytes(picture.pngsave_buffer()), bytes(picture.tiffsave_buffer()), heic(strip(COLOURS), icc_profile=wide_gamut_profile())):
        assert np.abs(middles(decode(data, LIMITS).srgb()) - expected).max() <= 1.5


def adobe_jpeg(inks: npt.NDArray[np.uint8]) -> bytes:
    """As Photoshop writes it: Adobe's marker says CMYK, and the samples are what is left white."""
    data = written(PillowImage.fromarray(inks, "CMYK"), "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in data
    return data


def test_cmyk_jpeg_of_adobe_is_like_the_same_inks_in_a_tiff() -> None:
    inks = strip(np.array([[0, 0, 0, 0], [0, 255, 255, 0], [255, 0, 0, 0], [0, 0, 0, 255], [30, 60, 90, 40]], np.uint8))
    tiff = decode(written(PillowImage.fromarray(inks, "CMYK"), "TIFF"), LIMITS)
    jpeg = decode(adobe_jpeg(inks), LIMITS)
    assert np.abs(middles(tiff.srgb()) - middles(jpeg.srgb())).max() <= 3
    white, red, cyan, black, _ = middles(jpeg.srgb())
    assert white.min() >= 253
    assert red[0] > 200 and red[1:].max() < 80
    assert cyan[0] < 60 and cyan[1:].min() > 120
    assert black.max() < 60
    assert jpeg.icc is None


def test_sixteen_bits_with_alpha() -> None:
    samples = np.dstack([deep_photo(), deep_photo()[..., :1]])
    for bands, interpretation in ((samples, "rgb16"), (samples[..., 2:], "grey16")):
        data = bytes(pyvips.Image.new_from_array(bands).copy(interpretation=interpretation).pngsave_buffer())
        image = decode(data, LIMITS)
        assert image.bit_depth == 16 and image.alpha is not None
        np.testing.assert_array_equal(image.alpha, bands[..., -1])
        np.testing.assert_array_equal(image.pixels, bands[..., :-1])


@pytest.mark.parametrize("format_", ["PNG", "GIF"])
def test_palettes_with_transparency(format_: str) -> None:
    picture = PillowImage.new("P", (6, 4))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255] + [0] * 759)
    picture.putdata([0, 1, 2, 0, 1, 2] * 4)
    image = decode(written(picture, format_, transparency=1), LIMITS)
    assert image.alpha is not None
    assert image.alpha[0].tolist() == [255, 0, 255] * 2
    assert image.pixels[0, [0, 2, 3, 5]].tolist() == [[255, 0, 0], [0, 0, 255]] * 2


def test_palette_with_many_opacities() -> None:
    picture = PillowImage.new("P", (3, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255] + [0] * 759)
    picture.putdata([0, 1, 2])
    image = decode(written(picture, "PNG", transparency=bytes([0, 100, 255])), LIMITS)
    assert image.alpha is not None
    assert image.alpha.tolist() == [[0, 100, 255]]
    assert image.pixels[0, 1:].tolist() == [[0, 255, 0], [0, 0, 255]]


def test_a_colour_that_stands_for_transparency() -> None:
    pixels = np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG", transparency=(1, 2, 3))
    image = decode(buffer.getvalue(), LIMITS)
    assert image.alpha is not None
    assert image.alpha.tolist() == [[0, 255]]


def test_gray_with_alpha() -> None:
    picture = PillowImage.fromarray(np.dstack([photo()[..., 0], photo()[..., 1]]), "LA")
    for format_ in ("PNG", "TIFF"):
        image = decode(written(picture, format_), LIMITS)
        assert image.is_gray and image.alpha is not None
        np.testing.assert_array_equal(image.pixels[..., 0], photo()[..., 0])
        np.testing.assert_array_equal(image.alpha, photo()[..., 1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_of_every_orientation_is_upright(orientation: int) -> None:
    stored = photo(64, 96)
    data = heic(stored, exif=exif(orientation))
    image, header = decode(data, LIMITS), read_header(data, LIMITS)
    shown = {
        1: stored,
        2: stored[:, ::-1],
        3: np.rot90(stored, 2),
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: np.rot90(stored, -1),
        7: np.rot90(stored.swapaxes(0, 1), 2),
        8: np.rot90(stored),
    }[orientation]
    assert (header.width, header.height) == (image.width, image.height) == (shown.shape[1], shown.shape[0])
    np.testing.assert_array_equal(image.pixels, shown)


@pytest.mark.parametrize("icc", [None, wide_gamut_profile()])
@pytest.mark.parametrize(("factor", "said"), [(1.0, False), (4.0, True), (-1.0, True)])
def test_fractions_beyond_black_and_white_are_told(icc: bytes | None, factor: float, said: bool) -> None:
    values = (light_of(photo(64, 96)) if icc is None else photo(64, 96) / 255).astype(np.float32) * factor
    image = decode(handmade.tiff([values], icc=icc), LIMITS)
    assert any("those above 1 white" in note for note in image.notes) == said
    shown = np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0) ** (1 / 2.4) - 0.055) if icc is None else values
    assert np.abs(image.pixels / 65535 - shown.clip(0, 1)).max() < 0.002
    assert image.icc == icc
