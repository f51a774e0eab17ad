"""Names of the files in an archive: valid on every system, and unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_LONGEST = 200
"""Characters; file systems take 255 bytes or UTF-16 units, and a number and the folder are added."""
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file: characters, devices with any extension, and the last character.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\..*)?", re.IGNORECASE)


def entry_names(names: Iterable[str], taken: Iterable[str] = ()) -> Sequence[str]:
    """A name for each of these files: without what Windows forbids, and `distinct`."""
    return distinct(map(_safe, names), taken)


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> Sequence[str]:
    """Names that differ from each other and from `taken`, even ignoring case and the Unicode form of accents. A second `a.png` becomes
    `a-2.png`."""
    used = {_same(name) for name in taken}
    following: dict[str, int] = {}
    found = []
    for name in names:
        stem, dot, extension = name.rpartition(".")
        stem, ending = (stem, dot + extension) if stem else (name, "")
        candidate, number = name, following.get(_same(name), 2)
        while _same(candidate) in used:
            candidate = f"{stem}-{number}{ending}"
            number += 1
        following[_same(name)] = number
        used.add(_same(candidate))
        found.append(candidate)
    return found


def _safe(name: str) -> str:
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip().rstrip(". ")
    if _DEVICES.fullmatch(name) or not name.strip("."):
        name = f"_{name}" if name else "file"
    if len(name) > _LONGEST:
        stem, dot, extension = name.rpartition(".")
        ending = dot + extension if stem and len(extension) <= 20 else ""
        name = name[: _LONGEST - len(ending)].rstrip(". ") + ending
    return name


def _same(name: str) -> str:
    """A key that is equal for names that some file system treats as the same."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFC", name).casefold())
