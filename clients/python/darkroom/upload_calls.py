"""Uploads, in parts, that resume where they were interrupted."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cached_property

from darkroom.calls import new_key
from darkroom.content import Content, Source, is_url, open_content
from darkroom.failures import InvalidRequest, NotFound, StorageError
from darkroom.files.v1 import file_pb2, files_service_pb2, files_service_pb2_grpc
from darkroom.part import Part
from darkroom.transfer import Progress, nothing

_IMPORT_SECONDS = 110.0
"""The fetch, and the examination of a large file."""


class UploadsPart(Part):
    """The upload methods of `AsyncClient`."""

    @cached_property
    def _files(self) -> files_service_pb2_grpc.FilesServiceAsyncStub:
        return files_service_pb2_grpc.FilesServiceStub(self._calls.channel)

    async def upload(
        self,
        source: Source,
        on_progress: Progress | None = None,
        *,
        name: str | None = None,
        permanent: bool = False,
        idempotency_key: str | None = None,
    ) -> file_pb2.File:
        """Upload a file and return its record, checked by the server.

        `source` is a path, bytes, an open binary file, or a URL, as for `import_url`. `name` is its name on the server, with an extension;
        by default that of the source. `on_progress` is called with the number of bytes sent since the last call. Large files are sent in
        parts, several at a time, and failed parts are sent again. With your own `idempotency_key` an interrupted upload can be resumed,
        even from another process: call again with the same key and source within 24 hours. A `permanent` file stays until it is deleted;
        others expire, and so does a file of a URL.

        Raises OSError if the source cannot be read, ValueError if it has no name and its kind cannot be determined, and InvalidRequest for
        a name that is not UTF-8.
        """
        if is_url(source):
            return await self.import_url(source, name=name, idempotency_key=idempotency_key)
        progress = on_progress or nothing
        with open_content(source, name) as content:
            _require_utf8(content.name)
            new = files_service_pb2.NewFile(name=content.name, size_bytes=content.size_bytes)
            request = files_service_pb2.CreateFilesRequest(files=[new], permanent=permanent)
            reply = await self._calls.call(self._files.CreateFiles, request, idempotency_key=idempotency_key or new_key())
            upload = reply.uploads[0]
            if upload.file.state == file_pb2.FILE_STATE_READY:
                progress(content.size_bytes)
                return upload.file
            if idempotency_key is not None and upload.HasField("multipart"):
                return await self._resume(upload.file.id, content, progress)
            return await self._send(upload, content, {}, progress)

    async def import_url(self, url: str, *, name: str | None = None, idempotency_key: str | None = None) -> file_pb2.File:
        """Have the server fetch a file from a URL, http or https, and return its record. It reaches public addresses only, and gives a file
        up that takes longer than its operator allows, 40 seconds by default.

        `name` is the file's name on the server; by default the last part of the URL's path. With your own `idempotency_key`, calling again
        with the same key within 24 hours returns the same file and fetches nothing. Raises InvalidRequest if the URL is not one that files
        are fetched from, or if what it leads to cannot be fetched or is no picture or PDF.
        """
        request = files_service_pb2.ImportFileRequest(url=url, name=name or "")
        reply = await self._calls.call(
            self._files.ImportFile, request, idempotency_key=idempotency_key or new_key(), timeout=_IMPORT_SECONDS
        )
        return reply.file

    async def resume_upload(self, file_id: int, source: Source, on_progress: Progress | None = None) -> file_pb2.File:
        """Resume an interrupted upload by the id of its file. Only parts that are missing or differ from the source are sent.

        Raises NotFound if the file is gone, InvalidRequest if the size of the source differs from the declared one, and OSError if it
        cannot be read. If the upload is already complete, the file is returned unchanged.
        """
        file = (await self._calls.call(self._files.GetFile, files_service_pb2.GetFileRequest(file_id=file_id))).file
        if file.state == file_pb2.FILE_STATE_READY:
            return file
        with open_content(source, file.name) as content:
            if file.size_bytes not in (0, content.size_bytes):
                raise InvalidRequest(
                    "FILE_SIZE_MISMATCH", f"{content.name} was declared with {file.size_bytes} bytes but has {content.size_bytes}."
                )
            return await self._resume(file_id, content, on_progress or nothing)

    async def abort_upload(self, file_id: int) -> None:
        """Abort an unfinished upload. The parts that have arrived and the file record are deleted."""
        await self._calls.call(self._files.AbortUpload, files_service_pb2.AbortUploadRequest(file_id=file_id))

    async def _resume(self, file_id: int, content: Content, progress: Progress) -> file_pb2.File:
        request = files_service_pb2.ResumeUploadRequest(file_id=file_id)
        try:
            reply = await self._calls.call(self._files.ResumeUpload, request)
        except NotFound as failure:
            if failure.reason != "UPLOAD_NOT_FOUND":
                raise
            # Everything has arrived; only the reply to the last call was lost.
            return await self._complete(file_id, {})
        etags = await asyncio.to_thread(matching_parts, content, reply)
        size = reply.upload.multipart.part_size_bytes
        progress(sum(min(size, content.size_bytes - (number - 1) * size) for number in etags))
        return await self._send(reply.upload, content, etags, progress)

    async def _send(self, upload: files_service_pb2.Upload, content: Content, etags: dict[int, str], progress: Progress) -> file_pb2.File:
        """Send what is missing. A slow upload may outlive its URLs: as long as parts arrive, new URLs are requested."""
        while True:
            before = len(etags)
            try:
                if upload.HasField("multipart"):
                    parts = upload.multipart
                    await self._transfers.put_parts(parts.part_urls, parts.part_size_bytes, content, etags, progress, etags.__setitem__)
                else:
                    await self._transfers.put(upload.url, content, 0, content.size_bytes, progress)
            except NotFound as failure:
                if failure.reason != "UPLOAD_NOT_FOUND":
                    raise
                # Another process may have completed it.
                return await self._complete(upload.file.id, {})
            except StorageError as failure:
                if failure.reason != "URL_EXPIRED" or len(etags) == before:
                    raise
            else:
                return await self._complete(upload.file.id, etags)
            request = files_service_pb2.ResumeUploadRequest(file_id=upload.file.id)
            upload = (await self._calls.call(self._files.ResumeUpload, request)).upload

    async def _complete(self, file_id: int, etags: dict[int, str]) -> file_pb2.File:
        request = files_service_pb2.CompleteUploadRequest(
            file_id=file_id,
            parts=[files_service_pb2.UploadedPart(part_number=number, etag=etag) for number, etag in sorted(etags.items())],
        )
        return (await self._calls.call(self._files.CompleteUpload, request)).file


def matching_parts(content: Content, reply: files_service_pb2.ResumeUploadResponse) -> dict[int, str]:
    """ETags of the arrived parts that match the source. The ETag of a part in S3 is its MD5; a part with another kind of ETag is resent."""
    size = reply.upload.multipart.part_size_bytes
    etags = {}
    for arrived in reply.arrived:
        number, etag = arrived.part.part_number, arrived.part.etag
        ours = content.read((number - 1) * size, size)
        if hashlib.md5(ours, usedforsecurity=False).hexdigest() == etag.strip('"').lower():
            etags[number] = etag
    return etags


def _require_utf8(name: str) -> None:
    """Refuse a name from the disk that is in another encoding, which no request can hold. Raises InvalidRequest."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode(errors="replace").decode()
        raise InvalidRequest("FIELD_INVALID", f"The name of {shown} is not UTF-8. Rename the file.", field="name") from None
