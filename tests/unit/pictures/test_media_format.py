"""The table of formats, and that the tables which cannot derive from it say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darkroom import content
from darkroom.cli import operation_verbs
from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_AVIF, PICTURE_FORMAT_KEPT, PICTURE_FORMAT_UNSPECIFIED
from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE, MEDIA_KIND_PDF
from services.files.domain.naming import same_kind
from services.pictures.media_format import MediaFormat, Use, read_formats, sniff, written_format

ROOT = Path(__file__).parents[3]
BY_NAME = {MediaFormat.TGA, MediaFormat.DNG, MediaFormat.NEF, MediaFormat.ARW}
EVERY_EXTENSION = [extension for each in MediaFormat for extension in each.extensions]


def test_extensions_and_media_types_name_one_format_each() -> None:
    assert len(set(EVERY_EXTENSION)) == len(EVERY_EXTENSION)
    assert len({each.media_type for each in MediaFormat}) == len(MediaFormat)
    assert all(each.extension in each.extensions for each in MediaFormat)


@pytest.mark.parametrize(
    ("head", "format_"),
    [
        (b"\xff\xd8\xff\xe0", MediaFormat.JPEG),
        (b"RIFF\x10\0\0\0WEBPVP8 ", MediaFormat.WEBP),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", MediaFormat.AVIF),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", MediaFormat.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1", MediaFormat.HEIF),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", MediaFormat.MP4),
        (b"\0\0\0\x18ftypXXXX\0\0\0\0mp42XXXX", MediaFormat.MP4),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx ", None),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", MediaFormat.MOV),
        (b"\0\0\0\x08wide\0\1\2\3mdat", MediaFormat.MOV),
        (b"\0\0\0\0mdat\0\1\2\3", MediaFormat.MOV),
        (b"The free encyclopedia", None),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", MediaFormat.WEBM),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", MediaFormat.BMP),
        (b"BM" + bytes(12) + b"\x29\0\0\0", None),
        (b"\n\n%PDF-1.7", MediaFormat.PDF),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", MediaFormat.SVG),
        (b"<html><svg/></html>", None),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1", MediaFormat.HEIF),
        (b"\xff\x0a\xe8\x30", MediaFormat.JXL),
        (b"\0\0\0\x0cJXL \r\n\x87\n", MediaFormat.JXL),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0\x28", MediaFormat.ICO),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x15\0\0\0\x28", None),
        (b"\0\0\1\0ftypheic", MediaFormat.HEIC),
        (b"8BPS\0\1", MediaFormat.PSD),
        (b"8BPS\0\3", None),
        (b"\x76\x2f\x31\x01\2", MediaFormat.EXR),
        (b"#?RADIANCE\n", MediaFormat.HDR),
        (b"#?RGBE\n", MediaFormat.HDR),
        (b"II*\0\x10\0\0\0CR\2\0", MediaFormat.CR2),
        (b"IIRO\x08\0\0\0", MediaFormat.ORF),
        (b"IIU\0\x08\0\0\0", MediaFormat.RW2),
        (b"", None),
    ],
)
def test_formats_are_told_by_content(head: bytes, format_: MediaFormat | None) -> None:
    assert sniff(head) is format_


TARGA = b"\0\0\2" + bytes(9) + b"\x10\0\x10\0\x18\0"


@pytest.mark.parametrize(
    ("head", "name", "format_"),
    [
        (TARGA, "a.tga", MediaFormat.TGA),
        (TARGA, "A.TGA", MediaFormat.TGA),
        (TARGA, "a.png", None),
        (TARGA, "", None),
        (TARGA[:12] + bytes(6), "a.tga", None),
        (bytes(100), "a.tga", None),
        (b"\x89PNG\r\n\x1a\n", "a.tga", MediaFormat.PNG),
        (b"\x89PNG\r\n\x1a\n", "a.nef", MediaFormat.PNG),
        (b"II*\0\x08\0\0\0", "a.tiff", MediaFormat.TIFF),
        (b"II*\0\x08\0\0\0", "nef", MediaFormat.TIFF),
        *((b"II*\0\x08\0\0\0", f"a.{each.upper()}", MediaFormat(each)) for each in ("dng", "cr2", "nef", "arw", "orf", "rw2")),
        (b"MM\0*\0\0\0\x08", "a.nef", MediaFormat.NEF),
        (b"IIU\0\x08\0\0\0", "a.nef", MediaFormat.RW2),
    ],
)
def test_names_count_only_where_content_does_not_tell(head: bytes, name: str, format_: MediaFormat | None) -> None:
    assert sniff(head, name) is format_


@pytest.mark.parametrize(
    "format_", [each for each in MediaFormat if Use.WRITTEN not in each.use or each in (MediaFormat.HEIC, MediaFormat.HEIF)]
)
def test_what_is_not_kept_becomes_png(format_: MediaFormat) -> None:
    for asked in (PICTURE_FORMAT_UNSPECIFIED, PICTURE_FORMAT_KEPT):
        assert written_format(asked, format_) is MediaFormat.PNG
    assert written_format(PICTURE_FORMAT_AVIF, format_) is MediaFormat.AVIF


def test_names_that_cannot_tell_the_format_are_of_one_kind() -> None:
    pairs = {(one, other) for one in EVERY_EXTENSION for other in EVERY_EXTENSION if one < other and same_kind(one, other)}
    assert pairs == {("jpeg", "jpg"), ("tif", "tiff"), ("heic", "heif"), ("heif", "hif"), ("heic", "hif"), ("psb", "psd"), ("m4v", "mp4")}


def test_the_command_line_takes_the_files_that_operations_take() -> None:
    suffixes = operation_verbs._SUFFIXES
    pictures = {f".{extension}" for each in read_formats(MEDIA_KIND_IMAGE) for extension in each.extensions}
    assert set(suffixes[MEDIA_KIND_IMAGE]) == pictures
    assert set(suffixes[MEDIA_KIND_PDF]) == {f".{extension}" for each in read_formats(MEDIA_KIND_PDF) for extension in each.extensions}


def test_the_client_tells_every_format_by_its_first_bytes() -> None:
    told = {extension for _, _, extension in content._MAGIC} | {"svg"}
    assert {each for each in MediaFormat if told.isdisjoint(each.extensions)} == BY_NAME
    assert told <= set(EVERY_EXTENSION)


@pytest.mark.parametrize("proto", ["darkroom/files/v1/files_service.proto", "darkroom/rest/v1/uploads.proto"])
def test_the_protos_list_every_extension(proto: str) -> None:
    listed = re.search(r"jpg, jpeg, (?:[a-z0-9]+,? )*(?:or )?pdf", re.sub(r"\s+//", "", (ROOT / "protos" / proto).read_text()))
    assert listed is not None
    assert re.findall(r"[a-z0-9]+", listed[0].replace(" or ", " ")) == EVERY_EXTENSION


def test_the_docs_list_every_format_of_pictures() -> None:
    listed = re.search(r"\*\*Pictures\*\* are ([^(]*)", (ROOT / "docs" / "operations" / "README.md").read_text())
    assert listed is not None
    assert re.findall(r"[a-z0-9]+", listed[1].lower().replace(" or ", " ")) == list(read_formats(MEDIA_KIND_IMAGE))
