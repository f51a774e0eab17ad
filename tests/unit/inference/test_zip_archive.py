"""Archives as other programs read them: by Python's zipfile and, where sizes are too large for a test, from a file that is mostly holes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import pytest

from services.platform.zip_archive import Entry, ZipArchive, distinct, entry_names

GIBIBYTE = 1 << 30


def entry(name: str, *pieces: bytes) -> Entry:
    async def read() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return Entry(name, sum(map(len, pieces)), read)


async def written(archive: ZipArchive, target: BinaryIO) -> int:
    """Write the archive, leaving holes for zeros; the number of bytes."""
    size = 0
    async for piece in archive.pieces():
        if len(piece) >= 1 << 20 and not any(piece[:: 1 << 16]):
            target.seek(len(piece), io.SEEK_CUR)
        else:
            target.write(piece)
        size += len(piece)
    return size


async def test_entries_are_stored_and_the_size_is_known_before() -> None:
    archive = ZipArchive([entry("a.txt", b"one", b"two"), entry("Porträt 写真.png", bytes(range(256))), entry("empty")])
    target = io.BytesIO()
    assert await written(archive, target) == archive.size == len(target.getvalue())
    with zipfile.ZipFile(target) as read:
        assert read.testzip() is None
        assert read.namelist() == ["a.txt", "Porträt 写真.png", "empty"]
        assert read.read("a.txt") == b"onetwo"
        assert read.read("Porträt 写真.png") == bytes(range(256))
        assert {info.compress_type for info in read.infolist()} == {zipfile.ZIP_STORED}
        assert read.getinfo("Porträt 写真.png").flag_bits & 0x800


async def test_an_archive_of_nothing_is_one() -> None:
    target = io.BytesIO()
    await written(ZipArchive([]), target)
    assert zipfile.ZipFile(target).namelist() == []


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abcd", b"e")])
async def test_an_entry_of_another_size_than_was_said_is_an_error(pieces: tuple[bytes, ...]) -> None:
    wrong = Entry("a", 4, entry("a", *pieces).read)
    with pytest.raises(RuntimeError, match="size"):
        await written(ZipArchive([wrong]), io.BytesIO())


@pytest.mark.thorough
async def test_more_entries_than_a_plain_zip_can_count() -> None:
    archive = ZipArchive([entry(f"{number:05}", b"x") for number in range(65_600)])
    target = io.BytesIO()
    assert await written(archive, target) == archive.size
    with zipfile.ZipFile(target) as read:
        assert len(read.namelist()) == 65_600
        assert read.read("65599") == b"x"
    # Without ZIP64 the count would have wrapped around.
    assert b"PK\x06\x06" in target.getvalue()[-200:]


async def test_an_entry_and_offsets_beyond_four_gibibytes(tmp_path: Path) -> None:
    block = bytes(64 << 20)
    pieces = [block] * 65
    archive = ZipArchive([entry("first.txt", b"before"), entry("large.bin", *pieces), entry("last.txt", b"behind it")])
    path = tmp_path / "large.zip"
    with path.open("wb") as target:
        assert await written(archive, target) == archive.size > 4 * GIBIBYTE
    with zipfile.ZipFile(path) as read:
        large, last = read.getinfo("large.bin"), read.getinfo("last.txt")
        assert large.file_size == large.compress_size == len(block) * len(pieces)
        assert last.header_offset > 4 * GIBIBYTE
        assert read.read("last.txt") == b"behind it"
        # Of so many zeros.
        assert large.CRC == 0x0C0B9A78
        with read.open("large.bin") as content:
            assert content.read(100) == bytes(100)


def unchanged(name: str) -> tuple[list[str], list[str]]:
    return [name], [name]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        unchanged("portrait-cutout.png"),
        unchanged("写真 é.png"),
        (["a.png", "a.png", "A.PNG", "a-2.png"], ["a.png", "a-2.png", "A-3.PNG", "a-2-2.png"]),
        (["e\u0301.png", "\u00e9.png"], ["\u00e9.png", "\u00e9-2.png"]),
        (['a<b>:"/\\|?*.png', "tab\there"], ["a_b________.png", "tab_here"]),
        (["con", "NUL.txt", "com1.tar.gz", "console.png", "lpt¹"], ["_con", "_NUL.txt", "_com1.tar.gz", "console.png", "_lpt¹"]),
        (["dots...", " spaces ", "...", ""], ["dots", "spaces", "file", "file-2"]),
        (["x" * 300 + ".png"], ["x" * 196 + ".png"]),
        (["水" * 300 + ".png", "水" * 300 + ".png"], ["水" * 65 + ".png", "水" * 65 + "-2.png"]),
        (["photo\u202egnp.png", "a\x85b.png"], ["photo_gnp.png", "a_b.png"]),
    ],
)
def test_names_that_every_system_can_write(names: list[str], expected: list[str]) -> None:
    assert list(entry_names(names)) == expected


def test_the_manifest_keeps_its_name() -> None:
    assert list(entry_names(["errors.json"], taken=["errors.json"])) == ["errors-2.json"]


def test_many_files_of_one_name_are_told_apart() -> None:
    assert len(set(entry_names(["same.png"] * 20_000))) == 20_000


def test_names_that_are_given_are_only_made_distinct() -> None:
    assert distinct(["a:b.png", "A:B.png", "CON", "errors.json"], ["errors.json"]) == ["a:b.png", "A:B-2.png", "CON", "errors-2.json"]
