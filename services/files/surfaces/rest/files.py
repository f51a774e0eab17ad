"""`darkroom.rest.v1.FilesService`: `/v1/files`: upload, resume, list, download, delete."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import envelope_pb2, files_pb2_grpc, uploads_pb2
from darkroom.rest.v1 import files_pb2 as pb
from services.files.domain.errors import no_upload
from services.files.domain.imports.importing import Imports
from services.files.domain.library import Library
from services.files.domain.multipart import UploadedPart
from services.files.domain.unfinished import UnfinishedUploads
from services.files.domain.uploads import NewUpload, UploadMode, Uploads
from services.files.surfaces.rest import messages
from services.files.surfaces.rest.ids import file_id
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.unknown_fields import current_unknown_fields

Context = grpc.aio.ServicerContext[Any, Any]

_OK, _SUCCESS = 200, "success"


class RestFiles(files_pb2_grpc.FilesServiceServicer):
    """Files of the calling account."""

    def __init__(self, uploads: Uploads, imports: Imports, unfinished: UnfinishedUploads, library: Library) -> None:
        self._uploads, self._imports, self._unfinished, self._library = uploads, imports, unfinished, library

    async def CreateFiles(self, request: uploads_pb2.FileBatchCreateRequest, context: Context) -> uploads_pb2.FileBatchCreateEnvelope:
        """POST /v1/files/batch-create."""
        created = await self._uploads.create(
            current_identity().account_id,
            [NewUpload(file.name, file.size, file.type) for file in request.files],
            UploadMode(request.upload_mode or UploadMode.AUTO),
            permanent=request.storage_intent == "permanent",
            size_field="size",
            call=current_idempotency(),
        )
        items = [messages.upload_item(asked, each) for asked, each in zip(request.files, created, strict=True)]
        data = uploads_pb2.FileBatchCreateData(total=len(items), items=items, not_applied=_not_applied())
        return uploads_pb2.FileBatchCreateEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def ImportFile(self, request: pb.FileImportRequest, context: Context) -> pb.FileEnvelope:
        """POST /v1/files/import."""
        file = await self._imports.fetch(current_identity().account_id, request.url, name=request.name, call=current_idempotency())
        return pb.FileEnvelope(code=_OK, message=_SUCCESS, data=messages.file_record(file))

    async def CompleteMultipartUpload(
        self, request: uploads_pb2.CompleteMultipartUploadRequest, context: Context
    ) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/files/{id}/complete."""
        parts = [UploadedPart(part.part_number, part.etag) for part in request.parts]
        try:
            await self._uploads.complete(current_identity().account_id, file_id(request.id), parts)
        except DarkroomError as error:
            if error.reason is not ErrorReason.FILE_NOT_FOUND:
                raise
            # An upload that has expired is removed in the end. Clients start again on UPLOAD_NOT_FOUND, whether or not it is.
            raise no_upload(request.id) from error
        reply = _done()
        # Newer clients say how they have uploaded, and how long it took.
        if unknown := [name for name in _not_applied() if name not in ("upload_mode", "duration_ms")]:
            reply.data.struct_value["not_applied"] = unknown
        return reply

    async def ResumeUpload(self, request: uploads_pb2.ResumeUploadRequest, context: Context) -> uploads_pb2.ResumeUploadEnvelope:
        """POST /v1/files/{id}/resume."""
        resumed = await self._unfinished.resume(current_identity().account_id, file_id(request.id))
        return uploads_pb2.ResumeUploadEnvelope(code=_OK, message=_SUCCESS, data=messages.resumed_upload(resumed))

    async def AbortUpload(self, request: uploads_pb2.AbortUploadRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/files/{id}/abort."""
        await self._unfinished.abort(current_identity().account_id, file_id(request.id))
        return _done()

    async def ListFiles(self, request: pb.ListFilesRequest, context: Context) -> pb.FileListEnvelope:
        """GET /v1/files."""
        page = await self._library.page(current_identity().account_id, request.page_size, request.page_token)
        data = pb.FileList(items=map(messages.file_record, page.files), next_page_token=page.next_token or None)
        return pb.FileListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def GetFile(self, request: pb.GetFileRequest, context: Context) -> pb.FileEnvelope:
        """GET /v1/files/{id}."""
        file = await self._library.get(current_identity().account_id, file_id(request.id))
        return pb.FileEnvelope(code=_OK, message=_SUCCESS, data=messages.file_record(file))

    async def GetDownloadUrl(self, request: pb.GetDownloadUrlRequest, context: Context) -> pb.DownloadUrlEnvelope:
        """GET /v1/files/{id}/download-url."""
        number, account_id = file_id(request.id), current_identity().account_id
        # A missing file is the fault of the path, not of a field.
        await self._library.get(account_id, number)
        [download] = await self._library.downloads(account_id, [number])
        return pb.DownloadUrlEnvelope(code=_OK, message=_SUCCESS, data=messages.download_url(download))

    async def DeleteFile(self, request: pb.DeleteFileRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/files/{id}."""
        await self._library.delete(current_identity().account_id, file_id(request.id))
        return _done()


def _not_applied() -> list[str]:
    return [field.path for field in current_unknown_fields()]


def _done() -> envelope_pb2.ResponseEnvelope:
    return envelope_pb2.ResponseEnvelope(code=_OK, message=_SUCCESS, data=messages.NULL)
