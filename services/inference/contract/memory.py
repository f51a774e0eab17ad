"""What operations say about the memory that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.inference.media import Header

PeakMemory = Callable[[Header, Any], int]
"""An operation's `peak_memory(picture, parameters)`: bytes that it takes at its peak to work on a picture, its result included."""


def copies_of_samples(picture: Header, copies: int, copies_of_wide: int) -> int:
    """Bytes of so many copies of the decoded samples: of those of one byte, or of those of two."""
    return picture.samples_bytes * (copies_of_wide if picture.wide else copies)
