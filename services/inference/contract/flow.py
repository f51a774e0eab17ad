"""What flows between a worker and its operations, and from one operation to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.common.media_format import MediaFormat
from services.inference.media import Image


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is delivered after a result, or after what was found out in its place."""

    label: str
    """What its name says after the source's: `report.pdf` and `marks` give `report-marks.json`."""
    extension: str
    media_type: str
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF in the working folder."""

    path: Path
    pages: int
    """0 when it is not known."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found out about a medium that was not changed; nothing can be done with it but deliver it."""

    attachments: tuple[Attachment, ...]
    """The first is the result, the others come after it."""


Medium = Image | Document | Examination | None
"""What flows from step to step; None into an operation that needs no input and out of one that makes nothing."""


class References(Protocol):
    """The files of a task whose first operation takes them all together."""

    @property
    def count(self) -> int:
        """How many there are; possibly none."""

    async def read(self, number: int) -> Image:
        """Fetch and decode one, from 0. Raises what fetching and `media.decode` raise."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that such an operation has made, in the working folder, as it came."""

    path: Path
    format: MediaFormat
    width: int
    height: int


class Keeping(Protocol):
    """What an attempt leaves for later attempts of its task, by key."""

    async def kept(self, folder: Path) -> Mapping[str, Path]:
        """What earlier attempts have kept, brought into `folder`."""

    async def keep(self, key: str, file: Path, media_type: str) -> None:
        """Keep a file; when this returns, later attempts have it."""


class InputFile(Protocol):
    """An input in storage, as an operation sees it that takes all of them together."""

    @property
    def name(self) -> str:
        """File name."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self) -> AsyncIterator[bytes]:
        """Its content, in pieces of some megabytes."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A result that is stored as it is made."""

    name: str
    media_type: str
    size: int
    """Bytes; exactly as many as `pieces` gives."""
    pieces: AsyncIterator[bytes]
