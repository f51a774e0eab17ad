"""Files that tasks work on: the properties that plans and prices depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputFile:
    """A usable file, or one that an estimate assumes; then only the known properties are set."""

    id: int = 0
    name: str = ""
    media_type: str = ""
    image_size: tuple[int, int] | None = None
    """Width and height in pixels as stored, before any rotation; None if the file is no picture."""
    pages: int | None = None
    """Of a document; None for any other file."""
