"""Cutting a length into pieces."""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 100


def starts(length: int, pieces: int, piece: int) -> Sequence[int]:
    """Where pieces begin, and the end of the last: so many equal ones, or ones of the length `piece` if that is not 0; the last takes the
    rest."""
    if piece:
        count = min(_MOST, -(-length // piece))
    else:
        count = min(_MOST, pieces, length)
        piece = length // count
    return [*range(0, count * piece, piece), length]
