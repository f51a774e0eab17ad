"""Joining the parts of a multipart upload: the reported parts, checked against those that have arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.files.domain.errors import about, no_upload, not_uploaded
from services.files.objects import ObjectStore, PartsRefused, StoredPart, UploadGone
from services.files.records import File
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that the client says it has uploaded."""

    number: int
    etag: str
    """With or without quotes."""


async def join(objects: ObjectStore, file: File, upload_id: str, parts: Sequence[UploadedPart], max_bytes: int) -> None:
    """Check the parts against what has arrived, then join them.

    Raises UPLOAD_NOT_FOUND, FIELD_INVALID (parts) and FILE_TOO_LARGE (more than `max_bytes` in total). The parts are checked first,
    because not every storage keeps the upload when joining fails (`rclone serve s3` drops it).
    """
    try:
        stored = await objects.parts(file.object_key, upload_id)
    except UploadGone:
        # An earlier call may have joined the parts and lost its reply.
        if await objects.head(file.object_key) is None:
            raise no_upload(file.id) from None
        return
    etags = check(parts, stored)
    _check_rest(file, etags, stored)
    await _check_sum(objects, file, upload_id, max_bytes, sum(stored[number].size_bytes for number in etags))
    try:
        await objects.join_parts(file.object_key, upload_id, etags)
    except UploadGone:
        if await objects.head(file.object_key) is None:
            raise no_upload(file.id) from None
    except PartsRefused as refusal:
        raise completion_error(str(refusal)) from refusal


async def join_all(objects: ObjectStore, file: File, upload_id: str) -> None:
    """Join whatever parts of an output have arrived, if they make up its size. Repeating it is harmless.

    Raises SOURCE_FILE_UPLOAD_NOT_COMPLETED.
    """
    try:
        stored = await objects.parts(file.object_key, upload_id)
        if sum(part.size_bytes for part in stored.values()) != file.size_bytes:
            raise not_uploaded(file.id)
        await objects.join_parts(file.object_key, upload_id, {number: part.etag for number, part in stored.items()})
    except PartsRefused as refusal:
        raise not_uploaded(file.id) from refusal
    except UploadGone:
        # An earlier call may have joined the parts and lost its reply; the object says so.
        return


def _check_rest(file: File, etags: Collection[int], stored: Mapping[int, StoredPart]) -> None:
    """Refuse a list that leaves out parts that have arrived, if the file would then be smaller than announced."""
    listed = sum(stored[number].size_bytes for number in etags)
    left_out = sorted(set(stored) - set(etags))
    if listed < file.size_bytes and left_out:
        raise _invalid(
            "parts", f"{len(etags)} of the {len(stored)} parts that have arrived are listed, and hold {listed} of {file.size_bytes} bytes"
        )


async def _check_sum(objects: ObjectStore, file: File, upload_id: str, max_bytes: int, size: int) -> None:
    """Refuse parts that make up too large a file, and drop them."""
    if size <= max_bytes:
        return
    await objects.abort_upload(file.object_key, upload_id)
    message = f"The parts hold {size} bytes; {max_bytes} are allowed. They were discarded."
    raise about(DarkroomError(ErrorReason.FILE_TOO_LARGE, message), file.id)


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
            raise _invalid(field, f"part numbers must run from 1 to {len(parts)} without gaps; got {part.number}")
        seen.add(part.number)
        arrived = stored.get(part.number)
        if arrived is None:
            raise _invalid(field, f"part {part.number} has not been uploaded")
        if _bare(part.etag) != _bare(arrived.etag):
            raise _invalid(f"parts[{index}].etag", f"is not the ETag that storage returned for part {part.number}")
    return {part.number: stored[part.number].etag for part in parts}


def completion_error(code: str) -> DarkroomError:
    """The error for when the storage refused to join the parts, with the reason given by its error code."""
    if code == "EntityTooSmall":
        return _invalid("parts", "every part but the last must have 5 MiB (5242880 bytes) or more")
    return _invalid("parts", "a part changed while the parts were being joined")


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"').lower()


def _invalid(field: str, problem: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field)
