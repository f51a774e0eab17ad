"""Joining the parts of a multipart upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.errors import DarkroomError, ErrorReason
from services.files.domain import parts as part_rules
from services.files.domain.parts import UploadedPart
from services.files.domain.refusals import about, no_upload, not_uploaded
from services.files.objects import ObjectStore, PartsRefused, StoredPart, UploadGone
from services.files.store.models import FileRow


async def join(objects: ObjectStore, row: FileRow, upload_id: str, parts: Sequence[UploadedPart], part_bytes: int) -> None:
    """Check the parts against what has arrived, then join them.

    Raises UPLOAD_NOT_FOUND, FIELD_INVALID (parts) and FILE_SIZE_MISMATCH. The parts are checked first, because not every storage keeps
    the upload when the joining fails (`rclone serve s3` drops it).
    """
    try:
        stored = await objects.parts(row.object_key, upload_id)
    except UploadGone:
        # An earlier call may have joined the parts and lost its reply.
        if await objects.head(row.object_key) is None:
            raise no_upload(row.id) from None
        return
    etags = part_rules.check(parts, stored)
    await _check_sum(objects, row, upload_id, part_bytes, {number: stored[number] for number in etags})
    try:
        await objects.join_parts(row.object_key, upload_id, etags)
    except UploadGone:
        if await objects.head(row.object_key) is None:
            raise no_upload(row.id) from None
    except PartsRefused as refusal:
        raise part_rules.refused(str(refusal)) from refusal


async def join_all(objects: ObjectStore, row: FileRow, upload_id: str) -> None:
    """Join whatever parts of an output have arrived, if they make up its size. Repeating it is harmless.

    Raises SOURCE_FILE_UPLOAD_NOT_COMPLETED.
    """
    try:
        stored = await objects.parts(row.object_key, upload_id)
        if sum(part.size_bytes for part in stored.values()) != row.size_bytes:
            raise not_uploaded(row.id)
        await objects.join_parts(row.object_key, upload_id, {number: part.etag for number, part in stored.items()})
    except PartsRefused as refusal:
        raise not_uploaded(row.id) from refusal
    except UploadGone:
        # An earlier call may have joined the parts and lost its reply; the object says so.
        return


async def _check_sum(objects: ObjectStore, row: FileRow, upload_id: str, part_bytes: int, joined: Mapping[int, StoredPart]) -> None:
    """Refuse parts that do not make up the declared size. When no part is missing, the upload is dropped."""
    size = sum(part.size_bytes for part in joined.values())
    if size == row.size_bytes:
        return
    expected = -(-row.size_bytes // part_bytes)
    if size < row.size_bytes and len(joined) < expected:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID,
            f"parts: {len(joined)} of {expected} parts hold {size} of the declared {row.size_bytes} bytes; "
            f"parts {len(joined) + 1} to {expected} are missing.",
            field="parts",
        )
    await objects.abort_upload(row.object_key, upload_id)
    raise about(
        DarkroomError(ErrorReason.FILE_SIZE_MISMATCH, f"The parts hold {size} bytes; {row.size_bytes} were declared. They were discarded."),
        row.id,
    )
