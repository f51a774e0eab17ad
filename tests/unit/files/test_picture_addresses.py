"""What the URLs of pictures mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from darkroom.operations.v1 import convert_pb2, placement_pb2
from services.files.domain.pictures.addresses import parse
from services.files.domain.pictures.keys import allows
from services.files.records import PictureKey
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason

PLAIN, WEBP = convert_pb2.PICTURE_FORMAT_UNSPECIFIED, convert_pb2.PICTURE_FORMAT_WEBP
AVIF = convert_pb2.PICTURE_FORMAT_AVIF
JPEG, PNG = convert_pb2.PICTURE_FORMAT_JPEG, convert_pb2.PICTURE_FORMAT_PNG


def test_operations_and_options_are_read_in_any_order() -> None:
    address = parse("format=webp;resize:width=800,height=600,fit=cover;quality=70;rotate:angle=90;expires=1798761600", "12")
    resize, rotate = address.operations
    assert (resize.resize.width, resize.resize.fit, rotate.rotate.angle) == (800, placement_pb2.FIT_COVER, 90)
    assert (address.format, address.quality, address.file_id, address.url) == (WEBP, 70, 12, "")
    assert address.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    written = address.plan(PLAIN, MediaFormat.PNG.media_type)[-1].convert
    assert (written.format, written.quality, written.strip_metadata) == (WEBP, 70, True)


def test_values_are_percent_decoded() -> None:
    address = parse("draw-text:text=a%2Cb%3B%20%2F,color=%23ff0000", "https%3A%2F%2Fcdn.example.com%2Fa%3Fb.jpg")
    assert address.operations[0].draw_text.text == "a,b; /"
    assert (address.file_id, address.url) == (None, "https://cdn.example.com/a?b.jpg")


@pytest.mark.parametrize(
    ("operations", "source", "field"),
    [
        ("", "1", "operations"),
        ("nothing:width=1", "1", "operations"),
        ("upscale:factor=4", "1", "operations"),
        ("convert:format=tiff", "1", "operations"),
        ("size=3", "1", "operations"),
        (";".join(["rotate:angle=90"] * 21), "1", "operations"),
        ("resize:wide=1", "1", "resize.wide"),
        ("resize:width=one", "1", "resize.width"),
        ("resize:width=1,width=2", "1", "resize.width"),
        ("format=bmp", "1", "format"),
        ("format=webp;format=png", "1", "format"),
        ("quality=0", "1", "quality"),
        ("quality=101", "1", "quality"),
        ("quality=80;format=png", "1", "quality"),
        ("expires=tomorrow", "1", "expires"),
        ("-", "photo.jpg", "source"),
        ("-", "1" * 16, "source"),
    ],
)
def test_what_is_wrong_is_named(operations: str, source: str, field: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        parse(operations, source)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)


@pytest.mark.parametrize(
    ("operations", "media_type", "written"),
    [
        ("-", MediaFormat.JPEG.media_type, JPEG),
        ("-", MediaFormat.HEIC.media_type, JPEG),
        ("-", MediaFormat.WEBP.media_type, PNG),
        ("remove-background", MediaFormat.JPEG.media_type, PNG),
        ("remove-background;format=jpeg", MediaFormat.JPEG.media_type, JPEG),
    ],
)
def test_readers_of_old_formats_keep_transparency(operations: str, media_type: str, written: convert_pb2.PictureFormat.ValueType) -> None:
    assert parse(operations, "1").plan(PLAIN, media_type)[-1].convert.format == written


@pytest.mark.parametrize(
    ("operations", "accepted", "moves", "written", "frame"),
    [
        ("-", AVIF, True, WEBP, 0),
        ("resize:width=9", WEBP, True, WEBP, 0),
        ("-", WEBP, False, WEBP, 1),
        ("format=avif", PLAIN, True, AVIF, 0),
        ("-", PLAIN, True, PNG, 1),
        ("format=png", AVIF, True, PNG, 1),
    ],
)
def test_animations_move_for_readers_of_webp(
    operations: str,
    accepted: convert_pb2.PictureFormat.ValueType,
    moves: bool,
    written: convert_pb2.PictureFormat.ValueType,
    frame: int,
) -> None:
    convert = parse(operations, "1").plan(accepted, MediaFormat.GIF.media_type, moves=moves)[-1].convert
    assert (convert.format, convert.frame) == (written, frame)


def test_pictures_that_differ_have_different_digests() -> None:
    urls = [("-", "1"), ("-", "2"), ("format=webp", "1"), ("quality=80", "1"), ("rotate:angle=90", "1"), ("-", "https://a.example/1")]
    digests = {parse(*url).digest(accepted) for url in urls for accepted in (PLAIN, WEBP)}
    # What the URL says counts, not what the reader accepts.
    assert len(digests) == 2 * len(urls) - 1
    assert parse("resize:width=5,height=6;expires=1798761600", "1").digest(WEBP) == parse("resize:height=6,width=5", "1").digest(WEBP)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cdn.example.com/photos/a.jpg", True),
        ("https://cdn.example.com:443/photos/a.jpg", True),
        ("https://CDN.example.com/photos/b/c.jpg?v=2", True),
        ("https://img.example.com/anything.jpg", True),
        ("storage://shop/2026/a.jpg", True),
        ("http://cdn.example.com/photos/a.jpg", False),
        ("https://cdn.example.com/other/a.jpg", False),
        ("https://cdn.example.com/photos/../secret.jpg", False),
        ("https://cdn.example.com/photos/%2e%2e/secret.jpg", False),
        ("https://cdn.example.com@evil.example/photos/a.jpg", False),
        ("https://cdn.example.com\\@evil.example/photos/a.jpg", False),
        ("https://cdn.example.com.evil.example/photos/a.jpg", False),
        ("https://cdn.example.com:8443/photos/a.jpg", False),
        ("storage://shop2/a.jpg", False),
    ],
)
def test_a_key_allows_what_is_below_its_origins(url: str, allowed: bool) -> None:
    origins = ("https://cdn.example.com/photos/", "https://img.example.com", "storage://shop")
    assert allows(PictureKey(1, 1, "", origins, datetime.now(UTC)), url) is allowed
