"""Files that tasks work on, as far as plans and prices depend on them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that can be used, or one that an estimate assumes; then only what is known is set."""

    id: int = 0
    media_type: str = ""
    image_size: tuple[int, int] | None = None
    """Width and height in pixels as stored, before any rotation; None if the file is no picture."""
    pages: int | None = None
    """Of a document; None for any other file."""
