"""How much a browser has to fetch of the console."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from edge.console import BUILT, PREFIX

KILOBYTE = 1000


def packed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9))


def test_everything_together_is_small() -> None:
    files = [path for path in (BUILT / "assets").iterdir() if path.suffix in (".js", ".css")]
    assert files
    assert sum(map(packed, files)) < 250 * KILOBYTE


def test_the_first_page_needs_less() -> None:
    html = (BUILT / "index.html").read_text()
    named = {BUILT / path for path in re.findall(rf'(?:src|href)="{PREFIX}([^"]+\.(?:js|css))"', html)}
    assert named
    needed = _with_imports(named | set((BUILT / "assets").glob("StudioPage-*")))
    # The catalogue of tools, which the studio shows.
    needed |= set((BUILT / "assets").glob("forms-*.js"))
    assert sum(map(packed, needed)) < 180 * KILOBYTE


def test_no_file_of_it_has_an_address_elsewhere_or_a_map() -> None:
    assert not list(BUILT.rglob("*.map"))
    html = (BUILT / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?!/)', html)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)


def _with_imports(files: set[Path]) -> set[Path]:
    """These files, and what they import at once."""
    found, left = set[Path](), list(files)
    while left:
        file = left.pop()
        if file in found:
            continue
        found.add(file)
        if file.suffix == ".js":
            left += [file.parent / name for name in re.findall(r'(?:from|import)\s*"\./([^"]+\.js)"', file.read_text())]
    return found
