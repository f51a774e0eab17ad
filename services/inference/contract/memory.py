"""How operations declare the memory that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.inference.media import Header

PeakMemory = Callable[[Header, Any], int]
"""An operation's `peak_memory(picture, parameters)`: bytes that it takes at its peak to work on a picture, its result included."""


def copies_of_samples(picture: Header, copies: int, copies_of_wide: int) -> int:
    """Bytes of `copies` copies of the decoded samples, or of `copies_of_wide` copies where a sample takes two bytes."""
    return picture.samples_bytes * (copies_of_wide if picture.wide else copies)
