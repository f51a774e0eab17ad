"""Renaming of SnapOtter's API (bulk-rename, section 9.3 of its contract), through the public port."""

from __future__ import annotations

import io
import json
import re
import zipfile

import httpx
import pytest

from tests.system.snapotter import Part, SnapOtter

FILES = [("a.TXT", b"first"), ("dir/b.tar.gz", b"second" * 1000), ("noextension", bytes(10)), ("ünï 🎉.png", b"\x89PNG none")]


async def renamed(caller: SnapOtter, settings: object, *files: tuple[str, bytes]) -> httpx.Response:
    parts: list[Part] = [(f"part{number}", data, name) for number, (name, data) in enumerate(files)]
    if settings is not None:
        parts.append(("settings", settings if isinstance(settings, str) else json.dumps(settings)))
    return await caller.form("/api/v1/tools/bulk-rename", *parts)


async def names(caller: SnapOtter, settings: object, *files: tuple[str, bytes]) -> list[str]:
    reply = await renamed(caller, settings, *files)
    assert reply.status_code == 200, reply.text
    return zipfile.ZipFile(io.BytesIO(reply.content)).namelist()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, ["image-1.TXT", "image-2.gz", "image-3", "image-4.png"]),
        ({"pattern": "{{original}}_{{index}}", "startIndex": 0}, ["a_0.TXT", "b.tar_1.gz", "noextension_2", "ünï 🎉_3.png"]),
        ({"pattern": "p{{padded}}", "startIndex": 6}, ["p06.TXT", "p07.gz", "p08", "p09.png"]),
        ({"pattern": "p{{padded}}", "startIndex": 5}, ["p5.TXT", "p6.gz", "p7", "p8.png"]),
        ({"pattern": "{{index}}{{index}}{{x}}", "startIndex": 1}, ["11{{x}}.TXT", "22{{x}}.gz", "33{{x}}", "44{{x}}.png"]),
        ({"pattern": "x/../y"}, ["y.TXT", "y.gz", "y", "y.png"]),
    ],
)
async def test_entries_are_called_as_the_pattern_says(admin: SnapOtter, settings: object, expected: list[str]) -> None:
    assert await names(admin, settings, *FILES) == expected


async def test_the_reply_is_a_zip_of_the_same_bytes(admin: SnapOtter) -> None:
    reply = await renamed(admin, {}, *FILES, ("empty.png", b""))
    assert reply.headers["content-type"] == "application/zip"
    assert re.fullmatch(r'attachment; filename="renamed-[0-9a-f]{8}\.zip"', reply.headers["content-disposition"])
    with zipfile.ZipFile(io.BytesIO(reply.content)) as found:
        assert [found.read(entry) for entry in found.infolist()] == [data for _, data in FILES]


async def test_equal_names_stay_equal(admin: SnapOtter) -> None:
    assert await names(admin, {"pattern": "same"}, ("a.txt", b"1"), ("b.txt", b"2")) == ["same.txt", "same.txt"]


async def test_long_names_are_cut(admin: SnapOtter) -> None:
    [name] = await names(admin, {"pattern": "ä" * 1000}, ("a.txt", b"1"))
    assert name.endswith("ä.txt")
    assert len(name.encode()) <= 200


@pytest.mark.parametrize("pattern", ["\0", "..", "/", "a\nb\tc", "\u202e", "a" * 1000, '<>:"|?*', "CON", " "])
async def test_any_pattern_gives_a_name(admin: SnapOtter, pattern: str) -> None:
    [name] = await names(admin, {"pattern": pattern}, ("a.txt", b"1"))
    assert name
    assert not re.search(r"[/\\\x00-\x1f]", name)


@pytest.mark.parametrize(
    "settings",
    [{"pattern": ""}, {"pattern": "a" * 1001}, {"pattern": 5}, {"startIndex": -1}, {"startIndex": "1"}, {"startIndex": 1e300}, []],
)
async def test_settings_that_are_wrong(admin: SnapOtter, settings: object) -> None:
    reply = await renamed(admin, settings, ("a.txt", b"1"))
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")


@pytest.mark.parametrize("files", [(), [("a.txt", b"")]])
async def test_files_come_before_settings(admin: SnapOtter, files: list[tuple[str, bytes]]) -> None:
    reply = await renamed(admin, "{", *files)
    assert (reply.status_code, reply.json()) == (400, {"error": "No files provided"})
    reply = await renamed(admin, "{", ("a.txt", b"1"))
    assert (reply.status_code, reply.json()["error"]) == (400, "Settings must be valid JSON")
