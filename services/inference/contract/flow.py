"""What flows between a worker and its operations, and from one operation to the next."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from services.common.media_format import MediaFormat
from services.inference.media import NO_HINTS, Hints, Image, Limits


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
class PictureFile:
    """A picture as it was sent, which only a child process may look at."""

    content: bytes
    limits: Limits
    hints: Hints = NO_HINTS


@dataclass(frozen=True, slots=True)
class Data:
    """What is known of a medium, or was read in it; it can only be delivered."""

    value: Mapping[str, Any]
    """In a form that JSON can hold."""

    @property
    def content(self) -> bytes:
        """As a JSON document."""
        return json.dumps(self.value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


Medium = Image | Document | Examination | Data | None
"""What flows from step to step; None is the input of an operation that needs none and the output of one that makes nothing."""


class References(Protocol):
    """The input files of a task whose first operation takes them all at once."""

    @property
    def count(self) -> int:
        """Number of files; possibly 0."""

    async def read(self, number: int) -> Image:
        """Fetch and decode one, numbered from 0. Raises what fetching and `media.decode` raise."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that such an operation has made, in the working folder, exactly as received."""

    path: Path
    format: MediaFormat
    width: int
    height: int


class Keeping(Protocol):
    """What an attempt leaves for later attempts of its task, by key."""

    async def kept(self, folder: Path) -> Mapping[str, Path]:
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
    """A result that is stored as it is made."""

    name: str
    media_type: str
    size: int
    """Bytes; exactly as many as `pieces` gives."""
    pieces: AsyncIterator[bytes]
