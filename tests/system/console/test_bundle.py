"""How much a browser loads: what is built, compressed as the edge serves it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from edge import console

ALL, FIRST = 270_000, 180_000
"""Bytes."""


def packed(files: list[Path]) -> int:
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def test_all_scripts_and_styles_are_small() -> None:
    files = [file for file in (console.BUILT / "assets").iterdir() if file.suffix in {".js", ".css"}]
    assert len(files) > 10
    assert packed(files) < ALL


def test_what_the_first_page_needs_is_smaller() -> None:
    page = console.BUILT / "index.html"
    names = re.findall(rf'"{console.PREFIX}(assets/[^"]+)"', page.read_text())
    studio = [file.relative_to(console.BUILT).as_posix() for file in (console.BUILT / "assets").glob("StudioPage-*")]
    assert len(names) > 2
    assert len(studio) == 2
    assert packed([page, *(console.BUILT / name for name in (*names, *studio))]) < FIRST


def test_nothing_of_it_names_another_host() -> None:
    # Links that people follow, and names of XML, which nobody asks for.
    known = re.compile(r"https?://(?:www\.w3\.org|react\.dev|reactjs\.org|example\.com|\$\{|localhost|127\.0\.0\.1)")
    for file in (console.BUILT / "assets").iterdir():
        for url in re.findall(r"https?://[\w.$\{\}-]+", file.read_text()):
            assert known.match(url), (file.name, url)
