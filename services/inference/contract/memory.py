"""How operations declare the memory that they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.inference.media import Header

PeakMemory = Callable[[Any, Any], int]
"""An operation's `peak_memory(picture, parameters)`: bytes that it needs at its peak to work on a picture, including its result. The
first is the picture's header, those of all pictures for an operation that joins them, and None for one that takes no file."""


def copies_of_samples(picture: Header, copies: int, copies_of_wide: int) -> int:
    """Bytes of `copies` copies of the decoded samples, or of `copies_of_wide` copies where a sample takes two bytes."""
    return picture.samples_bytes * (copies_of_wide if picture.wide else copies)
