"""Object storage: the service's S3 requests, with S3's errors translated."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus

from services.files.metrics import REQUESTS
from services.files.s3_client import S3Client, StorageRefusal, path_of
from services.files.s3_xml import Element, completion, deletion
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttpError

_logger = get_logger()
_XML = "application/xml"
# Keys of listings then come with their percent signs: XML cannot hold every character.
_URL_ENCODED = {"encoding-type": "url"}
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

    def __init__(self, client: S3Client) -> None:
        self._client = client

    async def reach(self) -> None:
        """Check that the bucket can be reached."""
        with _translated("HeadBucket"):
            await self._client.send("HEAD")

    async def head(self, key: str) -> StoredObject | None:
        try:
            with _translated("HeadObject", _ABSENT):
                found = (await self._client.send("HEAD", key)).headers
                size, etag, modified = (found.get(name, "") for name in ("Content-Length", "ETag", "Last-Modified"))
                return StoredObject(key, int(size), etag, parsedate_to_datetime(modified))
        except _Refusal:
            return None

    async def copy(self, source: str, etag: str, key: str, media_type: str) -> str:
        """Copy the object `source` within the storage, without the headers that its sender attached; returns the copy's ETag.

        Raises SourceChanged where the object is gone, or has another ETag than `etag` and the storage looks (`rclone serve s3` does not).
        """
        headers = {
            "content-type": media_type,
            "x-amz-copy-source": path_of(f"{self._client.bucket}/{source}"),
            "x-amz-copy-source-if-match": etag,
            "x-amz-metadata-directive": "REPLACE",
        }
        try:
            with _translated("CopyObject", _CHANGED):
                return (await self._client.send("PUT", key, headers=headers)).content.value("ETag")
        except _Refusal as refusal:
            raise SourceChanged from refusal

    async def delete(self, keys: Collection[str]) -> set[str]:
        """Delete objects, absent ones included; returns the keys that are gone."""
        ordered = list(keys)
        failed: set[str] = set()
        for start in range(0, len(ordered), _DELETE_BATCH):
            body = deletion(ordered[start : start + _DELETE_BATCH])
            # The operation needs a checksum, and every storage knows this one.
            digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
            headers = {"content-md5": digest, "content-type": _XML}
            with _translated("DeleteObjects"):
                reply = await self._client.send("POST", query={"delete": ""}, headers=headers, body=body)
            for error in reply.content.all("Error"):
                key = error.value("Key", "")
                _logger.warning("object_not_deleted", key=key, code=error.value("Code", ""))
                failed.add(key)
        return set(ordered) - failed

    async def pages(self, prefix: str, delimiter: str = "") -> AsyncIterator[list[StoredObject]]:
        """Everything below a prefix, up to 1,000 objects per page; with a delimiter, without what has it after the prefix."""
        query = {"list-type": "2", "prefix": prefix, **({"delimiter": delimiter} if delimiter else {}), **_URL_ENCODED}
        with _translated("ListObjectsV2"):
            async for page in self._pages("", query, {"continuation-token": "NextContinuationToken"}):
                yield [_listed(page, item) for item in page.all("Contents")]

    async def start_upload(self, key: str, media_type: str) -> str:
        """Begin a multipart upload; returns its id."""
        with _translated("CreateMultipartUpload"):
            return (await self._client.send("POST", key, {"uploads": ""}, {"content-type": media_type})).content.value("UploadId")

    async def parts(self, key: str, upload_id: str) -> Mapping[int, StoredPart]:
        """The parts that have arrived, by number. Raises UploadGone."""
        stored: dict[int, StoredPart] = {}
        try:
            with _translated("ListParts", _NO_UPLOAD):
                async for page in self._pages(key, {"uploadId": upload_id}, {"part-number-marker": "NextPartNumberMarker"}):
                    for part in page.all("Part"):
                        stored[int(part.value("PartNumber"))] = StoredPart(int(part.value("Size")), part.value("ETag"))
        except _Refusal as refusal:
            raise UploadGone from refusal
        return stored

    async def join_parts(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Finish a multipart upload from its parts, ETags by number. Raises UploadGone and PartsRefused."""
        body = completion(sorted(etags.items()))
        try:
            with _translated("CompleteMultipartUpload", _NO_UPLOAD | _BAD_PARTS):
                await self._client.send("POST", key, {"uploadId": upload_id}, {"content-type": _XML}, body)
        except _Refusal as refusal:
            if str(refusal) in _BAD_PARTS:
                raise PartsRefused(str(refusal)) from refusal
            raise UploadGone from refusal

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Drop a multipart upload with its parts. Repeating it is harmless."""
        try:
            with _translated("AbortMultipartUpload", _NO_UPLOAD):
                await self._client.send("DELETE", key, {"uploadId": upload_id})
        except _Refusal:
            # `rclone serve s3` forgets its uploads when it restarts, but leaves what it had streamed in a hidden object that no
            # listing shows. Other storages have no such object, and deleting it is then a no-op.
            await self.delete([posixpath.join(posixpath.dirname(key), f".rclone_temp_multipart_{upload_id}")])

    async def uploads(self, prefix: str) -> list[StartedUpload]:
        """Unfinished multipart uploads below a prefix."""
        found: list[StartedUpload] = []
        query = {"uploads": "", "prefix": prefix, **_URL_ENCODED}
        try:
            with _translated("ListMultipartUploads", _NO_UPLOAD):
                async for page in self._pages("", query, {"key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker"}):
                    for item in page.all("Upload"):
                        started = datetime.fromisoformat(item.value("Initiated"))
                        found.append(StartedUpload(_key(page, item.value("Key")), item.value("UploadId"), started))
        except _Refusal:
            return []  # `rclone serve s3` answers like this when there are none.
        return found

    async def _pages(self, key: str, query: Mapping[str, str], markers: Mapping[str, str]) -> AsyncIterator[Element]:
        """The pages of a listing. `markers`: the parameters that continue it, and the elements of a page that tell them."""
        following: dict[str, str] = {}
        while True:
            page = (await self._client.send("GET", key, {**query, **following})).content
            yield page
            if page.value("IsTruncated", "") != "true":
                return
            before, told = following, {parameter: page.value(name, "") for parameter, name in markers.items()}
            following = {
                parameter: _key(page, marker) if parameter == "key-marker" else marker for parameter, marker in told.items() if marker
            }
            if following in ({}, before):
                raise ValueError("a listing without an end")


def _listed(page: Element, item: Element) -> StoredObject:
    modified = datetime.fromisoformat(item.value("LastModified"))
    return StoredObject(_key(page, item.value("Key")), int(item.value("Size")), item.value("ETag"), modified)


def _key(page: Element, told: str) -> str:
    return unquote_plus(told) if page.value("EncodingType", "") == "url" else told


@contextmanager
def _translated(operation: str, expected: frozenset[str] = frozenset()) -> Iterator[None]:
    """Raise _Refusal for the expected error codes, and UNAVAILABLE for everything else that goes wrong."""
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "ok"
    except StorageRefusal as error:
        if error.code in expected:
            outcome = "refused"
            raise _Refusal(error.code) from error
        _logger.warning("storage_failed", operation=operation, code=error.code)
        raise _unavailable() from error
    except (ObjectHttpError, ValueError) as error:
        _logger.warning("storage_failed", operation=operation, error=repr(error))
        raise _unavailable() from error
    finally:
        REQUESTS.labels(operation, outcome).observe(time.perf_counter() - started)


def _unavailable() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.")
