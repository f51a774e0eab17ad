"""Lists of pages as people write them: `all`, `3`, `1,3-5`."""

from __future__ import annotations

import re

ALL = "all"
_PART = re.compile(r"(\d{1,18})(?:\s*-\s*(\d{1,18}))?", re.ASCII)
_MOST_NAMED = 10
"""Pages that are named which do not exist."""


class BadPageList(ValueError):
    """A text that names no pages of the document; the message says why."""


def ranges_of(text: str) -> list[tuple[int, int]] | None:
    """First and last page of each part; None for all pages, which an empty text means, too. Raises BadPageList."""
    if text.strip().lower() in ("", ALL):
        return None
    found = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise BadPageList("Invalid page range format")
        first = int(match[1])
        last = int(match[2] or match[1])
        if first < 1 or last < 1:
            raise BadPageList("Page numbers must be positive")
        if first > last:
            raise BadPageList("Invalid page range: start exceeds end")
        found.append((first, last))
    return found


def pages_of(text: str, count: int) -> list[int]:
    """The pages of a document with so many, from 1, each once and in order. Raises BadPageList."""
    ranges = ranges_of(text)
    if ranges is None:
        return list(range(1, count + 1))
    beyond: set[int] = set()
    for first, last in ranges:
        start = max(first, count + 1)
        beyond.update(range(start, min(last, start + _MOST_NAMED) + 1))
    if beyond:
        named, more = sorted(beyond)[:_MOST_NAMED], len(beyond) > _MOST_NAMED
        listed = ", ".join(map(str, named)) + (", …" if more else "")
        raise BadPageList(f"Page(s) {listed} out of range (document has {count} pages)")
    return sorted({page for first, last in ranges for page in range(first, last + 1)})
