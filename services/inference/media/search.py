"""The best file that is not too large."""

from __future__ import annotations

from collections.abc import Callable

_NEAR = 0.95
"""A file of this share of what is allowed is not improved upon."""


def highest_within(attempt: Callable[[int], bytes], highest: int, most: int) -> bytes:
    """The file of the highest level, 1 to `highest`, that has at most `most` bytes, or one that has 95 % of them; else that of level 1.

    Files are taken to grow with the level.
    """
    low, high, best = 1, highest, b""
    while low <= high:
        level = (low + high + 1) // 2
        made = attempt(level)
        if len(made) > most:
            high = level - 1
            continue
        best, low = made, level + 1
        if len(made) >= most * _NEAR:
            break
    return best or attempt(1)
