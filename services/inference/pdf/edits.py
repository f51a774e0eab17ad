"""Replacements of byte ranges, and applying them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_BLANK = b"\x00\t\n\f\r "


@dataclass(frozen=True, slots=True)
class Edit:
    """`data[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: bytes = b""


def apply(data: bytes, edits: Sequence[Edit], start: int = 0, end: int | None = None) -> bytes:
    """`data[start:end]` after those of the edits (in order, not overlapping) that concern it.

    An edit that crosses a border applies on both sides, with its replacement on the first. Where a cut leaves white space on
    both sides, one byte of it is removed too.
    """
    end = len(data) if end is None else end
    parts: list[bytes] = []
    position = start
    for edit in edits:
        if edit.end <= start or edit.start >= end:
            continue
        parts.append(data[position : max(edit.start, start)])
        if edit.start >= start:
            parts.append(edit.replacement)
        position = min(edit.end, end)
        after_blank = edit.start <= start or data[edit.start - 1] in _BLANK
        if not edit.replacement and after_blank and position < end and data[position] in _BLANK:
            position += 1
    parts.append(data[position:end])
    return b"".join(parts)
