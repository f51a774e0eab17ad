"""Operations that are one graph make the same samples as each by itself, with a whole picture in memory between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from PIL import Image as PillowImage

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.adjust_pb2 import Adjust
from darkroom.operations.v1.color_adjust_pb2 import COLOR_EFFECT_INVERT, COLOR_EFFECT_SEPIA, ColorAdjust
from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_PNG, PICTURE_FORMAT_WEBP, Convert
from darkroom.operations.v1.crop_pb2 import Crop, PixelArea
from darkroom.operations.v1.draw_text_pb2 import DrawText
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_CROP, POSITION_SMART
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from darkroom.operations.v1.sharpen_pb2 import SHARPEN_METHOD_UNSHARP_MASK, Sharpen
from services.inference.media import Image, LazyImage, Limits, as_graph, encode
from services.inference.media.decode import decode, open_scaled
from services.inference.pipeline import isolated
from services.inference.pipeline.one_graph import can_join, first_scaling, size_after
from services.pictures.geometry import Size
from services.pictures.operations import spec_of_parameters
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import PORTRAIT, deep_photo, exif, gray_profile, photo, wide_gamut_profile, written

SMALLER, LARGER, PART = Resize(width=70), Resize(width=150), Crop(area=PixelArea(left=7, top=5, width=40, height=33))
FRAMED, LIGHTER, FILTERED = Pad(horizontal=4, vertical=3, color="#3366cc"), Adjust(exposure=20), ColorAdjust(brightness=9, saturation=-20)
TURNED, AS_PNG = Rotate(angle=90), Convert(format=PICTURE_FORMAT_PNG)
CHAINS: Sequence[Sequence[Message]] = [
    [SMALLER, LIGHTER, FRAMED, FILTERED],
    [PART, LARGER, FRAMED, PART],
    [SMALLER, TURNED, LIGHTER, Resize(width=30)],
    [PART, Resize(width=31, height=20, fit=FIT_CROP), TURNED],
    [Resize(width=60, height=60, fit=FIT_CANVAS, background="#808080"), ColorAdjust(effect=COLOR_EFFECT_INVERT), PART],
    [FRAMED, Convert(format=PICTURE_FORMAT_WEBP, lossless=True), SMALLER],
    [PART, Sharpen(method=SHARPEN_METHOD_UNSHARP_MASK), Pad(horizontal=3, vertical=9, keep_size=True)],
    [SMALLER, Pad(horizontal=5, color="transparent"), LIGHTER, TURNED],
    [SMALLER, DrawText(text="A", font_size=20), ColorAdjust(effect=COLOR_EFFECT_SEPIA), FRAMED],
]


def _portrait(mode: str, format_: str, **options: Any) -> bytes:
    with PillowImage.open(PORTRAIT) as portrait:
        return written(portrait.crop((150, 100, 261, 190)).convert(mode), format_, **options)


SOURCES: Mapping[str, Callable[[], bytes]] = {
    "JPEG": lambda: _portrait("RGB", "JPEG", icc_profile=wide_gamut_profile()),
    "turned": lambda: _portrait("RGB", "JPEG", exif=exif(6)),
    "gray": lambda: _portrait("L", "JPEG", icc_profile=gray_profile()),
    "palette": lambda: _portrait("P", "PNG"),
    "alpha": lambda: encode(_with_alpha()),
    "16 bits": lambda: encode(Image(deep_photo()[:90, :111])),
}


def _with_alpha() -> Image:
    pixels = decode(_portrait("RGB", "PNG"), Limits()).pixels
    return Image(pixels, np.linspace(0, 255, pixels.size // 3, dtype=np.uint8).reshape(pixels.shape[:2]))


def _worked(folder: Path, content: bytes, operations: Sequence[Message]) -> bytes:
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    sent = [operation_pb2.Operation(**{spec_of_parameters(each).name: each}).SerializeToString() for each in operations]
    asked = isolated.PictureJob(tuple(sent), "a", Limits(), Limits())
    isolated.work(source, target, asked, lambda *_: None)
    return target.read_bytes()


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_samples_as_one_by_one(tmp_path: Path, source: str) -> None:
    for chain in CHAINS:
        content = SOURCES[source]()
        found = decode(_worked(tmp_path, content, [*chain, AS_PNG]), Limits())
        for each in chain:
            content = _worked(tmp_path, content, [each, AS_PNG])
        expected = decode(content, Limits())
        assert np.array_equal(found.pixels, expected.pixels), chain
        assert (found.alpha is None) == (expected.alpha is None)
        assert found.alpha is None or np.array_equal(found.alpha, expected.alpha)


def _opened(content: bytes) -> LazyImage:
    opened, _ = open_scaled(content, Limits(), lambda _size: None)
    assert isinstance(opened, LazyImage)
    return opened


_UNREAD, _CUT_OFF = _opened(_portrait("RGB", "JPEG")), _opened(_portrait("RGB", "JPEG")[:-100])
_UNREAD_PNG, _READ, _JOINED = _opened(_portrait("RGB", "PNG")), Image(photo()), as_graph(Image(photo()))
_CLEAR, _WIDE, _GRAY = Image(photo(), photo()[..., 0]), Image(deep_photo()), Image(photo()[..., :1])


@pytest.mark.parametrize(
    ("operation", "image", "expected"),
    [
        (AS_PNG, _UNREAD, True),
        (FRAMED, _UNREAD, True),
        (Pad(horizontal=4, vertical=4, keep_size=True), _UNREAD, False),
        (Pad(horizontal=4, vertical=4, keep_size=True), _READ, True),
        (Pad(horizontal=4, color="transparent"), _READ, False),
        (FRAMED, _GRAY, False),
        (Pad(horizontal=4), _GRAY, True),
        (FRAMED, _CLEAR, False),
        (FRAMED, _WIDE, False),
        (PART, _UNREAD, True),
        (PART, _CUT_OFF, False),
        (PART, _UNREAD_PNG, False),
        (PART, _READ, True),
        (PART, _JOINED, True),
        (Crop(aspect_ratio="1:1", position=POSITION_SMART), _READ, False),
        (SMALLER, _UNREAD, False),
        (SMALLER, _JOINED, False),
        (SMALLER, _READ, True),
        (Resize(width=20, height=20, fit=FIT_CROP), _READ, True),
        (Resize(width=20, height=20, fit=FIT_CROP, position=POSITION_SMART), _READ, False),
        (Resize(width=20, height=90, fit=FIT_CROP), _UNREAD, True),
        (Resize(width=20, height=90, fit=FIT_CROP), _CUT_OFF, False),
        (Resize(width=20, height=20, fit=FIT_CANVAS, background="transparent"), _READ, False),
        (LIGHTER, _UNREAD, True),
        (Adjust(sharpness=3), _READ, False),
        (FILTERED, _JOINED, True),
        (ColorAdjust(sharpness=3), _JOINED, False),
        (ColorAdjust(temperature=3), _GRAY, False),
        (TURNED, _READ, False),
    ],
)
def test_what_joins_takes_its_samples_in_turn(operation: Message, image: Image | LazyImage, *, expected: bool) -> None:
    assert can_join(operation, image, None, changed=True) == expected


def test_what_may_change_nothing_is_compared_in_memory() -> None:
    for operation in (LIGHTER, FILTERED, Pad(horizontal=4, vertical=4, keep_size=True)):
        assert can_join(operation, _READ, None, changed=True)
        assert not can_join(operation, _READ, None, changed=False)


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([SMALLER], (70, 35)),
        ([AS_PNG, Rotate(mirror_vertically=True), SMALLER], (70, 35)),
        ([TURNED, SMALLER], (140, 70)),
        ([TURNED, Rotate(angle=270), SMALLER], (70, 35)),
        ([TURNED, Rotate(angle=180), SMALLER], (140, 70)),
        ([Rotate(angle=1), SMALLER], None),
        ([PART, SMALLER], None),
        ([TURNED], None),
    ],
)
def test_quarter_turns_come_after_the_first_resize(operations: Sequence[Message], expected: Size | None) -> None:
    assert first_scaling(operations, (200, 100)) == expected


def test_a_resize_after_a_turn_counts_from_the_whole_picture() -> None:
    assert size_after(TURNED, (200, 100)) == (100, 200)
    assert size_after(SMALLER, (200, 100)) is None
    assert size_after(TURNED, None) is None


@pytest.mark.parametrize("chain", [[PART], [SMALLER, PART], [FRAMED, LIGHTER], [TURNED, SMALLER]])
def test_damage_is_found_wherever_it_is(tmp_path: Path, chain: Sequence[Message]) -> None:
    content = written(photo(600, 800), "JPEG")
    with pytest.raises(DarkroomError) as raised:
        _worked(tmp_path, content[: int(len(content) * 0.9)], chain)
    assert raised.value.reason is ErrorReason.FILE_CORRUPT
