"""The media between a worker and its operations, and from one operation to the next."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from services.inference.media import NO_HINTS, Hints, Image, Limits, in_memory
from services.inference.media.decode import open_scaled
from services.inference.media.isolated import content_of
from services.inference.media.tiff_pages import pages_of
from services.pictures.geometry import Size
from services.pictures.media_format import SNIFF_BYTES, MediaFormat, sniff
from services.platform.errors import DarkroomError


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is delivered after a result, or after the findings that replace it."""

    label: str
    """Suffix of its name after the source's: `report.pdf` and `marks` give `report-marks.json`."""
    extension: str
    media_type: str
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF in the working folder."""

    path: Path
    pages: int
    """0 if unknown."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """Findings about a medium that was not changed; they can only be delivered."""

    attachments: tuple[Attachment, ...]
    """The first is the result, the others come after it."""


DATA_TYPE, DATA_EXTENSION = "application/json", "json"


@dataclass(frozen=True, slots=True)
class WholeFile:
    """An unchanged file, as sent or as written by the operation before. Only a child process may look into it."""

    source: Path | int
    """A file, or an open one."""
    limits: Limits
    """For pictures that are read."""
    hints: Hints = NO_HINTS
    note: Callable[[str], None] = lambda _note: None
    """Takes a sentence for the user about what of the file could not be read."""

    @property
    def name(self) -> str:
        """The owner's name for it."""
        return self.hints.name

    @property
    def content(self) -> bytes:
        """Its bytes, read each time."""
        return content_of(self.source, self.limits)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.source.stat().st_size if isinstance(self.source, Path) else os.fstat(self.source).st_size

    def pages(self) -> Sequence[WholeFile]:
        """The pages of a TIFF as files of their own; any other file alone. Raises as `media.tiff_pages.pages_of`."""
        content = self.content
        pages = pages_of(content) if sniff(content[:SNIFF_BYTES], self.name) is MediaFormat.TIFF else None
        if pages is None or len(pages) < 2:
            return [self]
        return [replace(self, hints=replace(self.hints, page=page.position)) for page in pages]

    def image(self, wanted: Callable[[Size], Size | None] = lambda _size: None) -> tuple[Image, Size]:
        """The picture in it, upright, and its own size; scaled while it is read, as `media.decode.open_scaled` says.

        Raises as `media.decode`, naming the file.
        """
        try:
            found, size = open_scaled(self.content, self.limits, wanted, self.hints)
        except DarkroomError as error:
            raise error.saying(f"{self.name}: {error.message}") from error
        for note in found.notes:
            self.note(note)
        return in_memory(found), size


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that an operation has made."""

    content: bytes | Path
    """A path is one of a file right in the folder of the step."""
    media_type: str
    extension: str
    name: str = ""
    """Its whole name; if empty, it is named after the source and the step's labels."""
    width: int = 0
    height: int = 0
    """In pixels; 0 if it is no picture."""
    pages: int = 0
    """0 if it is no document."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


@dataclass(frozen=True, slots=True)
class Data:
    """Facts about a medium, or read from it; they can only be delivered."""

    value: Mapping[str, Any]
    """In a form that JSON can hold."""

    @property
    def content(self) -> bytes:
        """As a JSON document."""
        return json.dumps(self.value, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    @property
    def size_bytes(self) -> int:
        """Bytes of the JSON document."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Several:
    """A result and further files, which are delivered after it and cost nothing."""

    first: Image | Data | NewFile
    others: Sequence[NewFile]


class NothingInFrames(Exception):
    """Raised by an operation on all frames of an animation or a video, after the last, when it found in none what it looks for, so that all
    shall be as they were. Its notices say so."""


Medium = Image | Document | Examination | Data | NewFile | None
"""The medium between steps; None is the input of an operation that needs none and the output of one that makes nothing."""


@dataclass(frozen=True, slots=True)
class References:
    """The input files of a task whose first operation takes them all at once."""

    count: int
    """Number of files; possibly 0."""
    read: Callable[[int], Awaitable[Image]]
    """Fetches and decodes one, numbered from 0; not needed where everything is kept. Raises what fetching and `media.decode` raise."""


@dataclass(frozen=True, slots=True)
class GeneratedPicture:
    """A picture that such an operation has made, in the working folder, exactly as received."""

    path: Path
    format: MediaFormat
    width: int
    height: int


class Keeping(Protocol):
    """The data that an attempt leaves for later attempts of its task, by key."""

    async def download_kept(self, folder: Path) -> Mapping[str, Path]:
        """Download what earlier attempts have kept into `folder`."""

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        """Keep a file; once this returns, later attempts have it."""


class InputFile(Protocol):
    """An input in storage, as seen by an operation that takes all inputs at once."""

    @property
    def name(self) -> str:
        """File name."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self) -> AsyncIterator[bytes]:
        """Its content, in pieces of a few megabytes."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A result that is stored while it is made."""

    name: str
    media_type: str
    size: int
    """Bytes; exactly as many as `pieces` gives."""
    pieces: AsyncIterator[bytes]
