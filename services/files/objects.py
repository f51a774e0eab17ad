"""Object storage: the service's S3 requests, through aiobotocore, with S3's errors translated."""

from __future__ import annotations

import posixpath
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from services.files.metrics import REQUESTS
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_refusals import tell_clock

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_logger = get_logger()
_DELETE_BATCH = 1000  # S3's limit for one DeleteObjects
_ABSENT = frozenset({"404", "NoSuchKey"})
_CHANGED = _ABSENT | {"412", "PreconditionFailed"}
_NO_UPLOAD = frozenset({"404", "NoSuchUpload"})
_BAD_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The answer of HEAD or a listing about an object."""

    key: str
    size_bytes: int
    etag: str
    """With quotes from HEAD; a listing may leave them out."""
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of an unfinished multipart upload."""

    size_bytes: int
    etag: str
    """With quotes."""


@dataclass(frozen=True, slots=True)
class StartedUpload:
    """An unfinished multipart upload."""

    key: str
    upload_id: str
    started_at: datetime


class SourceChanged(Exception):
    """The object to be copied does not exist or is not the one that was meant."""


class UploadGone(Exception):
    """The multipart upload does not exist: finished, aborted, or lost by the storage."""


class PartsRefused(Exception):
    """The storage refused to join the parts; the text is its error code."""


class _Refusal(Exception):
    """An error code that the caller of `_translated` expects."""


class ObjectStore:
    """One bucket. Every method raises DarkroomError UNAVAILABLE when the storage fails."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    async def reach(self) -> None:
        """Check that the bucket can be reached."""
        with _translated("HeadBucket"):
            await self._client.head_bucket(Bucket=self._bucket)

    async def head(self, key: str) -> StoredObject | None:
        try:
            with _translated("HeadObject", _ABSENT):
                found = await self._client.head_object(Bucket=self._bucket, Key=key)
        except _Refusal:
            return None
        return StoredObject(key, found["ContentLength"], found["ETag"], found["LastModified"])

    async def copy(self, source: str, etag: str, key: str, media_type: str) -> str:
        """Copy the object `source` within the storage, without the headers that its sender attached; returns the copy's ETag.

        Raises SourceChanged where the object is gone, or has another ETag than `etag` and the storage looks (`rclone serve s3` does not).
        """
        try:
            with _translated("CopyObject", _CHANGED):
                reply = await self._client.copy_object(
                    Bucket=self._bucket,
                    Key=key,
                    CopySource={"Bucket": self._bucket, "Key": source},
                    CopySourceIfMatch=etag,
                    MetadataDirective="REPLACE",
                    ContentType=media_type,
                )
        except _Refusal as refusal:
            raise SourceChanged from refusal
        return reply["CopyObjectResult"]["ETag"]

    async def delete(self, keys: Collection[str]) -> set[str]:
        """Delete objects, absent ones included; returns the keys that are gone."""
        ordered = list(keys)
        failed: set[str] = set()
        for start in range(0, len(ordered), _DELETE_BATCH):
            batch = ordered[start : start + _DELETE_BATCH]
            with _translated("DeleteObjects"):
                reply = await self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            for error in reply.get("Errors", []):
                _logger.warning("object_not_deleted", key=error.get("Key"), code=error.get("Code"))
                failed.add(error.get("Key", ""))
        return set(ordered) - failed

    async def pages(self, prefix: str) -> AsyncIterator[list[StoredObject]]:
        """Everything below a prefix, up to 1,000 objects per page."""
        with _translated("ListObjectsV2"):
            async for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield [StoredObject(item["Key"], item["Size"], item["ETag"], item["LastModified"]) for item in page.get("Contents", [])]

    async def start_upload(self, key: str, media_type: str) -> str:
        """Begin a multipart upload; returns its id."""
        with _translated("CreateMultipartUpload"):
            reply = await self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=media_type)
        return reply["UploadId"]

    async def parts(self, key: str, upload_id: str) -> Mapping[int, StoredPart]:
        """The parts that have arrived, by number. Raises UploadGone."""
        stored: dict[int, StoredPart] = {}
        try:
            with _translated("ListParts", _NO_UPLOAD):
                pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
                async for page in pages:
                    for part in page.get("Parts", []):
                        stored[part["PartNumber"]] = StoredPart(part["Size"], part["ETag"])
        except _Refusal as refusal:
            raise UploadGone from refusal
        return stored

    async def join_parts(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Finish a multipart upload from its parts, ETags by number. Raises UploadGone and PartsRefused."""
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        try:
            with _translated("CompleteMultipartUpload", _NO_UPLOAD | _BAD_PARTS):
                await self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
                )
        except _Refusal as refusal:
            if str(refusal) in _BAD_PARTS:
                raise PartsRefused(str(refusal)) from refusal
            raise UploadGone from refusal

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Drop a multipart upload with its parts. Repeating it is harmless."""
        try:
            with _translated("AbortMultipartUpload", _NO_UPLOAD):
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except _Refusal:
            # `rclone serve s3` forgets its uploads when it restarts, but leaves what it had streamed in a hidden object that no
            # listing shows. Other storages have no such object, and deleting it is then a no-op.
            await self.delete([posixpath.join(posixpath.dirname(key), f".rclone_temp_multipart_{upload_id}")])

    async def uploads(self, prefix: str) -> list[StartedUpload]:
        """Unfinished multipart uploads below a prefix."""
        found: list[StartedUpload] = []
        try:
            with _translated("ListMultipartUploads", _NO_UPLOAD):
                async for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix):
                    found += [StartedUpload(item["Key"], item["UploadId"], item["Initiated"]) for item in page.get("Uploads", [])]
        except _Refusal:
            return []  # `rclone serve s3` answers like this when there are none.
        return found


@contextmanager
def _translated(operation: str, expected: frozenset[str] = frozenset()) -> Iterator[None]:
    """Raise _Refusal for the expected error codes, and UNAVAILABLE for everything else that goes wrong."""
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "ok"
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in expected:
            outcome = "refused"
            raise _Refusal(code) from error
        _logger.warning("storage_failed", operation=operation, code=code)
        answer = error.response.get("ResponseMetadata", {})
        tell_clock(answer.get("HTTPStatusCode", 0), {"Date": answer.get("HTTPHeaders", {}).get("date", "")})
        raise _unavailable() from error
    except BotoCoreError as error:
        _logger.warning("storage_failed", operation=operation, error=repr(error))
        raise _unavailable() from error
    finally:
        REQUESTS.labels(operation, outcome).observe(time.perf_counter() - started)


def _unavailable() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.")
