"""ZIP archives as a stream: nothing is compressed, and only the current piece is held in memory.

The format is `zipstream-ng`'s (https://github.com/pR0Ps/zipstream-ng): APPNOTE 6.3 with data descriptors, and ZIP64 wherever a size, an
offset or the number of entries needs it. It pulls each entry from an iterator, which is fed here with pieces from asyncio.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, cast

from zipstream import ZIP_STORED, ZipStream

_SMALL = 65_536
_PIECE = 4 << 20
"""Bytes of a file that are read at once."""
_LONGEST = 200
"""Bytes of UTF-8; file systems take 255 bytes or UTF-16 units, and a number and the folder are added."""
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file: characters, devices with any extension, and the last character.
# The last ones turn the direction of text.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive."""

    name: str
    """Unique, with `/` between folders."""
    size: int
    """Bytes; exactly as many as `read` gives."""
    read: Callable[[], AsyncIterator[bytes]]
    """Its content, in pieces that are not empty."""

    @classmethod
    def of(cls, name: str, content: bytes | Path) -> Self:
        """An entry with this content, or with that of a file, which must stay until the entry has been read."""
        if isinstance(content, bytes):
            return cls(name, len(content), partial(_pieces_of_bytes, content))
        return cls(name, content.stat().st_size, partial(_pieces_of_file, content))


class ZipArchive:
    """An archive of some entries, in order. It can be produced only once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._zip = ZipStream(compress_type=ZIP_STORED, sized=True)
        self._entries = [(entry, _Hand()) for entry in entries]
        for entry, hand in self._entries:
            self._zip.add(hand, entry.name, size=entry.size)
        self.size = len(self._zip)
        """Bytes in total."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The archive's bytes. Raises what reading an entry raises, and RuntimeError for an entry that differs from its declared size."""
        for entry, hand in self._entries:
            produced = cast("Iterator[bytes]", self._zip.file())
            yield next(produced)
            async for piece in entry.read():
                hand.take(piece)
                # The checksum of a large piece takes milliseconds, and releases the interpreter's lock. That of a small one is quicker than
                # the way to a thread.
                yield next(produced) if len(piece) < _SMALL else await asyncio.to_thread(next, produced)
            for rest in produced:
                yield rest
        for end in self._zip.finalize():
            yield end


async def _pieces_of_bytes(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


async def _pieces_of_file(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        read: Callable[[], bytes] = partial(file.read, _PIECE)
        while piece := await asyncio.to_thread(read):
            yield piece


class _Hand:
    """One entry's iterator: it yields the piece it was last given, and ends when there is none."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()

    def take(self, piece: bytes) -> None:
        """Accept a piece."""
        self._pieces.append(piece)

    def __iter__(self) -> Iterator[bytes]:
        while self._pieces:
            yield self._pieces.popleft()


def entry_names(names: Iterable[str], taken: Iterable[str] = ()) -> Sequence[str]:
    """A name in an archive for each of these files: without what Windows forbids, and `distinct`."""
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
    if len(name.encode()) > _LONGEST:
        stem, dot, extension = name.rpartition(".")
        ending = dot + extension if stem and len(extension.encode()) <= 20 else ""
        name = name.encode()[: _LONGEST - len(ending.encode())].decode(errors="ignore").rstrip(". ") + ending
    return name


def _same(name: str) -> str:
    """A key that is equal for names that some file system treats as the same."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFC", name).casefold())
