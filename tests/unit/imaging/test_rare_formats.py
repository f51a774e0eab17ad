"""What is read of rarer formats: depth, alpha, colour, orientation, variants, and what is refused."""

from __future__ import annotations

import builtins
import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyjpegxl
import pytest
import pyvips
from PIL import Image as PillowImage
from psd_tools import PSDImage

from services.inference.media import Hints, Image, Limits, decode, read_header
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging import rare_files
from tests.unit.imaging.pictures import deep_photo, exif, photo, wide_gamut_profile
from tests.unit.imaging.rare_files import light_of, resource

LIMITS = Limits()
PIXELS = photo()
RAMP = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
ALPHA = np.dstack([PIXELS, RAMP])


def read(data: bytes, name: str = "") -> Image:
    image = decode(data, LIMITS, Hints(name))
    header = read_header(data, LIMITS, Hints(name))
    assert (header.width, header.height, header.format) == (image.width, image.height, image.source_format)
    assert header.wide is (image.bit_depth == 16) or image.icc is None
    return image


def refusal(data: bytes, name: str = "") -> DarkroomError:
    with pytest.raises(DarkroomError) as refused:
        decode(data, LIMITS, Hints(name))
    return refused.value


def planes(samples: npt.NDArray[Any]) -> Sequence[npt.NDArray[Any]]:
    return list(np.moveaxis(samples, 2, 0))


# JPEG XL


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jxl_keeps_samples(dtype: Any, channels: int) -> None:
    samples = ALPHA[..., [0, 3] if channels == 2 else range(channels)].astype(dtype) * (1 if dtype is np.uint8 else 257)
    image = read(rare_files.jxl(samples))
    colours = 1 if channels < 3 else 3
    np.testing.assert_array_equal(image.pixels, samples[..., :colours])
    assert (image.alpha is not None) is (channels in (2, 4))
    if image.alpha is not None:
        np.testing.assert_array_equal(image.alpha, samples[..., -1])
    assert image.icc is None


def test_jxl_with_fractions_gets_16_bits() -> None:
    image = read(rare_files.jxl(PIXELS.astype(np.float32) / 255))
    assert image.bit_depth == 16
    assert np.abs(image.pixels - PIXELS.astype(int) * 257).max() <= 1


def test_jxl_keeps_its_profile_and_exif() -> None:
    image = read(rare_files.jxl(PIXELS, icc=wide_gamut_profile(), exif=exif(1)))
    assert image.icc is not None
    red = decode(rare_files.jxl(np.full((4, 4, 3), (160, 90, 80), np.uint8), icc=wide_gamut_profile()), LIMITS).srgb()[0, 0]
    assert red.tolist() == decode(png((160, 90, 80), wide_gamut_profile()), LIMITS).srgb()[0, 0].tolist()
    assert image.metadata.exif is not None


def png(colour: tuple[int, int, int], profile: bytes) -> bytes:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (4, 4), colour).save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue()


def test_lossy_jxl_is_close() -> None:
    image = read(bytes(pyjpegxl.encode_from_numpy(PIXELS, quality=1.0)))
    assert np.abs(image.srgb().astype(int) - PIXELS).mean() < 3


# Icons


@pytest.mark.parametrize("bitmap", [False, True])
def test_the_largest_picture_of_an_icon_is_read_with_its_alpha(bitmap: bool) -> None:
    colours = {16: (255, 0, 0, 255), 48: (0, 255, 0, 128), 32: (0, 0, 255, 255)}
    data = rare_files.ico(*(PillowImage.new("RGBA", (side, side), colour) for side, colour in colours.items()), bitmap=bitmap)
    image = read(data)
    assert (image.width, image.height) == (48, 48)
    assert image.alpha is not None
    assert (image.pixels[0, 0].tolist(), int(image.alpha[0, 0])) == ([0, 255, 0], 128)


def test_the_mask_of_an_old_icon_is_its_transparency() -> None:
    # 2 x 2 pixels of 24 bits, from the bottom up, in rows of 8 bytes; then the mask, in rows of 4: the upper right pixel is transparent.
    bitmap = struct.pack("<IiiHHIIiiII", 40, 2, 4, 1, 24, 0, 0, 0, 0, 0, 0)
    bitmap += bytes([255, 0, 0, 0, 255, 0, 0, 0]) + bytes([0, 0, 255, 9, 9, 9, 0, 0]) + bytes([0, 0, 0, 0]) + bytes([0x40, 0, 0, 0])
    data = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 2, 2, 0, 0, 1, 24, len(bitmap), 22) + bitmap
    image = read(data)
    assert image.alpha is not None
    assert image.alpha.tolist() == [[255, 0], [255, 255]]
    assert image.pixels[0, 0].tolist() == [255, 0, 0]
    assert image.pixels[1].tolist() == [[0, 0, 255], [0, 255, 0]]


# Photoshop


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_psd_keeps_samples(packed: bool, large: bool, dtype: Any) -> None:
    samples = PIXELS if dtype is np.uint8 else deep_photo()
    image = read(rare_files.psd(planes(samples), 3, packed=packed, large=large))
    np.testing.assert_array_equal(image.pixels, samples)
    assert image.alpha is None


@pytest.mark.parametrize("mode", [1, 8])
def test_gray_psd(mode: int) -> None:
    image = read(rare_files.psd([RAMP], mode, packed=True))
    np.testing.assert_array_equal(image.pixels[..., 0], RAMP)


def test_psd_of_one_bit() -> None:
    black = RAMP[:, :155] < 128
    image = read(rare_files.psd([black], 0))
    np.testing.assert_array_equal(image.pixels[..., 0], np.where(black, 0, 255))


def test_psd_with_a_palette_and_a_transparent_colour() -> None:
    palette = np.zeros((3, 256), np.uint8)
    palette[:, :3] = [(255, 1, 7), (0, 2, 8), (0, 3, 9)]
    indexes = np.array([[0, 1], [2, 1]], np.uint8)
    image = read(rare_files.psd([indexes], 2, palette=palette.tobytes(), resources=resource(1047, b"\0\2")))
    assert image.pixels.tolist() == [[[255, 0, 0], [1, 2, 3]], [[7, 8, 9], [1, 2, 3]]]
    assert image.alpha is not None
    assert image.alpha.tolist() == [[255, 255], [0, 255]]


def test_transparency_of_a_psd_is_told_from_a_selection() -> None:
    opacity = np.full((2, 2), 128, np.uint8)
    opacity[0, 0] = 0
    colour = np.array([200, 100, 50])
    over_white = np.where(opacity[..., None] > 0, np.rint(colour * (128 / 255) + 255 * (127 / 255)), 255).astype(np.uint8)
    stored = [*planes(over_white), opacity]
    assert read(rare_files.psd(stored, 3)).alpha is None
    image = read(rare_files.psd(stored, 3, transparent=True))
    assert image.alpha is not None
    np.testing.assert_array_equal(image.alpha, opacity)
    assert np.abs(image.pixels[1, 1].astype(int) - colour).max() <= 1
    # Further channels are selections.
    assert read(rare_files.psd([*stored, RAMP[:2, :2]], 3, transparent=True)).alpha is not None


def test_cmyk_psd_is_like_a_cmyk_tiff() -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:4, :, 1:3] = 255  # red above, a light cyan below
    inks[4:, :, 0] = 90
    buffer = io.BytesIO()
    PillowImage.fromarray(inks, "CMYK").save(buffer, "TIFF")
    expected = decode(buffer.getvalue(), LIMITS).pixels
    for stored in (255 - inks, (255 - inks).astype(np.uint16) * 257):
        image = read(rare_files.psd(planes(stored), 4))
        np.testing.assert_array_equal(image.pixels, expected)
    assert expected[0, 0, 0] > 180 > expected[0, 0, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab_psd(dtype: Any) -> None:
    # CIE values of sRGB (119, 119, 119), (255, 0, 0) and (0, 0, 255): http://www.brucelindbloom.com, with D65.
    values = np.array([[[50.0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]])
    steps = 255 if dtype is np.uint8 else 65535
    half = 128 if dtype is np.uint8 else 32768
    stored = np.rint(np.dstack([values[..., 0] * steps / 100, values[..., 1:] * half / 128 + half])).astype(dtype)
    image = read(rare_files.psd(planes(stored), 9))
    expected = np.array([[119, 119, 119], [255, 0, 0], [0, 0, 255]])
    assert np.abs(image.srgb()[0].astype(int) - expected).max() <= (4 if dtype is np.uint8 else 2)


def test_psd_in_linear_light() -> None:
    image = read(rare_files.psd(planes(light_of(PIXELS)), 3))
    assert image.bit_depth == 16
    np.testing.assert_array_equal(image.srgb(), PIXELS)


def test_profile_of_a_psd() -> None:
    image = read(rare_files.psd(planes(PIXELS), 3, resources=resource(1005, b"abc") + resource(1039, wide_gamut_profile())))
    assert image.icc == wide_gamut_profile()
    broken = rare_files.psd(planes(PIXELS), 3, resources=resource(1039, wide_gamut_profile())[:100])
    assert read(broken).icc is None


@pytest.mark.parametrize(("compression", "dtype"), [(2, np.uint8), (2, np.uint16), (3, np.uint8), (3, np.uint16)])
def test_deflated_psd(compression: int, dtype: Any) -> None:
    samples = PIXELS if dtype is np.uint8 else deep_photo()
    whole = rare_files.psd(planes(samples), 3)
    stored = np.moveaxis(samples, 2, 0)
    if compression == 3:
        stored = np.diff(stored, axis=2, prepend=np.zeros_like(stored[..., :1]))
    packed = zlib.compress(stored.astype(stored.dtype.newbyteorder(">")).tobytes())
    image = read(whole[: -samples.nbytes - 2] + struct.pack(">H", compression) + packed)
    np.testing.assert_array_equal(image.pixels, samples)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_psd_by_another_program(mode: str) -> None:
    picture = PillowImage.fromarray(ALPHA).convert(mode)
    buffer = io.BytesIO()
    PSDImage.frompil(picture).save(buffer)
    image = read(buffer.getvalue())
    np.testing.assert_array_equal(image.srgb(), np.asarray(PillowImage.fromarray(PIXELS).convert(mode).convert("RGB")))


def test_psd_without_its_flattened_picture_says_so() -> None:
    info = resource(1057, struct.pack(">IB", 1, 0))
    error = refusal(rare_files.psd(planes(PIXELS), 3, resources=info))
    assert error.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert "only layers" in error.message
    read(rare_files.psd(planes(PIXELS), 3, resources=resource(1057, struct.pack(">IB", 1, 1))))


def test_other_modes_of_psd_are_refused() -> None:
    assert refusal(rare_files.psd(planes(PIXELS), 7)).reason is ErrorReason.MEDIA_UNSUPPORTED


def test_a_packed_bomb_in_a_psd_is_refused_from_its_header() -> None:
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 30_000, 30_000, 8, 3) + bytes(12)
    assert refusal(header).reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    small = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 3_000, 3_000, 8, 3) + bytes(12) + b"\0\2" + zlib.compress(bytes(1000))
    assert refusal(small).reason is ErrorReason.FILE_CORRUPT


# Linear light


def test_exr_keeps_16_bits_and_is_clipped() -> None:
    light = np.zeros((2, 4, 3), np.float32)
    light[0] = [[0, 0.5, 1], [2, -1, np.inf], [np.nan, 0.0031308, 0.18], [1e-4, 1e-3, 0.75]]
    image = read(rare_files.exr(light))
    clean = np.nan_to_num(light[0].astype(np.float64), nan=0, posinf=1).clip(0, 1)
    expected = np.where(clean <= 0.0031308, clean * 12.92, 1.055 * np.maximum(clean, 1e-9) ** (1 / 2.4) - 0.055) * 65535
    assert np.abs(image.pixels[0] - expected).max() <= 1
    assert image.pixels[0, 2, 2] == pytest.approx(118 * 257, abs=200)  # middle gray


def test_half_floats_and_compressions() -> None:
    import OpenEXR

    for compression in (OpenEXR.NO_COMPRESSION, OpenEXR.RLE_COMPRESSION, OpenEXR.PIZ_COMPRESSION, OpenEXR.ZIPS_COMPRESSION):
        image = read(rare_files.exr(light_of(PIXELS).astype(np.float16), compression=compression))
        assert np.abs(image.srgb().astype(int) - PIXELS).max() <= 1


def test_alpha_of_exr_is_divided_out() -> None:
    opacity = (RAMP / 255).astype(np.float32)
    image = read(rare_files.exr(np.dstack([light_of(PIXELS) * opacity[..., None], opacity]), "RGBA"))
    assert image.alpha is not None
    assert np.abs(image.alpha / 257 - RAMP).max() <= 0.5
    seen = RAMP > 8
    assert np.abs(image.srgb().astype(int) - PIXELS)[seen].max() <= 1


def test_channels_of_exr() -> None:
    gray = light_of(RAMP)[..., None]
    assert np.array_equal(read(rare_files.exr(gray, "Y")).srgb()[..., 0], RAMP)
    assert np.array_equal(read(rare_files.exr(light_of(PIXELS), ["left.R", "left.G", "left.B"])).srgb(), PIXELS)
    assert refusal(rare_files.exr(gray, "Z")).reason is ErrorReason.MEDIA_UNSUPPORTED


def test_a_channel_of_exr_with_a_name_in_no_encoding_is_refused() -> None:
    data = rare_files.exr(light_of(PIXELS))
    at = data.index(b"chlist\0") + 11
    assert data[at : at + 2] == b"B\0"
    assert refusal(data[:at] + b"\xb3" + data[at + 1 :]).reason is ErrorReason.FILE_CORRUPT


def test_primaries_of_exr() -> None:
    # ACES AP0 (SMPTE ST 2065-1). Its white becomes white; a gray stays gray.
    ap0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
    white = read(rare_files.exr(np.full((4, 4, 3), 0.18, np.float32), chromaticities=ap0)).pixels[0, 0]
    assert np.ptp(white.astype(int)) < 80
    # The light of sRGB (0.2, 0.4, 0.6) in AP0, by the published matrix of the Academy.
    to_ap0 = np.array([[0.4397010, 0.3829780, 0.1773350], [0.0897923, 0.8134230, 0.0967616], [0.0175440, 0.1115440, 0.8707040]])
    light = np.tile((to_ap0 @ np.array([0.2, 0.4, 0.6])).astype(np.float32), (4, 4, 1))
    found = light_of(read(rare_files.exr(light, chromaticities=ap0)).srgb())[0, 0]
    assert np.abs(found - [0.2, 0.4, 0.6]).max() < 0.01
    nonsense = rare_files.exr(light, chromaticities=(0.0,) * 8)
    assert refusal(nonsense).reason is ErrorReason.FILE_CORRUPT


def test_exr_of_absurd_size_is_refused() -> None:
    data = rare_files.exr(light_of(PIXELS)).replace(struct.pack("<4i", 0, 0, 159, 119), struct.pack("<4i", 0, 0, 99_999, 99_999))
    assert refusal(data).reason in (ErrorReason.MEDIA_LIMIT_EXCEEDED, ErrorReason.FILE_CORRUPT)


def test_radiance_flat_and_packed() -> None:
    packed = read(rare_files.hdr(light_of(PIXELS)))
    assert np.abs(packed.srgb().astype(int) - PIXELS).max() <= 1
    pixels = bytes([128, 64, 32, 129, 0, 0, 0, 0])
    flat = read(b"#?RGBE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n" + pixels)
    assert flat.srgb().tolist()[0][1] == [0, 0, 0]
    # 128.5 / 256 times 2 to the power of 1 is white.
    assert flat.srgb()[0, 0].tolist() == [255, 188, 138]


@pytest.mark.parametrize(
    ("line", "turned"),
    [
        (b"-Y 2 +X 3", lambda stored: stored),
        (b"+Y 2 +X 3", lambda stored: stored[::-1]),
        (b"-Y 2 -X 3", lambda stored: stored[:, ::-1]),
        (b"+Y 2 -X 3", lambda stored: stored[::-1, ::-1]),
        (b"+X 2 -Y 3", lambda stored: stored.T),
        (b"-X 2 -Y 3", lambda stored: stored.T[:, ::-1]),
        (b"+X 2 +Y 3", lambda stored: stored.T[::-1]),
    ],
)
def test_orders_of_radiance(line: bytes, turned: Any) -> None:
    exponents = np.array([[120, 122, 124], [125, 126, 127]], np.uint8)
    pixels = np.dstack([np.full((2, 3, 3), 128, np.uint8), exponents])
    image = read(b"#?RADIANCE\n\n" + line + b"\n" + pixels.tobytes())
    shown = image.pixels[..., 0].astype(int)
    assert np.array_equal(np.argsort(shown.ravel()), np.argsort(turned(exponents).ravel()))
    assert shown.shape == turned(exponents).shape


def test_damaged_radiance() -> None:
    data = rare_files.hdr(light_of(PIXELS))
    end = data.index(b"+X 160\n") + 7
    second = data.index(b"\2\2\0\xa0", end + 4)
    for broken in (data[:second] + b"\2\2\0\xa1" + data[second + 4 :], data[:-1], data[: end + 4]):
        assert refusal(broken).reason is ErrorReason.FILE_CORRUPT
    assert refusal(data.replace(b"rle_rgbe", b"rle_xyze")).reason is ErrorReason.MEDIA_UNSUPPORTED


# TGA


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA"])
def test_kinds_of_tga(mode: str, compression: str | None) -> None:
    picture = PillowImage.fromarray(ALPHA).convert(mode)
    image = read(rare_files.tga(picture, compression=compression), "a.tga")
    np.testing.assert_array_equal(image.srgb(), np.asarray(picture.convert("RGB")))
    if mode in ("RGBA", "LA"):
        assert image.alpha is not None
        np.testing.assert_array_equal(image.alpha, RAMP)
    else:
        assert image.alpha is None


def test_bits_that_the_header_does_not_call_alpha_are_none() -> None:
    data = bytearray(rare_files.tga(ALPHA))
    data[17] &= 0xF0
    image = read(bytes(data), "a.tga")
    assert image.alpha is None
    np.testing.assert_array_equal(image.pixels, PIXELS)


def test_tga_from_the_bottom_and_from_the_top() -> None:
    for orientation in (1, -1):
        np.testing.assert_array_equal(read(rare_files.tga(PIXELS, orientation=orientation), "a.tga").pixels, PIXELS)


# Camera raw


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_raw_is_developed_upright(orientation: int, turns: int) -> None:
    bright = rare_files.bright_photo()
    image = read(rare_files.dng(bright, orientation), "a.dng")
    assert image.bit_depth == 16
    expected = np.rot90(bright, turns)
    assert image.pixels.shape == expected.shape
    assert np.abs(image.srgb().astype(int) - expected).mean() < 3


def test_raw_has_the_colours_that_the_camera_saw() -> None:
    colours = np.full((64, 64, 3), 255, np.uint8)
    colours[16:48, 16:48] = (200, 60, 30)
    image = read(rare_files.dng(colours), "a.dng")
    assert np.abs(image.srgb()[32, 32].astype(int) - (200, 60, 30)).max() <= 3
    assert np.abs(image.srgb()[4, 4].astype(int) - 255).max() <= 2


def test_a_tiff_under_the_name_of_a_recording_is_refused() -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(PIXELS).save(buffer, "TIFF")
    assert read(buffer.getvalue(), "a.tiff").source_format == "tiff"
    assert refusal(buffer.getvalue(), "a.nef").reason is ErrorReason.FILE_CORRUPT


# HEIF


def test_heif_that_holds_av1_is_read_as_avif() -> None:
    data = bytes(pyvips.Image.new_from_array(PIXELS).copy(interpretation="srgb").heifsave_buffer(compression="av1", Q=90))
    brands = int.from_bytes(data[:4], "big")
    data = data[:8] + b"mif1" + data[12:16] + b"mif1" * ((brands - 16) // 4) + data[brands:]
    image = decode(data, LIMITS)
    assert image.source_format == "avif"
    assert np.abs(image.srgb().astype(int) - PIXELS).mean() < 4


def test_another_encoding_in_heif_is_named() -> None:
    error = refusal(rare_files.heif(PIXELS).replace(b"hvc1", b"jpeg").replace(b"hvcC", b"jpgC"))
    assert error.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert "encoding" in error.message


# All


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = rare_files.jxl(PIXELS)
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "pyjpegxl":
            raise ImportError(name)
        return real(name, *args, **options)

    import sys

    monkeypatch.delitem(sys.modules, "services.inference.media.jxl", raising=False)
    monkeypatch.delitem(sys.modules, "pyjpegxl")
    monkeypatch.setattr(builtins, "__import__", without)
    error = refusal(data)
    assert error.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert "library" in error.message and "png" in error.allowed and "jxl" not in error.allowed
