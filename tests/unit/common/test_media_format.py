"""The table of formats, and that the tables which cannot derive from it say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darkroom import content
from darkroom.cli import operation_verbs
from darkroom.operations.v1.options_pb2 import MEDIA_KIND_IMAGE, MEDIA_KIND_PDF
from services.common.media_format import MediaFormat, read_formats, sniff
from services.files.domain.naming import same_kind

ROOT = Path(__file__).parents[3]
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
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", MediaFormat.BMP),
        (b"BM" + bytes(12) + b"\x29\0\0\0", None),
        (b"\n\n%PDF-1.7", MediaFormat.PDF),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", MediaFormat.SVG),
        (b"<html><svg/></html>", None),
        (b"", None),
    ],
)
def test_formats_are_told_by_content(head: bytes, format_: MediaFormat | None) -> None:
    assert sniff(head) is format_


def test_names_that_cannot_tell_the_format_are_of_one_kind() -> None:
    pairs = {(one, other) for one in EVERY_EXTENSION for other in EVERY_EXTENSION if one < other and same_kind(one, other)}
    assert pairs == {("jpeg", "jpg"), ("tif", "tiff"), ("heic", "heif")}


def test_the_command_line_takes_the_files_that_operations_take() -> None:
    suffixes = operation_verbs._SUFFIXES
    # A file may be named .heif and hold what HEIC holds.
    pictures = {f".{extension}" for each in read_formats(MEDIA_KIND_IMAGE) for extension in each.extensions} | {".heif"}
    assert set(suffixes[MEDIA_KIND_IMAGE]) == pictures
    assert set(suffixes[MEDIA_KIND_PDF]) == {f".{extension}" for each in read_formats(MEDIA_KIND_PDF) for extension in each.extensions}


def test_the_client_tells_every_format_by_its_first_bytes() -> None:
    told = {extension for _, _, extension in content._MAGIC} | {"svg"}
    assert {each for each in MediaFormat if told.isdisjoint(each.extensions)} == set()
    assert told <= set(EVERY_EXTENSION)


@pytest.mark.parametrize("proto", ["darkroom/files/v1/files_service.proto", "darkroom/rest/v1/uploads.proto"])
def test_the_protos_list_every_extension(proto: str) -> None:
    listed = re.search(r"jpg, jpeg, (?:[a-z]+,? )*(?:or )?pdf", (ROOT / "protos" / proto).read_text())
    assert listed is not None
    assert re.findall(r"[a-z]+", listed[0].replace(" or ", " ")) == EVERY_EXTENSION


def test_the_docs_list_every_format_of_pictures() -> None:
    listed = re.search(r"\*\*Pictures\*\* are ([^(]*)", (ROOT / "docs" / "operations" / "README.md").read_text())
    assert listed is not None
    assert re.findall(r"[a-z]+", listed[1].lower().replace(" or ", " ")) == list(read_formats(MEDIA_KIND_IMAGE))
