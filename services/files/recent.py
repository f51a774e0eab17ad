"""Bytes of small files that were stored just now: most are read again at once, by the worker whose task they were sent for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict


class RecentContents:
    """Contents by the keys of their objects, which never get others: up to `most_bytes` in all, each for `seconds`.

    Callers must know that the client may read the file.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes, self._seconds = most_bytes, seconds
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, key: str, content: bytes) -> None:
        """Keep a content for a while, unless there is too much of it; the oldest make room."""
        if key in self._contents or len(content) > self._most_bytes:
            return
        self._contents[key] = content
        self._bytes += len(content)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._contents.popitem(last=False)[1])
        asyncio.get_running_loop().call_later(self._seconds, self._drop, key)

    def find(self, key: str) -> bytes:
        """The content; empty if it is not kept."""
        return self._contents.get(key, b"")

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._contents.pop(key, b""))
