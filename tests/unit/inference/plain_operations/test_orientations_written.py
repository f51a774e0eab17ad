"""Files made of turned pixels: by every format and every way of writing it, none says that its pixels are to be turned."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
import pypdfium2
import pytest
import pyvips
from PIL import Image as PillowImage
from PIL import ImageOps, TiffImagePlugin

from services.inference.media.metadata_read import metadata_in
from services.inference.pipeline.run import Product
from services.pictures.operations import Arity, specs
from tests.unit.imaging.pictures import exif, written
from tests.unit.inference.plain_operations.running import LIMITS, Running

_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
_SAID = re.compile(rb"""Orientation\s*(?:=\s*["']|[^<>]*>)\s*(\d)""")
_SIDES = (72, 104)
"""Height and width."""
_WAYS: Mapping[str, list[dict[str, Any]]] = {
    "JPEG": [{}, {"progressive": False}, {"quality": 40}, {"quick": True}, {"color_space": "COLOR_SPACE_CMYK"}, {"max_bytes": 4000}],
    "PNG": [{}, {"compact": True}, {"max_colors": 64}, {"progressive": True}, {"compression": "PNG_COMPRESSION_BEST"}, {"max_bytes": 9000}],
    "WEBP": [{}, {"lossless": True}, {"quick": True}, {"quality": 40}, {"max_bytes": 4000}],
    "AVIF": [{}, {"lossless": True}, {"quick": True}, {"quality": 40}, {"max_bytes": 4000}],
    "TIFF": [{}, {"quality": 60}, {"lossless": False}, {"color_space": "COLOR_SPACE_CMYK"}],
    "GIF": [{}, {"max_colors": 32}, {"max_bytes": 9000}],
    "HEIC": [{}, {"lossless": True}, {"quality": 40}, {"max_bytes": 9000}],
    "HEIF": [{}],
    "KEPT": [{}, {"compact": True}, {"webp_quality": 40, "avif_quality": 40}],
}
_BESIDES: list[dict[str, Any]] = [
    {},
    {"dpi": 300},
    *({f"strip_{part}": True} for part in ("exif", "location", "profile", "xmp", "metadata")),
]
_KINDS = ("jpg", "png", "webp", "tif", "heic", "avif")


def _picture() -> npt.NDArray[np.uint8]:
    """Four fields in a few colours, which no turn keeps."""
    pixels = np.zeros((*_SIDES, 3), np.uint8)
    pixels[:36, :52], pixels[36:, :52], pixels[:36, 52:], pixels[36:, 52:] = (220, 40, 40), (40, 200, 60), (50, 60, 230), (240, 240, 235)
    return pixels


def _stored(kind: str) -> bytes:
    """A file that is stored turned, and says so in Exif and XMP."""
    lying = PillowImage.fromarray(_picture()).transpose(PillowImage.Transpose.ROTATE_90)
    match kind:
        case "heic":
            buffer = io.BytesIO()
            pillow_heif.from_pillow(lying).save(buffer, quality=-1, exif=exif(6), xmp=_XMP)
            return buffer.getvalue()
        case "tif":
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[0x0112], tags[0x02BC] = 6, _XMP
            return written(lying, "TIFF", tiffinfo=tags)
    how: dict[str, Any] = {"lossless": True} if kind == "webp" else {} if kind == "png" else {"quality": 100}
    return written(lying, {"jpg": "JPEG"}.get(kind, kind.upper()), exif=exif(6), xmp=_XMP, **how)


def _files(made: Product) -> Iterator[tuple[str, bytes]]:
    for each in (made, *made.attachments):
        assert isinstance(each.content, bytes)
        if each.media_type == "application/zip":
            with zipfile.ZipFile(io.BytesIO(each.content)) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist())
        else:
            yield each.name, each.content


def _says_upright(content: bytes) -> None:
    """Fail if any reader would turn the picture."""
    pillow_heif.register_heif_opener()
    with PillowImage.open(io.BytesIO(content)) as opened:
        assert opened.getexif().get(0x0112, 1) in (0, 1)
        packet = opened.info.get("xmp", b"")
    with_libvips = content[4:8] != b"ftyp" and content[:4] != b"\0\0\1\0"
    if with_libvips:
        image = pyvips.Image.new_from_buffer(content, "")
        assert not image.get_typeof("orientation") or image.get("orientation") == 1
    assert set(_SAID.findall(packet if isinstance(packet, bytes) else packet.encode())) <= {b"1"}
    assert set(_SAID.findall(content)) <= {b"1"}
    told = metadata_in(content, LIMITS)
    assert told.get("exif", {}).get("Orientation", 1) == 1
    assert told.get("xmp", {}).get("tiff:Orientation", "1") == "1"


def _looks_like(content: bytes, upright: npt.NDArray[Any]) -> None:
    with PillowImage.open(io.BytesIO(content)) as opened:
        seen = np.asarray(ImageOps.exif_transpose(opened).convert("RGB")).astype(int)
    assert seen.shape == upright.shape
    assert np.abs(seen - upright).mean() < 30


@pytest.mark.cases(12)
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(("format_", "way"), [(format_, number) for format_, ways in _WAYS.items() for number in range(len(ways))])
async def test_a_converted_file_is_upright_also_when_it_goes_on(running: Running, format_: str, way: int, kind: str) -> None:
    data = _stored(kind)
    for besides in _BESIDES:
        convert = {"format": f"PICTURE_FORMAT_{format_}", **_WAYS[format_][way], **besides}
        made = await running.product(data, {"convert": convert}, name=f"photo.{kind}", twice=False)
        assert isinstance(made.content, bytes)
        _looks_like(made.content, _picture())
        if made.content == data:
            # It would have become larger: nobody has turned its pixels, so it still says how they lie.
            assert ("not_smaller", "") in running.notices and not {*besides}
            continue
        _says_upright(made.content)
        again = await running.product(made.content, {"resize": {"width": 52}}, name=made.name, twice=False)
        assert isinstance(again.content, bytes)
        _says_upright(again.content)
        _looks_like(again.content, _picture()[::2, ::2])


_OPERATIONS: Mapping[str, dict[str, Any]] = {
    "resize": {"width": 52},
    "split": {"columns": 2, "rows": 2},
    "favicons": {},
    "stitch": {},
    "collage": {"template": "COLLAGE_TEMPLATE_2_H_EQUAL", "width": 120, "height": 90},
    "extract_frame": {},
    "extract_frames": {},
    "compare": {},
    "rasterize": {"width": 90},
    "smart_crop": {"width": 60, "height": 60},
}


@pytest.mark.cases(8)
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("name", _OPERATIONS)
async def test_files_of_other_operations_are_upright(running: Running, name: str, kind: str) -> None:
    data, operation = _stored(kind), {name: _OPERATIONS[name]}
    if specs()[name].arity is Arity.ALL:
        made = await running.joined({f"a.{kind}": data, f"b.{kind}": data}, operation)
    else:
        made = await running.product(data, operation, name=f"photo.{kind}", twice=False)
    pictures = [(name, content) for name, content in _files(made) if not name.endswith((".json", ".html", ".webmanifest", ".txt", ".xml"))]
    assert pictures
    for _, content in pictures:
        _says_upright(content)


@pytest.mark.parametrize("kind", _KINDS)
async def test_pages_of_pictures_are_upright(running: Running, kind: str) -> None:
    made = await running.joined({f"a.{kind}": _stored(kind)}, {"make_pdf": {"paper_size": "PAPER_SIZE_A4"}})
    assert isinstance(made.content, bytes)
    page = pypdfium2.PdfDocument(made.content)[0].render().to_numpy()[..., ::-1].astype(int)
    # It is in the middle, and a pixel is a point.
    top, left = ((whole - side) // 2 for whole, side in zip(page.shape, _SIDES, strict=False))
    assert np.abs(page[top + 2 : top + 70, left + 2 : left + 102] - _picture()[2:70, 2:102]).mean() < 8


@pytest.mark.parametrize("kind", _KINDS)
async def test_changed_metadata_leave_pixels_and_their_orientation(running: Running, kind: str) -> None:
    data = _stored(kind)
    made = await running.product(data, {"edit_metadata": {"artist": "A"}}, name=f"photo.{kind}")
    assert isinstance(made.content, bytes)
    with PillowImage.open(io.BytesIO(made.content)) as after, PillowImage.open(io.BytesIO(data)) as before:
        assert after.getexif().get(0x0112) == before.getexif().get(0x0112)
        assert np.array_equal(np.asarray(after), np.asarray(before))
    _looks_like(made.content, _picture())
