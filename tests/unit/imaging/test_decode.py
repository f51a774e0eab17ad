"""Reading pictures: what is kept, what is converted, and what is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image as PillowImage

from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE
from services.inference.media import Hints, Limits, decode, encode, read_header
from services.pictures.media_format import MediaFormat, Use, read_formats, sniff
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging import rare_files
from tests.unit.imaging.pictures import deep_photo, exif, heic, photo, png_bomb, wide_gamut_profile, written

LIMITS = Limits(megapixels=100)

SVG = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120"><rect width="160" height="120" fill="#c04020"/></svg>"""

RAW = tuple(each for each in MediaFormat if Use.DEVELOPED in each.use)

FILES = {
    MediaFormat.JPEG: lambda: written(photo(), "JPEG", quality=95),
    MediaFormat.PNG: lambda: written(photo(), "PNG"),
    MediaFormat.WEBP: lambda: written(photo(), "WEBP", lossless=True),
    MediaFormat.TIFF: lambda: written(photo(), "TIFF", compression="tiff_lzw"),
    MediaFormat.GIF: lambda: written(photo(), "GIF"),
    MediaFormat.AVIF: lambda: written(photo(), "AVIF", quality=95),
    MediaFormat.HEIC: lambda: heic(photo()),
    MediaFormat.BMP: lambda: written(photo(), "BMP"),
    MediaFormat.SVG: lambda: SVG,
    MediaFormat.HEIF: lambda: rare_files.heif(photo()),
    MediaFormat.JXL: lambda: rare_files.jxl(photo()),
    MediaFormat.ICO: lambda: rare_files.ico(PillowImage.fromarray(photo())),
    MediaFormat.PSD: lambda: rare_files.psd(np.moveaxis(photo(), 2, 0), 3, packed=True),
    MediaFormat.EXR: lambda: rare_files.exr(rare_files.light_of(photo())),
    MediaFormat.HDR: lambda: rare_files.hdr(rare_files.light_of(photo())),
    MediaFormat.TGA: lambda: rare_files.tga(photo()),
    # What one camera records, under the names that other cameras give: LibRaw goes by the content.
    **{each: lambda: rare_files.dng(rare_files.bright_photo()) for each in RAW},
}
NAMES = {each: f"photo.{each}" for each in (MediaFormat.TGA, *RAW)}
"""Of files that are told by their names."""
BITS = dict.fromkeys(FILES, 8) | dict.fromkeys((MediaFormat.EXR, MediaFormat.HDR, *RAW), 16)


def reason(data: bytes, limits: Limits = LIMITS, name: str = "") -> ErrorReason:
    with pytest.raises(DarkroomError) as raised:
        decode(data, limits, Hints(name))
    return raised.value.reason


@pytest.mark.parametrize("format_", FILES)
def test_every_format_is_told_by_content_and_read(format_: MediaFormat) -> None:
    data, name = FILES[format_](), NAMES.get(format_, "")
    header = read_header(data, LIMITS, Hints(name))
    image = decode(data, LIMITS, Hints(name))
    assert sniff(data, name) is format_
    assert (header.format, header.width, header.height) == (format_, 160, 120)
    assert (image.source_format, image.width, image.height, image.bit_depth) == (format_, 160, 120, BITS[format_])
    expected = np.full((120, 160, 3), (0xC0, 0x40, 0x20)) if format_ is MediaFormat.SVG else photo()
    if format_ in RAW:
        expected = rare_files.bright_photo()
    tolerance = {MediaFormat.GIF: 12, MediaFormat.JPEG: 4, MediaFormat.AVIF: 4, MediaFormat.HDR: 0.1, **dict.fromkeys(RAW, 3)}.get(
        format_, 0
    )
    assert np.abs(image.srgb().astype(int) - expected).mean() <= tolerance


def test_every_picture_format_that_operations_take_is_read() -> None:
    assert set(FILES) == set(read_formats(MEDIA_KIND_IMAGE))


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("P", 3), ("RGB", 3), ("RGBA", 3)])
def test_every_depth_of_bmp_is_read(mode: str, channels: int) -> None:
    drawn = PillowImage.fromarray(photo()).convert(mode)
    data = written(drawn, "BMP", dpi=(300, 300))
    image = decode(data, LIMITS)
    assert read_header(data, LIMITS).channels == image.pixels.shape[2] == channels
    np.testing.assert_array_equal(image.srgb(), np.asarray(drawn.convert("RGB")))
    assert image.metadata.pixels_per_mm == pytest.approx((300 / 25.4, 300 / 25.4), rel=0.001)


def test_bmp_keeps_the_alpha_that_its_header_declares() -> None:
    # BITMAPV4HEADER with bit fields: two pixels, each blue, green, red and alpha, stored from the top down.
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, -1, 1, 32, 3, 8, 0, 0, 0, 0) + masks + bytes(108 - 40 - 16)
    pixels = bytes([30, 20, 10, 255, 60, 50, 40, 128])
    data = b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels
    image = decode(data, LIMITS)
    assert image.pixels.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert image.alpha is not None
    assert image.alpha.tolist() == [[255, 128]]


def test_a_compression_that_is_not_read_is_named() -> None:
    data = bytearray(written(photo(), "BMP"))
    data[30:34] = struct.pack("<I", 4)  # a JPEG inside, for printers
    with pytest.raises(DarkroomError, match="compressed in an unsupported way") as raised:
        decode(bytes(data), LIMITS)
    assert raised.value.reason is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation: int, format_: str) -> None:
    seen = photo(64, 96)
    transpose = {
        2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
        3: PillowImage.Transpose.ROTATE_180,
        4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
        5: PillowImage.Transpose.TRANSPOSE,
        6: PillowImage.Transpose.ROTATE_90,
        7: PillowImage.Transpose.TRANSVERSE,
        8: PillowImage.Transpose.ROTATE_270,
    }
    stored = PillowImage.fromarray(seen)
    if orientation in transpose:
        stored = stored.transpose(transpose[orientation])
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format_, {})
    tags = PillowImage.Exif()
    tags[0x0112] = orientation
    data = written(stored, format_, exif=tags, **options)

    image = decode(data, LIMITS)
    header = read_header(data, LIMITS)

    assert image.pixels.shape == seen.shape
    assert (header.width, header.height) == (96, 64)
    assert np.abs(image.pixels.astype(int) - seen).max() <= (0 if format_ != "JPEG" else 8)


def test_heic_is_turned_by_its_own_box_and_not_again_by_exif() -> None:
    # The writer adds an `irot` box for the orientation, and leaves the EXIF block as it was.
    data = heic(photo(64, 96), exif=exif(6))
    assert b"irot" in data
    image = decode(data, LIMITS)
    assert np.array_equal(image.pixels, np.rot90(photo(64, 96), -1))
    assert (read_header(data, LIMITS).width, read_header(data, LIMITS).height) == (64, 96)
    assert decode(encode(image), LIMITS).pixels.shape == image.pixels.shape


def test_colour_profile_is_kept_and_models_see_srgb() -> None:
    profile = wide_gamut_profile()
    image = decode(written(photo(), "PNG", icc_profile=profile), LIMITS)
    assert image.icc == profile
    assert np.array_equal(image.pixels, photo())
    # Display P3's red is outside sRGB; a mid one is inside, and is a stronger red there.
    red = decode(written(np.full((4, 4, 3), (160, 90, 80), np.uint8), "PNG", icc_profile=profile), LIMITS).srgb()[0, 0]
    assert red[0] > 164
    assert red[1] < 90


def test_a_profile_that_does_not_fit_is_dropped_and_said() -> None:
    for pixels, profile in ((photo(), b"no profile at all" * 20), (photo()[..., 0], wide_gamut_profile())):
        image = decode(written(np.ascontiguousarray(pixels), "TIFF", icc_profile=profile), LIMITS)
        assert image.icc is None
        assert any("profile" in note for note in image.notes)


def test_sixteen_bits_are_kept_and_models_see_eight() -> None:
    pixels = deep_photo()
    image = decode(bytes(pyvips.Image.new_from_array(pixels).copy(interpretation="rgb16").pngsave_buffer()), LIMITS)
    assert image.bit_depth == 16
    assert np.array_equal(image.pixels, pixels)
    assert np.abs(image.srgb() - pixels / 257).max() <= 0.5


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("writer", ["heic", "avif"])
def test_white_of_ten_and_twelve_bits_is_white(bits: int, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    white = np.full((64, 64, 3), 65535, np.uint16)
    if writer == "heic":
        monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
        buffer = io.BytesIO()
        pillow_heif.from_bytes("RGB;16", (64, 64), white.tobytes()).save(buffer, quality=-1, chroma=444, matrix_coefficients=0)
        data = buffer.getvalue()
    else:
        picture = pyvips.Image.new_from_array(white).copy(interpretation="rgb16")
        data = bytes(picture.heifsave_buffer(compression="av1", bitdepth=bits, lossless=True))
    image = decode(data, LIMITS)
    assert image.bit_depth == 16
    # libheif and libvips make 12 bits of white 4092 of 4095.
    assert image.pixels.min() >= (65535 if bits == 10 else 65535 * 4092 // 4095)


@pytest.mark.parametrize(
    ("mode", "gray", "alpha"),
    [("1", True, False), ("L", True, False), ("LA", True, True), ("P", False, False), ("RGBA", False, True)],
)
def test_kinds_of_pixels(mode: str, gray: bool, alpha: bool) -> None:
    picture = PillowImage.fromarray(photo())
    if alpha:
        picture.putalpha(PillowImage.fromarray(photo()[..., 0]))
    picture = picture.convert(mode)
    image = decode(written(picture, "PNG"), LIMITS)
    assert image.is_gray is gray
    assert (image.alpha is not None) is alpha
    assert np.array_equal(image.srgb(), np.asarray(picture.convert("RGB")))
    if image.alpha is not None:
        assert np.array_equal(image.alpha, photo()[..., 0])


def test_sixteen_bit_gray() -> None:
    pixels = deep_photo()[..., 0]
    image = decode(written(np.ascontiguousarray(pixels), "PNG"), LIMITS)
    assert image.is_gray
    assert np.array_equal(image.pixels[..., 0], pixels)


def test_full_alpha_is_no_alpha() -> None:
    picture = PillowImage.fromarray(photo()).convert("RGBA")
    assert decode(written(picture, "PNG"), LIMITS).alpha is None


def test_cmyk_becomes_srgb_and_says_so() -> None:
    picture = PillowImage.fromarray(np.full((32, 32, 4), (0, 255, 255, 0), np.uint8), "CMYK")
    image = decode(written(picture, "TIFF"), LIMITS)
    red, green, blue = (int(v) for v in image.pixels[0, 0])
    assert red > 180 and green < 90 and blue < 90
    assert image.icc is None
    assert any("CMYK" in note for note in image.notes)


def test_first_frame_of_an_animation_and_first_page_of_a_document() -> None:
    frames = [PillowImage.fromarray(np.full((32, 48, 3), value, np.uint8)) for value in (200, 100, 50)]
    for format_ in ("GIF", "WEBP", "TIFF"):
        image = decode(written(frames[0], format_, save_all=True, append_images=frames[1:], lossless=True), LIMITS)
        assert (image.width, image.height) == (48, 32)
        assert image.srgb()[0, 0, 0] == 200
        assert any("first of 3" in note for note in image.notes)


def test_svg_reads_no_other_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    secret = tmp_path / "secret.png"
    secret.write_bytes(written(photo(), "PNG"))
    link = f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><image width="64" height="64" href="{secret.as_uri()}"/></svg>'
    image = decode(link.encode(), LIMITS)
    assert image.alpha is not None
    assert image.alpha.max() == 0


@pytest.mark.parametrize("format_", [f for f in FILES if f is not MediaFormat.SVG])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_truncated_files_are_corrupt(format_: MediaFormat, share: float) -> None:
    data = FILES[format_]()
    assert reason(data[: int(len(data) * share)], name=NAMES.get(format_, "")) is ErrorReason.FILE_CORRUPT


def test_truncated_progressive_jpeg_and_interlaced_png_are_corrupt() -> None:
    picture = pyvips.Image.new_from_array(photo()).copy(interpretation="srgb")
    for data in (picture.jpegsave_buffer(interlace=True), picture.pngsave_buffer(interlace=True)):
        decode(bytes(data), LIMITS)
        assert reason(bytes(data)[: int(len(data) * 0.8)]) is ErrorReason.FILE_CORRUPT


def test_damaged_content_is_corrupt() -> None:
    data = bytearray(FILES[MediaFormat.PNG]())
    data[len(data) // 2] ^= 0xFF
    assert reason(bytes(data)) is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize(
    "data", [b"", b"hello, world", b"%PDF-1.7\n", b"PK\x03\x04", b"<html><svg></svg></html>", b"\x00\x00\x00\x18ftypmp42"]
)
def test_other_content_is_unsupported(data: bytes) -> None:
    assert reason(data) is ErrorReason.MEDIA_UNSUPPORTED


def test_decompression_bomb_is_refused_from_its_header() -> None:
    bomb = png_bomb(30_000)
    assert len(bomb) < 200_000
    assert reason(bomb) is ErrorReason.MEDIA_LIMIT_EXCEEDED
    with pytest.raises(DarkroomError) as raised:
        read_header(bomb, LIMITS)
    assert "30000" in raised.value.message
    assert raised.value.allowed == ("at most 100 megapixels",)


@pytest.mark.parametrize("format_", FILES)
def test_the_limit_holds_for_every_format(format_: MediaFormat) -> None:
    data, name = FILES[format_](), NAMES.get(format_, "")
    decode(data, Limits(megapixels=160 * 120 / 1e6), Hints(name))
    assert reason(data, Limits(megapixels=(160 * 120 - 1) / 1e6), name) is ErrorReason.MEDIA_LIMIT_EXCEEDED


def test_svg_of_absurd_size_is_refused() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"></svg>'
    assert reason(svg) is ErrorReason.MEDIA_LIMIT_EXCEEDED


def test_messages_do_not_leak_internals() -> None:
    with pytest.raises(DarkroomError) as raised:
        decode(FILES[MediaFormat.JPEG]()[:500], LIMITS)
    assert raised.value.message == "The jpeg picture is truncated or damaged."
