"""Headers of rarer formats: sizes, alpha, faults, and what a refusal says to programs."""

from __future__ import annotations

import io
import random
import struct
from functools import partial

import numpy as np
import pyjpegxl
import pytest
from PIL import Image as PillowImage
from psd_tools import PSDImage

from services.pictures.media_format import MediaFormat, Use
from services.pictures.probe.child import probe
from services.pictures.probe.model import Probe
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from tests.unit.imaging import rare_files
from tests.unit.imaging.pictures import photo, written
from tests.unit.probe import specimens
from tests.unit.probe.test_probe import examine

PIXELS = photo(61, 97)
ALPHA = np.dstack([PIXELS, PIXELS[..., :1]])
PLANES = list(np.moveaxis(ALPHA, 2, 0))


ENDLESS = ("jxl", "jxl alpha", "jxl gray alpha", "jxl lossy", "hdr", "tga packed")
"""Files whose headers do not say how many bytes they have."""


def psd_tools_file(mode: str) -> bytes:
    buffer = io.BytesIO()
    PSDImage.frompil(PillowImage.fromarray(ALPHA).convert(mode)).save(buffer)
    return buffer.getvalue()


PICTURES = {
    "heif": (partial(rare_files.heif, PIXELS), "", "image/heic", False),
    "jxl": (partial(rare_files.jxl, PIXELS), "", "image/jxl", False),
    "jxl alpha": (partial(rare_files.jxl, ALPHA), "", "image/jxl", True),
    "jxl gray alpha": (partial(rare_files.jxl, ALPHA[..., :2]), "", "image/jxl", True),
    "jxl container": (partial(rare_files.jxl, PIXELS.astype(np.uint16) * 257), "", "image/jxl", False),
    "jxl container alpha": (partial(rare_files.jxl, ALPHA.astype(np.uint16) * 257), "", "image/jxl", True),
    "jxl float": (partial(rare_files.jxl, PIXELS.astype(np.float32) / 255), "", "image/jxl", False),
    "jxl lossy": (lambda: bytes(pyjpegxl.encode_from_numpy(PIXELS)), "", "image/jxl", False),
    "ico": (lambda: rare_files.ico(PillowImage.fromarray(PIXELS)), "", "image/vnd.microsoft.icon", True),
    "ico png": (lambda: rare_files.ico(PillowImage.fromarray(PIXELS), bitmap=False), "", "image/vnd.microsoft.icon", True),
    "psd": (partial(rare_files.psd, PLANES[:3], 3), "", "image/vnd.adobe.photoshop", False),
    "psd packed": (partial(rare_files.psd, PLANES, 3, packed=True), "", "image/vnd.adobe.photoshop", True),
    "psb": (partial(rare_files.psd, PLANES[:3], 3, packed=True, large=True), "", "image/vnd.adobe.photoshop", False),
    "psd by another program": (partial(psd_tools_file, "RGB"), "", "image/vnd.adobe.photoshop", False),
    "exr": (partial(rare_files.exr, rare_files.light_of(PIXELS)), "", "image/x-exr", False),
    "exr alpha": (partial(rare_files.exr, rare_files.light_of(ALPHA), "RGBA"), "", "image/x-exr", True),
    "hdr": (partial(rare_files.hdr, rare_files.light_of(PIXELS)), "", "image/vnd.radiance", False),
    "tga": (partial(rare_files.tga, PIXELS), "a.tga", "image/x-tga", False),
    "tga alpha": (partial(rare_files.tga, ALPHA), "a.tga", "image/x-tga", True),
    "tga packed": (partial(rare_files.tga, PIXELS, compression="tga_rle"), "a.tga", "image/x-tga", False),
    "tga palette": (lambda: rare_files.tga(PillowImage.fromarray(PIXELS).convert("P")), "a.tga", "image/x-tga", False),
    **{each: (partial(rare_files.dng, PIXELS), f"a.{each}", each.media_type, False) for each in MediaFormat if Use.DEVELOPED in each.use},
}


def found_in(data: bytes, name: str = "") -> Probe:
    return probe(lambda offset, length: data[offset : offset + length], len(data), name=name)


def refused(data: bytes, name: str = "") -> DarkroomError:
    with pytest.raises(DarkroomError) as caught:
        found_in(data, name)
    return caught.value


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures(kind: str) -> None:
    make, name, media_type, has_alpha = PICTURES[kind]
    found = found_in(make(), name)
    assert found == Probe(media_type=media_type, width=97, height=61, frames=1, has_alpha=has_alpha)


@pytest.mark.cases(4)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (256, 256), (8, 600), (3000, 7), (1600, 900), (70_001, 2)])
def test_sizes_of_jpeg_xl(size: tuple[int, int]) -> None:
    found = found_in(rare_files.jxl(np.zeros((size[1], size[0], 3), np.uint8)))
    assert (found.width, found.height) == size


def test_the_largest_picture_of_an_icon_counts() -> None:
    pictures = [PillowImage.new("RGBA", (side, side), "red") for side in (16, 256, 48)]
    for bitmap in (False, True):
        found = found_in(rare_files.ico(*pictures, bitmap=bitmap))
        assert (found.width, found.height) == (256, 256)


@pytest.mark.parametrize(("line", "size"), [(b"-Y 3 +X 5", (5, 3)), (b"+X 3 -Y 5", (3, 5))])
def test_orders_of_radiance(line: bytes, size: tuple[int, int]) -> None:
    found = found_in(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + line + b"\n" + bytes(60))
    assert (found.width, found.height) == size


@pytest.mark.parametrize("kind", [each for each in PICTURES if each not in ENDLESS])
def test_truncated_headers_are_noticed(kind: str) -> None:
    make, name, *_ = PICTURES[kind]
    error = refused(make()[:60], name)
    assert (error.reason, error.metadata) == (ErrorReason.FILE_CORRUPT, {"problem": "unreadable"})


@pytest.mark.parametrize("kind", ["ico", "ico png", "psd", "tga", "tga alpha", "jxl container", "dng", "nef", "heif"])
def test_truncation_is_noticed(kind: str) -> None:
    make, name, *_ = PICTURES[kind]
    data = make()
    assert refused(data[: len(data) - 40], name).reason is ErrorReason.FILE_CORRUPT


BROKEN = {
    "psd without size": (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 0, 9, 8, 3), ""),
    "psd of 3 bits": (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 3, 3), ""),
    "exr without size": (b"\x76\x2f\x31\x01\2\0\0\0" + b"a\0b\0" + struct.pack("<I", 1) + b"x\0", ""),
    "exr whose attribute never ends": (b"\x76\x2f\x31\x01\2\0\0\0" + b"a\0b\0" + struct.pack("<I", 1 << 31), ""),
    "exr without names": (b"\x76\x2f\x31\x01\2\0\0\0" + b"a" * 900, ""),
    "hdr without size": (b"#?RADIANCE\n\n", ""),
    "hdr of no pixels": (b"#?RADIANCE\n\n-Y 0 +X 9\n", ""),
    "hdr of two heights": (b"#?RADIANCE\n\n-Y 9 +Y 9\n", ""),
    "jxl of nothing": (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x08free" * 5, ""),
    "jxl whose box is too short": (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x07free" * 5, ""),
    "jxl that holds something else": (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x18jxlc" + bytes(16), ""),
    "icon without pixels": (struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 40, 22) + bytes(40), ""),
    "raw without directories": (b"II*\0" + struct.pack("<I", 8) + b"\0\0" + bytes(40), "a.nef"),
    "raw in circles": (b"II*\0" + struct.pack("<IHHHII", 8, 1, 330, 4, 1, 8) + struct.pack("<I", 8), "a.arw"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_headers_are_noticed(kind: str) -> None:
    error = refused(*BROKEN[kind])
    assert (error.reason, error.metadata) == (ErrorReason.FILE_CORRUPT, {"problem": "unreadable"})


@pytest.mark.parametrize("kind", PICTURES)
def test_hostile_bytes_give_an_answer_or_a_typed_error(kind: str) -> None:
    make, name, *_ = PICTURES[kind]
    data, chance = make(), random.Random(5)
    for at in range(min(len(data), 300)):
        broken = bytearray(data)
        broken[at] = chance.choice((0, 1, 0x7F, 0xFF))
        try:
            assert found_in(bytes(broken), name).frames in (1, None)
        except DarkroomError as error:
            assert error.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED)
            assert error.metadata["problem"] in ("unreadable", "unrecognized", "unsupported")


def test_huge_sizes_are_told_and_cost_nothing() -> None:
    huge = 0x7FFFFFFF
    exr = rare_files.exr(rare_files.light_of(PIXELS)).replace(struct.pack("<4i", 0, 0, 96, 60), struct.pack("<4i", 0, 0, huge - 1, 0), 1)
    assert (found_in(exr).width, found_in(exr).height) == (huge, 1)
    targa = b"\0\0\x0a" + bytes(9) + struct.pack("<HHBB", 65_535, 1, 24, 0) + bytes(50)
    assert found_in(targa, "a.tga").width == 65_535
    assert found_in(b"#?RADIANCE\n\n-Y 999999999 +X 999999999\n").megapixels == pytest.approx(999_999_999**2 / 1e6)


@pytest.mark.parametrize(
    ("data", "name", "reason", "said"),
    [
        (b"", "", ErrorReason.FILE_CORRUPT, {"problem": "empty"}),
        (bytes(5000), "a.png", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "no_data"}),
        (bytes(5000), "a.tga", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "no_data"}),
        (b"\0", "a.nef", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "no_data"}),
        (b"hello, world", "a.jpg", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "unrecognized"}),
        (b"<html></html>", "a.svg", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "unrecognized"}),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a.jpg", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "unsupported", "format": "jp2"}),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "a.jpg", ErrorReason.MEDIA_UNSUPPORTED, {"problem": "unsupported", "format": "cr3"}),
        (written(PIXELS, "PNG")[:40], "a.png", ErrorReason.FILE_CORRUPT, {"problem": "unreadable"}),
    ],
)
def test_refusals_say_what_is_wrong(data: bytes, name: str, reason: ErrorReason, said: dict[str, str]) -> None:
    error = refused(data, name)
    assert (error.reason, error.metadata) == (reason, said)


def test_what_is_wrong_survives_a_call() -> None:
    from grpc import StatusCode
    from grpc.aio import AioRpcError, Metadata

    error = refused(bytes(10))
    passed = from_rpc(AioRpcError(StatusCode.INVALID_ARGUMENT, Metadata(), Metadata(*error.trailers())))
    assert passed.metadata == {"problem": "no_data"}


def test_entities_of_drawings() -> None:
    size = b'<!DOCTYPE svg [<!ENTITY w "40"><!ENTITY away SYSTEM "file:///etc/passwd">]><svg width="&w;" height="30"/>'
    assert (examine(size).width, examine(size).height) == (40, 30)
    assert refused(b'<!DOCTYPE svg [<!ENTITY a "&#38;"><!ENTITY b "&a;">]><svg width="&b;"/>').reason is ErrorReason.FILE_CORRUPT


def test_a_file_of_another_kind_than_its_name_says_is_what_it_is() -> None:
    for name in ("a.tga", "a.nef", "a.psd"):
        assert found_in(specimens.encoded("PNG"), name).media_type == "image/png"
