"""Whether a file has content credentials."""

from __future__ import annotations

import mmap
from pathlib import Path

_STORE = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""Begins the description of a manifest store (C2PA 2.2, 11.1.4.2), whatever the container: it stands in one piece in all of them."""


def has_credentials(content: bytes | Path) -> bool:
    """Whether the bytes, or those of a file, hold a manifest store. It looks at nothing else, so it is safe with any file."""
    if isinstance(content, bytes):
        return _STORE in content
    with content.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return mapped.find(_STORE) >= 0
        except ValueError:  # an empty file
            return False
