"""The files to add to the library, and the refused ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.files.domain.naming import check_name
from services.files.records import File, LibraryFile
from services.platform.errors import DarkroomError, ErrorReason

_LONGEST_NAME = 300
_MOST_VERSIONS = 500
_MOST_TOOLS = 4000
"""Characters. These two keep a chain small enough for one reply."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A file that is to become a version."""

    file_id: int
    name: str = ""
    """Empty: the file's own."""
    parent: str = ""
    """The version that it was made of; empty: it begins a chain."""
    tool: str = ""
    """The tool that made it; empty: nothing to note."""
    owned_as_parent: bool = False
    """It belongs to its parent's owner, not to the caller."""
    named_as_parent: bool = False
    """It has its parent's name, with the extension of `name` if that has one."""


def check_growth(field: str, wanted: NewVersion, parent: LibraryFile, lengths: Mapping[UUID, int]) -> None:
    """Refuse a version for which there is no room in its chain, of these lengths. Raises FIELD_INVALID."""
    if lengths.get(parent.chain, 0) >= _MOST_VERSIONS:
        raise _invalid(f"{field}.parent_id", f"its chain has {_MOST_VERSIONS} versions, the maximum. Start a new chain.")
    if wanted.tool and sum(map(len, parent.tools)) + len(wanted.tool) > _MOST_TOOLS:
        raise _invalid(f"{field}.tool", f"the tool names of a chain may have {_MOST_TOOLS} characters together. Start a new chain.")


def _invalid(field: str, problem: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}", field=field)


def name_of(wanted: NewVersion, file: File, parent: LibraryFile | None) -> str:
    """Its name in the library."""
    if parent is None or not wanted.named_as_parent:
        return wanted.name or file.name
    _, extension = _parts(wanted.name)
    return f"{_parts(parent.name)[0]}{extension}"[-_LONGEST_NAME:] if extension else parent.name


def _parts(name: str) -> tuple[str, str]:
    """The part before the extension, and the extension with its dot; a name that begins with its only dot has none."""
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem and extension else (name, "")


def check_request(wanted: Sequence[NewVersion]) -> None:
    """Refuse names that no file may have, and files that are named twice. Raises FIELD_INVALID."""
    seen: set[int] = set()
    for index, each in enumerate(wanted):
        check_name(each.name, f"files[{index}].name")
        check_name(each.tool, f"files[{index}].tool")
        if each.file_id in seen:
            raise _invalid(f"files[{index}].file_id", "is named twice.")
        seen.add(each.file_id)
