"""Which files of a folder are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".opdownload", ".filepart", ".tmp", ".temp")
"""Suffixes of files that browsers and transfers have not finished."""


@dataclass(frozen=True)
class Selection:
    """Files by suffix and by patterns. A pattern without a slash is about the name, one with a slash about the path below the folder.

    Neither suffixes nor patterns distinguish capitals, because cameras write IMG_1.JPG. In patterns `*` also stands for slashes.
    """

    suffixes: Sequence[str]
    """In small letters, with the dot."""
    include: Sequence[str] = ()
    """Patterns of which a file has to match one, if there are any."""
    exclude: Sequence[str] = ()
    """Patterns of which a file may match none."""

    def takes(self, name: str) -> bool:
        """Whether it takes a file with this path below the folder, whose parts are separated by `/`."""
        parts = name.lower().split("/")
        own = parts[-1]
        if any(part.startswith(".") for part in parts) or own.startswith("~$") or own.endswith(("~", *_UNFINISHED)):
            return False
        if not own.endswith(tuple(self.suffixes)):
            return False
        if self.include and not any(_matches(name, pattern) for pattern in self.include):
            return False
        return not any(_matches(name, pattern) for pattern in self.exclude)


def _matches(name: str, pattern: str) -> bool:
    path = name.lower()
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern.lower())
