"""Files that tasks work on, and where others are: the properties that plans and prices depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputFile:
    """The record of a file, or the assumption of an estimate; then only the known properties are set."""

    id: int = 0
    name: str = ""
    media_type: str = ""
    image_size: tuple[int, int] | None = None
    """Width and height in pixels as stored, before any rotation; None if the file is no picture."""
    pages: int | None = None
    """The pages of a document; None for any other file."""
    size_bytes: int = 0
    frames: int | None = None
    """The pictures in it, 1 for a still one; None if they are not known, or the file is no picture."""
    milliseconds: int | None = None
    """How long a video takes; None for any other file."""


@dataclass(frozen=True, slots=True)
class InputUrl:
    """An input that is fetched: when the task is accepted, or later by the worker that runs it."""

    url: str
    field: str
    """The field of the request that names it."""
