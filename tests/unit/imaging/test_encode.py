"""Writing pictures: what comes back is what went in, as far as the format can hold it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PillowImage

from services.inference.media import Effort, Image, Limits, Metadata, Saving, decode, encode, encode_into
from services.inference.media.spool import Spool
from services.inference.media.xmp import as_upright
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile, written

LIMITS = Limits()


def gradient_alpha() -> np.ndarray:
    return np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("deep", [False, True])
def test_png_is_bit_identical(gray: bool, alpha: bool, deep: bool) -> None:
    pixels = deep_photo() if deep else photo()
    pixels = np.ascontiguousarray(pixels[..., :1]) if gray else pixels
    opacity = None
    if alpha:
        opacity = gradient_alpha().astype(np.uint16) * 257 if deep else gradient_alpha()
    back = decode(encode(Image(pixels, opacity)), LIMITS)
    assert np.array_equal(back.pixels, pixels)
    assert back.pixels.dtype == pixels.dtype
    assert np.array_equal(back.alpha, opacity) if opacity is not None else back.alpha is None


def test_png_carries_the_profile() -> None:
    profile = wide_gamut_profile()
    back = decode(encode(Image(photo(), icc=profile)), LIMITS)
    assert back.icc == profile
    assert np.array_equal(back.pixels, photo())


def test_lossless_webp_is_bit_identical_with_alpha() -> None:
    back = decode(encode(Image(photo(), gradient_alpha(), icc=wide_gamut_profile()), Saving(MediaFormat.WEBP)), LIMITS)
    assert np.array_equal(back.pixels, photo())
    assert np.array_equal(back.alpha, gradient_alpha())
    assert back.icc == wide_gamut_profile()


def test_lossy_formats_are_close() -> None:
    for format_ in (MediaFormat.JPEG, MediaFormat.WEBP):
        back = decode(encode(Image(photo()), Saving(format_, quality=95, lossless=False)), LIMITS)
        assert np.abs(back.pixels.astype(int) - photo()).mean() < 4


def test_jpeg_lays_alpha_over_the_background() -> None:
    data = encode(Image(photo(), np.zeros((120, 160), np.uint8)), Saving(MediaFormat.JPEG, background=(255, 0, 0)))
    back = decode(data, LIMITS)
    assert back.alpha is None
    assert np.abs(back.pixels.astype(int) - (255, 0, 0)).max() <= 3


def test_sixteen_bits_become_eight_where_the_format_has_no_more() -> None:
    back = decode(encode(Image(deep_photo()), Saving(MediaFormat.WEBP)), LIMITS)
    assert back.bit_depth == 8
    assert np.abs(back.pixels - deep_photo() / 257).max() <= 0.5


def test_metadata_is_kept_upright_and_without_the_old_thumbnail() -> None:
    thumbnail = written(photo(32, 32), "JPEG")
    source = decode(written(photo(), "JPEG", exif=exif(6, thumbnail=thumbnail), dpi=(300, 300)), LIMITS)
    for format_ in (MediaFormat.PNG, MediaFormat.JPEG, MediaFormat.WEBP):
        data = encode(source, Saving(format_))
        opened = PillowImage.open(io.BytesIO(data))
        tags = opened.getexif()
        assert tags[0x010F] == "Darkroom"
        assert tags.get(0x0112, 1) == 1
        assert thumbnail[64:256] not in data
        assert decode(data, LIMITS).pixels.shape == source.pixels.shape


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize(
    "saving",
    [
        *(Saving(each) for each in (MediaFormat.JPEG, MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.TIFF, MediaFormat.HEIC)),
        *(Saving(compact=compact, colours=colours) for compact in (False, True) for colours in (None, 16)),
        Saving(max_bytes=9000),
        Saving(dpi=300),
    ],
)
def test_no_file_of_turned_pixels_says_to_turn_them(saving: Saving) -> None:
    turned = decode(written(photo(), "JPEG", exif=exif(6), xmp=XMP), LIMITS)
    data = encode(turned, saving)
    pillow_heif.register_heif_opener()
    with PillowImage.open(io.BytesIO(data)) as picture:
        assert picture.size == (120, 160)
        assert picture.getexif().get(0x0112, 1) == 1
        assert saving.format is MediaFormat.TIFF or picture.getexif()[0x010F] == "Darkroom"
    assert b'tiff:Orientation="6"' not in data
    assert (decode(data, LIMITS).width, decode(data, LIMITS).height) == (120, 160)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('tiff:Orientation="6"', 'tiff:Orientation="1"'),
        ("tiff:Orientation = ' 8 '", "tiff:Orientation = ' 1 '"),
        ("<tiff:Orientation>\n 3 </tiff:Orientation>", "<tiff:Orientation>\n 1 </tiff:Orientation>"),
        ('<tiff:Orientation rdf:datatype="x">5<', '<tiff:Orientation rdf:datatype="x">1<'),
        ('tiff:Orientation="1" tiff:XResolution="6"', 'tiff:Orientation="1" tiff:XResolution="6"'),
    ],
)
def test_every_form_of_the_orientation_in_xmp_is_set(said: str, left: str) -> None:
    assert as_upright(said.encode()) == left.encode()
    for encoding in ("utf-16-le", "utf-16-be"):
        assert as_upright(said.encode(encoding)) is None
        assert as_upright("<rdf:li/>".encode(encoding)) is not None


def test_metadata_is_left_out_on_request_and_the_profile_stays() -> None:
    image = Image(photo(), icc=wide_gamut_profile(), metadata=Metadata(exif=exif(1), xmp=b"<x:xmpmeta/>"))
    for format_ in (MediaFormat.PNG, MediaFormat.JPEG, MediaFormat.WEBP):
        data = encode(image, Saving(format_, keep_metadata=False))
        assert b"Darkroom" not in data
        bare = decode(data, LIMITS)
        assert bare.icc == image.icc
        assert bare.metadata.exif is None
        assert bare.metadata.xmp is None
        assert decode(encode(image, Saving(format_)), LIMITS).metadata.xmp == b"<x:xmpmeta/>"


def test_a_damaged_exif_block_does_not_stop_the_picture() -> None:
    data = written(photo(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")
    image = decode(data, LIMITS)
    assert decode(encode(image), LIMITS).pixels.shape == image.pixels.shape


def test_gray_profiles_stay_with_gray_and_are_applied_where_gray_cannot_be_stored() -> None:
    # In linear light, half of white is light gray.
    image = Image(np.full((16, 16, 1), 128, np.uint8), icc=gray_profile(gamma=1.0))
    assert abs(int(image.srgb()[0, 0, 0]) - 188) <= 1
    png = decode(encode(image), LIMITS)
    assert png.is_gray
    assert png.icc == image.icc
    webp = decode(encode(image, Saving(MediaFormat.WEBP)), LIMITS)
    assert webp.icc is None
    assert np.array_equal(webp.srgb(), image.srgb())


def test_sides_longer_than_the_format_holds_are_refused() -> None:
    image = Image(np.zeros((1, 20_000, 3), np.uint8))
    with pytest.raises(DarkroomError) as raised:
        encode(image, Saving(MediaFormat.WEBP))
    assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    assert raised.value.allowed == ("at most 16383 pixels a side in webp",)


def test_formats_that_are_only_read_are_refused() -> None:
    with pytest.raises(DarkroomError) as raised:
        encode(Image(photo()), Saving(MediaFormat.BMP))
    assert raised.value.reason is ErrorReason.MEDIA_UNSUPPORTED
    assert raised.value.allowed == ("jpeg", "png", "webp", "gif", "tiff", "heic", "heif", "avif")


@pytest.mark.parametrize("format_", [MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.JPEG])
def test_samples_in_a_file_are_encoded_into_a_file_as_those_in_memory(format_: MediaFormat, tmp_path: Path) -> None:
    spool = Spool(tmp_path, in_memory_bytes=0)
    pixels, alpha = spool.empty((120, 160, 3), np.uint8), spool.empty((120, 160), np.uint8)
    pixels[:], alpha[:] = photo(), gradient_alpha()
    encode_into(tmp_path / "result", Image(pixels, alpha, icc=wide_gamut_profile()), Saving(format_))
    assert (tmp_path / "result").read_bytes() == encode(Image(photo(), gradient_alpha(), icc=wide_gamut_profile()), Saving(format_))


@pytest.mark.parametrize("format_", [MediaFormat.PNG, MediaFormat.WEBP])
def test_quick_files_hold_the_same_pixels(format_: MediaFormat) -> None:
    image = Image(photo(), gradient_alpha())
    back = decode(encode(image, Saving(format_, effort=Effort.LITTLE)), LIMITS)
    assert np.array_equal(back.pixels, image.pixels)
    assert np.array_equal(back.alpha, image.alpha)
    assert encode(image, Saving(format_, effort=Effort.LITTLE)) != encode(image, Saving(format_))
