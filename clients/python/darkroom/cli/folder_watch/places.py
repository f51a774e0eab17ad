"""The places between which a watch works. Folders are the only ones so far: see `folder_source` and `folder_destination`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from darkroom.cli.journal import Entry


@dataclass(frozen=True)
class Stamp:
    """A file as its place describes it, without the content. If that is the same, so is the content."""

    size_bytes: int
    version: str
    """The times of a file in a folder, or the ETag of an object."""


class Source(Protocol):
    """A place where files appear. A file's name is its path below the place, with `/` between the parts."""

    def __str__(self) -> str:
        """The place as the user named it."""

    async def listing(self, below: str = "") -> Mapping[str, Stamp]:
        """All files that are to be taken, or those in one folder of the place. Raises OSError while the place cannot be read."""

    def stamp(self, name: str) -> Stamp | None:
        """The description of a file now; None if it is gone, or is not to be taken."""

    def changes(self) -> AsyncGenerator[Collection[str] | None, None]:
        """Names of files and folders that may have changed; None when all should be looked at. Ends with the one who reads it."""

    def path(self, name: str) -> Path:
        """The file to read. Raises OSError if it cannot be read."""


class Destination(Protocol):
    """A place for results, and for files that failed."""

    def __str__(self) -> str:
        """The place as the user named it."""

    def folder(self, name: str) -> Path:
        """The folder for the results of the file of that name."""

    def parts(self, entry: Entry) -> Path:
        """An empty folder for the results of an entry until they are complete, where nobody looks for them."""

    def place(self, entry: Entry, parts: Sequence[Path]) -> list[Path]:
        """Move complete results to their folder, each at once and under a free name, and record the entry as done. Raises OSError."""

    def resume_placement(self, entry: Entry) -> list[Path] | None:
        """Go on with what `place` began before the process was killed; None if it did not begin."""

    def set_aside(self, name: str, source: Path, report: Mapping[str, object]) -> Path:
        """Keep a copy of a file that failed, with a report why. Returns the report's path. Raises OSError."""

    def take_back(self, report: Path) -> None:
        """Undo `set_aside`. Raises OSError."""
