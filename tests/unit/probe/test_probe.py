"""Every kind of file is recognised from its content, with the size that the libraries which decode it see."""

from __future__ import annotations

import io
import random
from dataclasses import astuple
from functools import cache, partial

import pikepdf
import pillow_heif
import pytest
from PIL import Image

from services.pictures.probe.child import probe
from services.pictures.probe.model import MEDIA_TYPES, Probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.hostile_files import hostile_files
from tests.unit.probe import specimens
from tests.unit.probe.specimens import HEIGHT, WIDTH, encoded

pillow_heif.register_heif_opener()


def examine(data: bytes, max_read_bytes: int = 32 << 20) -> Probe:
    fetched = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal fetched
        assert 0 <= offset < offset + length <= len(data)
        fetched += length
        return data[offset : offset + length]

    found = probe(read, len(data), max_read_bytes)
    assert fetched <= max_read_bytes
    return found


def refusal(data: bytes, max_read_bytes: int = 32 << 20) -> DarkroomError:
    with pytest.raises(DarkroomError) as caught:
        examine(data, max_read_bytes)
    return caught.value


def reason(data: bytes, max_read_bytes: int = 32 << 20) -> ErrorReason:
    return refusal(data, max_read_bytes).reason


ORIENTED = Image.Exif()
ORIENTED[0x0112] = 6

PICTURES = {
    "jpeg": (partial(encoded, "JPEG"), "image/jpeg", False),
    "jpeg progressive": (partial(encoded, "JPEG", progressive=True), "image/jpeg", False),
    "jpeg gray": (partial(encoded, "JPEG", "L"), "image/jpeg", False),
    "jpeg cmyk": (partial(encoded, "JPEG", "CMYK"), "image/jpeg", False),
    "jpeg with a thumbnail's worth of metadata": (partial(encoded, "JPEG", comment=b"x" * 60_000), "image/jpeg", False),
    "png": (partial(encoded, "PNG"), "image/png", False),
    "png alpha": (partial(encoded, "PNG", "RGBA"), "image/png", True),
    "png gray alpha": (partial(encoded, "PNG", "LA"), "image/png", True),
    "png colour key": (partial(encoded, "PNG", "RGB", transparency=(1, 2, 3)), "image/png", True),
    "png palette": (partial(encoded, "PNG", "P"), "image/png", False),
    "apng": (partial(encoded, "PNG", frames=3), "image/png", False),
    "webp": (partial(encoded, "WEBP"), "image/webp", False),
    "webp lossless": (partial(encoded, "WEBP", lossless=True), "image/webp", False),
    "webp lossless alpha": (partial(encoded, "WEBP", "RGBA", lossless=True), "image/webp", True),
    "webp alpha": (partial(encoded, "WEBP", "RGBA"), "image/webp", True),
    "webp animated": (partial(encoded, "WEBP", frames=4), "image/webp", False),
    "gif": (partial(encoded, "GIF"), "image/gif", False),
    "gif transparent": (partial(specimens.cut_out_gif), "image/gif", True),
    "gif animated": (partial(encoded, "GIF", frames=5), "image/gif", False),
    "tiff": (partial(encoded, "TIFF"), "image/tiff", False),
    "tiff alpha": (partial(encoded, "TIFF", "RGBA"), "image/tiff", True),
    "tiff deflate": (partial(encoded, "TIFF", compression="tiff_deflate"), "image/tiff", False),
    "tiff pages": (partial(encoded, "TIFF", frames=3), "image/tiff", False),
    "tiff motorola": (partial(encoded, "TIFF", "I;16B"), "image/tiff", False),
    "tiff big": (partial(encoded, "TIFF", frames=2, big_tiff=True), "image/tiff", False),
    "bmp": (partial(encoded, "BMP"), "image/bmp", False),
    "bmp palette": (partial(encoded, "BMP", "P"), "image/bmp", False),
    "heic": (partial(specimens.heic), "image/heic", False),
    "heic alpha": (partial(specimens.heic, "RGBA"), "image/heic", True),
    "avif": (partial(encoded, "AVIF"), "image/avif", False),
    "avif alpha": (partial(encoded, "AVIF", "RGBA"), "image/avif", True),
    "avif animated": (partial(encoded, "AVIF", frames=3), "image/avif", False),
}


@cache
def content(name: str) -> bytes:
    return PICTURES[name][0]()


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> None:
    _, media_type, has_alpha = PICTURES[name]
    data = content(name)
    found = examine(data)
    assert (found.media_type, found.has_alpha, found.pages, found.encrypted) == (media_type, has_alpha, None, False)
    with Image.open(io.BytesIO(data)) as decoder:
        assert (found.width, found.height, found.frames) == (*decoder.size, getattr(decoder, "n_frames", 1))
    assert found.extension == MEDIA_TYPES[media_type]


def test_sizes_are_those_stored_not_those_shown() -> None:
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        found = examine(encoded(form, exif=ORIENTED))
        assert (found.width, found.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="40" height="30"', (40, 30)),
        ('width="1in" height="2.54cm"', (96, 96)),
        ('width="40.2px" height="30pt"', (41, 40)),
        ('viewBox="0 0 640 480"', (640, 480)),
        ('viewBox="0,0,640,480" width="100%" height="100%"', (640, 480)),
        ('viewBox="0 0 640 480" width="320"', (320, 240)),
        ("", (300, 150)),
    ],
)
def test_svg(attributes: str, size: tuple[int, int]) -> None:
    document = f'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg" {attributes}><g/></svg>'
    for data in (document.encode(), b"\xef\xbb\xbf" + document.encode(), document.encode("utf-16")):
        found = examine(data)
        assert (found.media_type, found.width, found.height, found.frames) == ("image/svg+xml", *size, 1)


def test_svg_entities_are_refused_unread() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><svg width="&b;" height="1"/>'
    assert reason(bomb) is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize("pages", [1, 3, 1000])
@pytest.mark.parametrize("object_streams", list(pikepdf.ObjectStreamMode.__members__))
def test_pdf(pages: int, object_streams: str) -> None:
    data = specimens.pdf(pages, object_stream_mode=pikepdf.ObjectStreamMode.__members__[object_streams])
    assert examine(data) == Probe(media_type="application/pdf", pages=pages)
    assert examine(b"garbage before the header\n" + data).pages == pages


def test_pdf_encryption() -> None:
    for encryption in (
        {"R": 3, "aes": False, "metadata": False},
        {"R": 4},
        {"R": 6},
    ):
        owner_only = specimens.pdf(2, pikepdf.Encryption(owner="secret", user="", **encryption))
        assert examine(owner_only) == Probe(media_type="application/pdf", pages=2, encrypted=True)
        locked = specimens.pdf(2, pikepdf.Encryption(owner="secret", user="open", **encryption))
        assert reason(locked) is ErrorReason.FILE_ENCRYPTED


def test_pdf_damage() -> None:
    whole = specimens.pdf(3)
    # Without its cross-reference table the document is still readable, by searching it for objects.
    assert examine(whole[: whole.rindex(b"xref")]).pages == 3
    assert reason(b"%PDF-1.7\n" + b"nothing of the kind " * 500) is ErrorReason.FILE_CORRUPT
    assert reason(whole[:200]) is ErrorReason.FILE_CORRUPT


def test_pdf_with_a_lying_page_count_is_counted() -> None:
    document = pikepdf.open(io.BytesIO(specimens.pdf(3)))
    for lie in (-1, 0, 10**9):
        document.Root.Pages.Count = lie
        buffer = io.BytesIO()
        document.save(buffer)
        assert examine(buffer.getvalue()).pages == 3


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", range(4))
def test_random_faults_in_documents_give_an_answer_or_a_typed_error(seed: int) -> None:
    chance = random.Random(seed)
    whole = specimens.pdf(20, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    tokens = [b"null", b"[", b">>", b"0 R", b"-1", b"99999999999", b"/Kids", b"/Count", b"(x)"]
    for _ in range(250):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            at, token = chance.randrange(len(broken)), chance.choice(tokens)
            broken[at : at + chance.choice([0, len(token)])] = token
        try:
            found = examine(bytes(broken))
        except DarkroomError as error:
            assert error.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.FILE_ENCRYPTED)
        else:
            assert found.pages is not None


def test_large_files_are_not_read_whole() -> None:
    budget = 256 << 10
    large = encoded("JPEG", size=(1500, 1000), quality=95)
    assert len(large) > 4 * budget
    assert examine(large, budget).width == 1500
    assert examine(encoded("PNG", size=(1000, 800)), budget).width == 1000
    assert examine(encoded("TIFF", size=(1000, 800)), budget).width == 1000
    assert examine(encoded("WEBP", size=(1000, 800), lossless=True), budget).width == 1000
    document = pikepdf.open(io.BytesIO(specimens.pdf(40)))
    for page in document.pages:
        page.Contents = document.make_stream(picture_bytes)
    buffer = io.BytesIO()
    document.save(buffer, compress_streams=False)
    assert len(buffer.getvalue()) > 4 * budget
    assert examine(buffer.getvalue(), budget).pages == 40


picture_bytes = specimens.picture().tobytes() * 2


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_frames_that_are_too_far_away_are_estimated(form: str) -> None:
    data = encoded(form, frames=20, size=(300, 300))
    assert examine(data).frames == 20
    assert len(data) > 512 << 10
    found = examine(data, 256 << 10)
    assert (found.width, found.frames) == (300, pytest.approx(20, abs=4))


def test_structure_beyond_the_budget() -> None:
    # No cross-reference table: reading it means searching the whole file.
    data = specimens.pdf(3)
    start = data.index(b"1 0 obj")
    data = data[:start] + b"%" + b"x" * (1 << 20) + b"\n" + data[start : data.rindex(b"xref")]
    assert examine(data).pages == 3
    assert reason(data, 256 << 10) is ErrorReason.MEDIA_LIMIT_EXCEEDED


def test_decompression_bomb_costs_nothing() -> None:
    data = specimens.png_bomb()
    assert len(data) < 200_000
    found = examine(data)
    assert (found.width, found.height, found.megapixels) == (30_000, 30_000, 900.0)


@pytest.mark.parametrize(
    "data",
    [
        b"This is a text file that somebody named photo.png.\n",
        b"<!DOCTYPE html><html><body>not a picture</body></html>",
        b"<html><svg/></html>",
        b"PK\x03\x04" + bytes(100),
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"[:16] + bytes(100),
        b"The free encyclopedia is not a video.\n",
        b"BMW is a car",
        b"\x89",
        bytes(5000),
        "Ünïcödé\n".encode("utf-16"),
    ],
)
def test_other_content_is_unsupported(data: bytes) -> None:
    assert reason(data) is ErrorReason.MEDIA_UNSUPPORTED


def test_nothing_at_all() -> None:
    assert reason(b"") is ErrorReason.FILE_CORRUPT


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.startswith("gif") and name not in ("tiff pages", "tiff big")])
def test_truncation_is_noticed(name: str) -> None:
    data = content(name)
    # How much of a scan there is, only who decodes it can tell.
    within_header = name.startswith("jpeg")
    for kept in (12, 100) if within_header else (12, len(data) // 3, len(data) // 2, len(data) - 40):
        with pytest.raises(DarkroomError) as caught:
            examine(data[:kept])
        assert caught.value.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED)
        assert caught.value.reason is ErrorReason.FILE_CORRUPT or kept == 12


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "bmp"])
@pytest.mark.parametrize("length", [1, 3000, 200_000])
def test_data_after_the_end_is_no_damage(name: str, length: int) -> None:
    data = content(name) + b"\x5a" * length
    assert (examine(data).width, examine(data).height) == (WIDTH, HEIGHT)


@pytest.mark.cases(12)
@pytest.mark.parametrize("name", PICTURES)
def test_hostile_bytes_give_an_answer_or_a_typed_error(name: str) -> None:
    """Every byte of the headers set to other values, one at a time."""
    data = content(name)
    for at in range(min(len(data), 400)):
        for value in (0, 1, 0x7F, 0xFF):
            broken = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                found = examine(broken)
            except DarkroomError as error:
                assert error.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED)
            else:
                assert len(astuple(found)) == 8


@pytest.mark.parametrize("name", ["png: 2^32 frames announced", "png: 2^31 frames announced", "avif: 2^32 frames announced"])
def test_more_frames_than_bytes_are_damage(name: str) -> None:
    with pytest.raises(DarkroomError, match=r"The file is damaged: it announces [0-9]+ frames") as raised:
        examine(hostile_files()[name].content)
    assert raised.value.reason is ErrorReason.FILE_CORRUPT
