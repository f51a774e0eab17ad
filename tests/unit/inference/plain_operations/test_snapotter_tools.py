"""SnapOtter's tools of shape and format, from a file to a file: sizes, formats, colours, and what is left out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import pyvips
from google.protobuf.json_format import MessageToDict
from PIL import Image as PillowImage

from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools import registry
from services.inference.media import Image, decode, encode
from services.pictures.media_format import MediaFormat, sniff
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import deep_photo, exif, heic, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import LIMITS, Running, png

ALPHA = np.tile(np.clip(np.linspace(510, 0, 160), 0, 255).astype(np.uint8), (120, 1))


def _cmyk() -> bytes:
    picture = pyvips.Image.new_from_memory(photo().tobytes(), 160, 120, 3, "uchar").copy(interpretation="srgb")
    return bytes(picture.icc_export(output_profile="cmyk").jpegsave_buffer(Q=95))


INPUTS: Mapping[str, tuple[Callable[[], bytes], MediaFormat]] = {
    "jpeg": (lambda: written(photo(), "JPEG", quality=95), MediaFormat.JPEG),
    "turned jpeg": (lambda: written(np.rot90(photo()), "JPEG", quality=95, exif=exif(6)), MediaFormat.JPEG),
    "gray jpeg": (lambda: written(photo()[..., 1], "JPEG", quality=95), MediaFormat.JPEG),
    "cmyk jpeg": (_cmyk, MediaFormat.JPEG),
    "profiled jpeg": (lambda: written(photo(), "JPEG", quality=95, icc_profile=wide_gamut_profile()), MediaFormat.JPEG),
    "png": (lambda: png(photo()), MediaFormat.PNG),
    "png with alpha": (lambda: png(Image(photo(), ALPHA)), MediaFormat.PNG),
    "deep png": (lambda: png(deep_photo()), MediaFormat.PNG),
    "palette png": (lambda: written(PillowImage.fromarray(photo()).quantize(64), "PNG"), MediaFormat.PNG),
    "webp": (lambda: written(photo(), "WEBP", quality=95), MediaFormat.WEBP),
    "tiff": (lambda: written(photo(), "TIFF"), MediaFormat.TIFF),
    "gif": (lambda: written(PillowImage.fromarray(photo()).quantize(256), "GIF"), MediaFormat.GIF),
    "avif": (
        lambda: pyvips.Image.new_from_array(photo()).copy(interpretation="srgb").heifsave_buffer(compression="av1", Q=90),
        MediaFormat.AVIF,
    ),
    "heic": (lambda: heic(photo()), MediaFormat.PNG),
    "one pixel": (lambda: png(photo(1, 1)), MediaFormat.PNG),
}
"""Files, and what common results of them are written as."""
TOOLS: Mapping[str, dict[str, Any]] = {
    "resize": {},
    "crop": {"left": 0, "top": 0, "width": 100, "height": 50, "unit": "percent"},
    "rotate": {"angle": 30, "vertical": True},
    "border": {"borderWidth": 3, "padding": 2},
    "compress": {"quality": 60},
    "strip-metadata": {},
}


def tool(name: str, **settings: Any) -> list[dict[str, Any]]:
    """Its operations."""
    found = registry.TOOLS[name]
    plan = found.plan(read_settings(json.dumps(settings), found.settings), "photo.jpg")
    return [MessageToDict(operation, preserving_proto_field_name=True) for operation in plan.operations]


async def made(running: Running, data: bytes, name: str, **settings: Any) -> Image:
    return decode(await running.file(data, *tool(name, **settings)), LIMITS)


@pytest.mark.cases(12)
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", TOOLS)
async def test_every_tool_takes_every_picture_and_keeps_its_format(kind: str, name: str, running: Running) -> None:
    data, format_ = INPUTS[kind][0](), INPUTS[kind][1]
    source = decode(data, LIMITS)
    # Turned before or after it is scaled, a picture differs by rounding, and as a JPEG by what that rounds in turn.
    box = (160, 160) if kind == "turned jpeg" else (120, 120)
    settings = {"width": box[0], "height": box[1]} if name == "resize" else TOOLS[name]
    content = await running.file(data, *tool(name, **settings))
    result = decode(content, LIMITS)
    assert sniff(content) is format_
    width, height = source.width, source.height
    expected = {
        "resize": box,
        "crop": (width, max(1, height // 2)),
        "rotate": (round(width * 0.8660 + height * 0.5), round(width * 0.5 + height * 0.8660)),
        "border": (width + 10, height + 10),
    }
    assert (result.width, result.height) == expected.get(name, (width, height))
    assert (result.icc, result.metadata.exif, result.metadata.xmp) == (None, None, None)
    assert (result.alpha is not None) == (kind == "png with alpha")
    if name in ("compress", "strip-metadata", "border"):
        inner = result.pixels[5:-5, 5:-5] if name == "border" else result.pixels
        scale = 257 if result.bit_depth == 16 else 1
        shown = np.ones((height, width), bool) if source.alpha is None else source.alpha > 0
        assert np.abs(inner.astype(int) // scale - source.srgb())[shown].mean() < 9


@pytest.mark.cases(8)
@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"width": 80}, (80, 60)),
        ({"height": 90}, (120, 90)),
        ({"width": 80, "height": 80}, (80, 80)),
        ({"width": 80, "height": 80, "fit": "cover"}, (80, 80)),
        ({"width": 80, "height": 80, "fit": "fill"}, (80, 80)),
        ({"width": 80, "height": 80, "fit": "inside"}, (80, 60)),
        ({"width": 80, "height": 80, "fit": "outside"}, (107, 80)),
        ({"percentage": 50}, (80, 60)),
        ({"percentage": 31.25, "width": 5}, (50, 38)),
        ({"width": 400, "height": 60, "withoutEnlargement": True}, (160, 60)),
        ({"width": 400, "height": 400, "fit": "fill", "withoutEnlargement": True}, (160, 120)),
        ({"width": 400, "height": 60, "fit": "inside", "withoutEnlargement": True}, (80, 60)),
        ({"width": 400, "height": 60, "fit": "cover", "withoutEnlargement": True}, (160, 60)),
        ({"width": 400, "withoutEnlargement": True}, (160, 120)),
        ({"percentage": 300, "withoutEnlargement": True}, (160, 120)),
        ({"width": 320, "height": 320, "fit": "outside"}, (427, 320)),
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
async def test_resize_gives_these_sizes(settings: dict[str, Any], size: tuple[int, int], format_: str, running: Running) -> None:
    image = await made(running, written(photo(), format_), "resize", **settings)
    assert (image.width, image.height) == size


async def test_a_percentage_leaves_a_pixel(running: Running) -> None:
    for side, percentage in ((100, 0.1), (1, 1)):
        image = await made(running, png(photo(side, side)), "resize", percentage=percentage)
        assert (image.width, image.height) == (1, 1)


@pytest.mark.parametrize("alpha", [False, True])
async def test_contain_pads_with_opaque_black(alpha: bool, running: Running) -> None:
    image = await made(running, png(Image(photo(), ALPHA if alpha else None)), "resize", width=80, height=80)
    assert (image.pixels[:10] == 0).all()
    assert (image.pixels[-10:] == 0).all()
    assert image.pixels[10:70].mean() > 30
    if alpha:
        assert image.alpha is not None
        assert (image.alpha[:10] == 255).all()
        assert image.alpha[40, -1] < 10


async def test_crop_cuts_exactly_and_refuses_what_is_past_an_edge(running: Running) -> None:
    data = png(photo())
    image = await made(running, data, "crop", left=10, top=20, width=30, height=40)
    assert np.array_equal(image.pixels, photo()[20:60, 10:40])
    image = await made(running, data, "crop", left=25, top=50, width=75, height=12.5, unit="percent")
    assert np.array_equal(image.pixels, photo()[60:75, 40:])
    for settings in (
        {"left": 10, "top": 0, "width": 160, "height": 10},
        {"left": 0, "top": 1e9, "width": 1, "height": 1},
        {"left": 50, "top": 0, "width": 51, "height": 10, "unit": "percent"},
    ):
        with pytest.raises(DarkroomError) as raised:
            await made(running, data, "crop", **settings)
        assert raised.value.reason is ErrorReason.FIELD_INVALID


async def test_rotate_turns_clockwise_and_then_mirrors(running: Running) -> None:
    data = png(photo())
    assert np.array_equal((await made(running, data, "rotate", angle=90)).pixels, np.rot90(photo(), -1))
    assert np.array_equal((await made(running, data, "rotate", angle=-90, horizontal=True)).pixels, np.rot90(photo())[:, ::-1])
    assert (await made(running, data, "rotate", angle=45)).pixels[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("settings", [{"cornerRadius": 20}, {"shadow": True}])
async def test_round_corners_and_shadows_need_alpha(format_: str, settings: dict[str, Any], running: Running) -> None:
    content = await running.file(written(photo(), format_), *tool("border", **settings))
    assert sniff(content) is (MediaFormat.WEBP if format_ == "WEBP" else MediaFormat.PNG)
    image = decode(content, LIMITS)
    assert image.alpha is not None
    assert image.alpha[0, 0] < 20
    assert (image.width, image.height) == ((240, 200) if "shadow" in settings else (180, 140))


@pytest.mark.cases(10)
@pytest.mark.parametrize("format_", ["jpg", "png", "webp", "avif", "tiff", "gif", "heic", "heif"])
@pytest.mark.parametrize("kind", ["jpeg", "png with alpha", "deep png", "gray jpeg", "one pixel"])
async def test_every_format_is_written(format_: str, kind: str, running: Running) -> None:
    content = await running.file(INPUTS[kind][0](), *tool("convert", format=format_))
    sniffed = {"jpg": MediaFormat.JPEG, "heif": MediaFormat.HEIC}.get(format_) or MediaFormat(format_)
    assert sniff(content) is sniffed
    image = decode(content, LIMITS)
    source = decode(INPUTS[kind][0](), LIMITS)
    assert (image.width, image.height) == (source.width, source.height)
    assert (image.alpha is not None) == (kind == "png with alpha" and format_ != "jpg")
    shown = slice(None), slice(0, source.width // 3 + 1)
    scale = 257 if image.bit_depth == 16 else 1
    assert np.abs(image.pixels[shown].astype(int) // scale - source.srgb()[shown]).mean() < 6


async def test_an_svg_is_drawn_at_its_size_and_converted_at_300_dpi(running: Running) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="12"><circle cx="6" cy="6" r="4" fill="#f00"/></svg>'
    drawn = await made(running, svg, "rotate")
    assert (drawn.width, drawn.height) == (24, 12)
    content = await running.file(svg, *tool("convert", format="webp"))
    assert sniff(content) is MediaFormat.WEBP
    image = decode(content, LIMITS)
    assert (image.width, image.height) == (100, 50)
    # The edge of the circle is drawn anew, not enlarged: few of its pixels are neither in nor out.
    assert image.alpha is not None
    assert ((image.alpha > 20) & (image.alpha < 235)).sum() < 120


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "avif"])
async def test_compress_makes_files_smaller_by_quality_and_by_size(kind: str, running: Running) -> None:
    data = INPUTS[kind][0]()
    small, smaller = [len(await running.file(data, *tool("compress", quality=quality))) for quality in (60, 10)]
    assert smaller < small < len(data)
    target = small * 3 // 4
    assert len(await running.file(data, *tool("compress", mode="targetSize", targetSizeKb=target / 1024))) <= target


@pytest.mark.parametrize("format_", ["webp", "jpeg", "avif", "png"])
async def test_optimize_for_web_fits_and_never_enlarges(format_: str, running: Running) -> None:
    data = written(photo(), "JPEG", quality=95, exif=exif(1))
    content = await running.file(data, *tool("optimize-for-web", format=format_, maxWidth=80, maxHeight=50))
    assert sniff(content) is MediaFormat(format_)
    image = decode(content, LIMITS)
    assert (image.width, image.height) == (67, 50)
    assert image.metadata.exif is None
    image = await made(running, data, "optimize-for-web", format=format_, maxWidth=800)
    assert (image.width, image.height) == (160, 120)
    image = await made(running, data, "optimize-for-web", format=format_, stripMetadata=False)
    assert image.metadata.exif is not None


async def test_a_small_png_made_smaller_has_fewer_bytes(running: Running) -> None:
    picture = PillowImage.new("RGB", (200, 150), (255, 87, 51))
    data = written(picture, "PNG")
    for settings in ({"width": 100}, {"width": 100, "height": 100}, {"percentage": 50}):
        assert len(await running.file(data, *tool("resize", **settings))) < len(data)


def _told() -> bytes:
    """A JPEG with Exif data, a place in it and in XMP data, and a profile."""
    block = PillowImage.Exif()
    block[0x010F] = "Darkroom"
    block.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0)})
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" exif:GPSLatitude="52,30.0N" dc:format="x">'
        b"<exif:GPSLongitude>13,24.0E</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    return written(photo(), "JPEG", quality=95, exif=block.tobytes(), icc_profile=wide_gamut_profile(), xmp=xmp)


@pytest.mark.parametrize(
    ("settings", "gone"),
    [
        ({}, {"maker", "place", "profile", "xmp", "place in xmp"}),
        ({"stripAll": False}, set()),
        ({"stripAll": False, "stripExif": True}, {"maker", "place"}),
        ({"stripAll": False, "stripGps": True}, {"place", "place in xmp"}),
        ({"stripAll": False, "stripIcc": True}, {"profile"}),
        ({"stripAll": False, "stripXmp": True}, {"xmp", "place in xmp"}),
    ],
)
async def test_strip_metadata_leaves_out_what_was_named(settings: dict[str, Any], gone: set[str], running: Running) -> None:
    content = await running.file(_told(), *tool("strip-metadata", **settings))
    with PillowImage.open(io.BytesIO(content)) as opened:
        block, xmp = opened.getexif(), opened.info.get("xmp", b"")
        there = {
            "maker": block.get(0x010F) == "Darkroom",
            "place": bool(block.get_ifd(0x8825)),
            "profile": "icc_profile" in opened.info,
            "xmp": b"dc:format" in xmp,
            "place in xmp": b"GPS" in xmp,
        }
    assert {name for name, is_there in there.items() if not is_there} == gone
    seen = decode(content, LIMITS)
    assert np.abs(seen.srgb().astype(int) - decode(_told(), LIMITS).srgb()).mean() < 4
    assert encode(seen)
