"""The gateway's memory of pictures by URL, so that popular ones cost no call and no read: where they are, for some seconds, and the bytes
of small ones, which never change."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from darkroom.internal.files.v1 import pictures_service_pb2 as pb

REMEMBERED_SECONDS = 5.0
"""For so long, a picture is shown after its file was deleted. A deleted key is remembered by files for as long again."""
_MOST = 20_000
LARGEST = 2 << 20
"""Bytes of a picture that is kept in memory."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Known:
    """A picture that was opened."""

    opened: pb.OpenPictureResponse
    until: float
    uses: int = 0


class Recent(Generic[Key]):
    """The pictures that were opened in the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, Known] = OrderedDict()

    def find(self, key: Key) -> Known | None:
        """The picture, counted as used once more; None if it has to be opened again."""
        known = self._known.get(key)
        if known is None or self._clock() >= known.until:
            return None
        known.uses += 1
        return known

    def add(self, key: Key, opened: pb.OpenPictureResponse) -> Known:
        """Remember a picture for five seconds, or less if it has to be opened again before."""
        before = self._known.pop(key, None)
        until = min(opened.expire_time.ToMicroseconds() / 1e6, self._clock() + REMEMBERED_SECONDS)
        known = self._known[key] = Known(opened, until, before.uses + 1 if before is not None else 0)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known


class Contents:
    """The bytes of small files, by their ids, up to a number of bytes: the least recently used ones go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._contents: OrderedDict[int, bytes] = OrderedDict()

    def takes(self, size: int) -> bool:
        """Whether a file of this size is kept."""
        return size <= min(LARGEST, self._most)

    def find(self, file_id: int) -> bytes | None:
        """The bytes, if they are there."""
        content = self._contents.get(file_id)
        if content is not None:
            self._contents.move_to_end(file_id)
        return content

    def add(self, file_id: int, content: bytes) -> None:
        """Keep the bytes of a file."""
        self._held += len(content) - len(self._contents.pop(file_id, b""))
        self._contents[file_id] = content
        while self._held > self._most:
            _, gone = self._contents.popitem(last=False)
            self._held -= len(gone)
