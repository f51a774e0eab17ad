"""Pictures that are written while they are read: the same file as if they had been in memory in between."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from PIL import Image as PillowImage

from services.inference.media import Image, LazyImage, Limits, Saving, encode, in_memory
from services.inference.media.decode import open_scaled
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import PORTRAIT, deep_photo, exif, gray_profile, one_way_profile, photo, wide_gamut_profile, written


def _portrait(mode: str, format_: str, **options: object) -> bytes:
    with PillowImage.open(PORTRAIT) as portrait:
        return written(portrait.crop((100, 20, 260, 140)).convert(mode), format_, **options)


SOURCES: Mapping[str, Callable[[], bytes]] = {
    "JPEG": lambda: _portrait("RGB", "JPEG", quality=90),
    "progressive JPEG with a profile and Exif": lambda: _portrait(
        "RGB", "JPEG", progressive=True, icc_profile=wide_gamut_profile(), exif=exif(1), dpi=(300, 300)
    ),
    "gray JPEG": lambda: _portrait("L", "JPEG"),
    "gray JPEG with a profile": lambda: _portrait("L", "JPEG", icc_profile=gray_profile()),
    "CMYK JPEG": lambda: _portrait("CMYK", "JPEG"),
    "PNG": lambda: _portrait("RGB", "PNG"),
    "PNG with a palette": lambda: _portrait("P", "PNG"),
    "PNG of one bit": lambda: _portrait("1", "PNG"),
    "GIF": lambda: _portrait("P", "GIF"),
    "WebP": lambda: _portrait("RGB", "WEBP"),
    "TIFF": lambda: _portrait("RGB", "TIFF"),
}
SAVINGS: Mapping[str, Saving] = {
    "PNG": Saving(),
    "JPEG": Saving(MediaFormat.JPEG, quality=80),
    "progressive JPEG without metadata": Saving(MediaFormat.JPEG, progressive=True, keep_metadata=False),
    "JPEG in CMYK": Saving(MediaFormat.JPEG, cmyk="cmyk"),
    "JPEG with a resolution": Saving(MediaFormat.JPEG, dpi=144),
    "WebP": Saving(MediaFormat.WEBP, lossless=False),
    "AVIF": Saving(MediaFormat.AVIF, lossless=False),
    "TIFF": Saving(MediaFormat.TIFF),
}


def _opened(content: bytes, wanted: Size | None) -> Image | LazyImage:
    return open_scaled(content, Limits(), lambda _size: wanted)[0]


CASES = [(source, saving) for source in SOURCES for saving in ("PNG", "JPEG")]
CASES += [(source, saving) for source in ("PNG", "gray JPEG with a profile") for saving in SAVINGS if saving not in ("PNG", "JPEG")]


@pytest.mark.cases(40)
@pytest.mark.parametrize("wanted", [None, (80, 60)])
@pytest.mark.parametrize(("source", "saving"), CASES)
def test_the_file_is_that_of_the_picture_in_memory(source: str, saving: str, wanted: Size | None) -> None:
    opened = _opened(SOURCES[source](), wanted)
    assert isinstance(opened, LazyImage)
    whole = in_memory(_opened(SOURCES[source](), wanted))
    assert (opened.width, opened.height, opened.is_gray) == (whole.width, whole.height, whole.is_gray)
    for field in dataclasses.fields(opened):
        assert field.name in ("graph", "from_file", "rest_is_sound") or getattr(opened, field.name) == getattr(whole, field.name), (
            field.name
        )
    assert encode(opened, SAVINGS[saving]) == encode(whole, SAVINGS[saving])


@pytest.mark.parametrize(
    "content",
    [
        _portrait("RGB", "JPEG", exif=exif(6)),
        _portrait("RGBA", "PNG"),
        encode(Image(deep_photo())),
        _portrait("RGB", "JPEG", icc_profile=one_way_profile()),
    ],
    ids=["turned", "with alpha", "16 bits", "with a profile by tables"],
)
def test_a_picture_that_needs_more_than_its_rows_in_turn_is_in_memory(content: bytes) -> None:
    assert isinstance(_opened(content, None), Image)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_picture_is_refused_when_it_is_written(format_: str) -> None:
    content = written(photo(600, 800), format_)
    content = content[: int(len(content) * 0.9)]
    for use in (in_memory, encode):
        with pytest.raises(DarkroomError) as raised:
            use(_opened(content, None))
        assert raised.value.reason is ErrorReason.FILE_CORRUPT
        assert raised.value.message == f"The {MediaFormat[format_]} picture is truncated or damaged."


def test_a_jpeg_with_an_end_is_as_damaged_in_any_part_as_in_whole() -> None:
    content, chance = _portrait("RGB", "JPEG", quality=90), random.Random(51)
    found = Counter[tuple[bool, bool]]()
    for _ in range(200):
        damaged = bytearray(content)
        for at in (chance.randrange(2, len(content) - 4) for _ in range(chance.randint(1, 4))):
            damaged[at : at + 2] = bytes((chance.choice((0xFF, chance.randrange(256))), chance.randrange(256)))
        try:
            images = [_opened(bytes(damaged), None) for _ in range(2)]
        except DarkroomError:
            continue
        part, whole = images
        assert isinstance(part, LazyImage)
        assert part.rest_is_sound
        found[_fails(dataclasses.replace(part, graph=part.graph.extract_area(5, 0, 20, 9))), _fails(whole)] += 1
    assert found.keys() <= {(False, False), (True, True)}
    assert found[False, False] > 100


def _fails(image: Image | LazyImage) -> bool:
    try:
        in_memory(image)
    except DarkroomError:
        return True
    return False
