"""Uploads as they arrive: whether the edge may let a PUT through to the storage, asked before a byte of it is stored."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.files.domain.keys import is_of_no_file
from services.files.domain.quota import Quotas
from services.files.domain.upload_urls import UploadUrls
from services.files.presign import Presigner
from services.files.records import File, FileState, Storage
from services.files.store import FileStore
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_logger = get_logger()
_LENGTH = re.compile("[0-9]{1,15}")


class PutRefusal(enum.StrEnum):
    """Why a PUT is refused. The edge has the words (edge/failures.py)."""

    UNSIGNED = "unsigned"
    """The URL is not one that was given out, or it has expired."""
    ENDED = "ended"
    """The file was completed, used or deleted, or its upload was given up."""
    BUSY = "busy"
    """Bytes that were sent before have just been refused, and are being deleted."""
    NO_LENGTH = "no_length"
    """It does not say how many bytes it has."""
    TOO_LONG = "too_long"
    """It has more bytes than were announced, and than the account may store besides."""
    DISK_FULL = "disk_full"
    """There is no room for it."""
    TOO_MANY = "too_many"
    """As many to the same URL as there may be have not ended yet."""


@dataclass(frozen=True, slots=True)
class UploadPut:
    """A PUT of a client to a URL of an upload."""

    key: str
    upload_id: str | None
    """For a part of a multipart upload."""
    part_number: int
    size_bytes: int


_CLOSED = {FileState.READY: PutRefusal.ENDED, FileState.DELETING: PutRefusal.ENDED, FileState.CLEARING: PutRefusal.BUSY}


class Arrivals:
    """Answers for PUTs to URLs of uploads, and of outputs that joined workers write.

    An upload counts with what was announced for it. A PUT that may make it larger is counted before it passes, so that what an account
    has in storage, accepted or not, is never more than it may have; parts may exceed it by less than one part for each upload.
    """

    def __init__(self, store: FileStore, public_urls: Presigner, upload_urls: UploadUrls, quotas: Quotas, disk: DiskGuard) -> None:
        self._store, self._signer, self._urls, self._quotas, self._disk = store, public_urls, upload_urls, quotas, disk

    async def answer(self, target: str, headers: Mapping[str, str]) -> UploadPut | PutRefusal | None:
        """Whether a PUT with this path and query, and these headers, names in lower case, may pass: the PUT of an upload that may, or why
        it is refused; None if another may pass.

        Raises UNAVAILABLE when the database cannot be reached.
        """
        put, length = self._signer.signed_put(target, headers), headers.get("content-length", "")
        if put is None:
            return PutRefusal.UNSIGNED
        if not _LENGTH.fullmatch(length):
            return PutRefusal.NO_LENGTH
        if is_of_no_file(put.key):
            return None
        file = await self._store.at(put.key)
        if file is None or file.upload_id != put.upload_id:
            return PutRefusal.ENDED
        return _CLOSED.get(file.state) or await self._of_open(file, UploadPut(put.key, put.upload_id, put.part_number, int(length)))

    async def _of_open(self, file: File, put: UploadPut) -> UploadPut | PutRefusal | None:
        # Outputs are of tasks that run: these end, whatever there is room for, and outputs count when their task has succeeded with them.
        if not file.visible:
            return None
        return await self._no_room(file, put.size_bytes) or put

    async def _no_room(self, file: File, length: int) -> PutRefusal | None:
        if not self._disk.has_room(length):
            return PutRefusal.DISK_FULL
        total = self._urls.most_with(file, length)
        if total <= file.counted_bytes:
            return None
        try:
            await self._store.reserve(file, total, self._quotas.check(Storage(size_bytes=total - file.counted_bytes)))
        except DarkroomError as error:
            if error.reason is not ErrorReason.QUOTA_EXCEEDED:
                raise
            _logger.info("upload_over_quota", account_id=file.account_id, file_id=file.id, bytes=total)
            return PutRefusal.TOO_LONG
        return None
