"""The parts that a client reports for a multipart upload, against those that have arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.common.errors import DarkroomError, ErrorReason
from services.files.objects import StoredPart


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that the client says it has uploaded."""

    number: int
    etag: str
    """With or without quotes."""


def check(parts: Sequence[UploadedPart], stored: Mapping[int, StoredPart]) -> dict[int, str]:
    """The stored ETags of the reported parts, by number.

    The parts may be reported in any order; their numbers must be 1 to n, each once. Raises FIELD_INVALID, blamed on
    `parts[i].part_number` or `parts[i].etag`.
    """
    if not parts:
        raise _invalid("parts", "must list the parts that were uploaded, each with the ETag header of its PUT")
    seen: set[int] = set()
    for index, part in enumerate(parts):
        field = f"parts[{index}].part_number"
        if part.number in seen:
            raise _invalid(field, f"part {part.number} is listed twice")
        if not 1 <= part.number <= len(parts):
            raise _invalid(field, f"part numbers must run from 1 without a gap; {part.number} is no number from 1 to {len(parts)}")
        seen.add(part.number)
        arrived = stored.get(part.number)
        if arrived is None:
            raise _invalid(field, f"part {part.number} has not been uploaded")
        if _bare(part.etag) != _bare(arrived.etag):
            raise _invalid(f"parts[{index}].etag", f"is not the ETag that storage returned for part {part.number}")
    return {part.number: stored[part.number].etag for part in parts}


def refused(code: str) -> DarkroomError:
    """The storage would not join the parts, for the reason that its error code names."""
    if code == "EntityTooSmall":
        return _invalid("parts", "every part but the last must have 5 MiB (5242880 bytes) or more")
    return _invalid("parts", "a part changed while the parts were being joined")


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"').lower()


def _invalid(field: str, problem: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)
