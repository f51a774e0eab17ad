"""ZIP archives as a stream: nothing is compressed, and only the current piece is held in memory.

The format is `zipstream-ng`'s (https://github.com/pR0Ps/zipstream-ng): APPNOTE 6.3 with data descriptors, and ZIP64 wherever a size, an
offset or the number of entries needs it. It pulls each entry from an iterator, which is fed here with pieces from asyncio.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from zipstream import ZIP_STORED, ZipStream

_SMALL = 65_536


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive."""

    name: str
    """Unique, with `/` between folders."""
    size: int
    """Bytes; exactly as many as `read` gives."""
    read: Callable[[], AsyncIterator[bytes]]
    """Its content, in pieces that are not empty."""


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
