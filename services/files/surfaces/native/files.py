"""`darkroom.files.v1.FilesService`, the native API."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.files.v1 import files_service_pb2 as pb
from darkroom.files.v1 import files_service_pb2_grpc
from services.files.domain.imports.importing import Imports
from services.files.domain.library import Library
from services.files.domain.multipart import UploadedPart
from services.files.domain.unfinished import UnfinishedUploads
from services.files.domain.upload_urls import CreatedUpload
from services.files.domain.uploads import NewUpload, UploadMode, Uploads
from services.files.records import FileState
from services.files.surfaces.rendering import download_message, file_message, time_message
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency

Context = grpc.aio.ServicerContext[Any, Any]

_MODES = {
    pb.UPLOAD_MODE_UNSPECIFIED: UploadMode.AUTO,
    pb.UPLOAD_MODE_AUTO: UploadMode.AUTO,
    pb.UPLOAD_MODE_SIMPLE: UploadMode.SIMPLE,
    pb.UPLOAD_MODE_MULTIPART: UploadMode.MULTIPART,
}


class NativeFiles(files_service_pb2_grpc.FilesServiceServicer):
    """Files of the calling account."""

    def __init__(self, uploads: Uploads, imports: Imports, unfinished: UnfinishedUploads, library: Library) -> None:
        self._uploads, self._imports, self._unfinished, self._library = uploads, imports, unfinished, library

    async def CreateFiles(self, request: pb.CreateFilesRequest, context: Context) -> pb.CreateFilesResponse:
        """Records and upload URLs."""
        uploads = [NewUpload(file.name, file.size_bytes) for file in request.files]
        account_id, mode = current_identity().account_id, _MODES[request.upload_mode]
        created = await self._uploads.create(account_id, uploads, mode, permanent=request.permanent, call=current_idempotency())
        return pb.CreateFilesResponse(uploads=[_upload(each) for each in created])

    async def ImportFile(self, request: pb.ImportFileRequest, context: Context) -> pb.ImportFileResponse:
        """Fetch a file."""
        file = await self._imports.fetch(current_identity().account_id, request.url, name=request.name, call=current_idempotency())
        return pb.ImportFileResponse(file=file_message(file))

    async def CompleteUpload(self, request: pb.CompleteUploadRequest, context: Context) -> pb.CompleteUploadResponse:
        """Join the parts, if any, and accept the file."""
        parts = [UploadedPart(part.part_number, part.etag) for part in request.parts]
        file = await self._uploads.complete(current_identity().account_id, request.file_id, parts)
        return pb.CompleteUploadResponse(file=file_message(file))

    async def ResumeUpload(self, request: pb.ResumeUploadRequest, context: Context) -> pb.ResumeUploadResponse:
        """The received parts, and fresh URLs."""
        resumed = await self._unfinished.resume(current_identity().account_id, request.file_id)
        arrived = [
            pb.ArrivedPart(part=pb.UploadedPart(part_number=number, etag=part.etag), size_bytes=part.size_bytes)
            for number, part in sorted(resumed.stored_parts.items())
        ]
        return pb.ResumeUploadResponse(upload=_upload(resumed.upload), arrived=arrived)

    async def AbortUpload(self, request: pb.AbortUploadRequest, context: Context) -> pb.AbortUploadResponse:
        """Give an upload up."""
        await self._unfinished.abort(current_identity().account_id, request.file_id)
        return pb.AbortUploadResponse()

    async def GetFile(self, request: pb.GetFileRequest, context: Context) -> pb.GetFileResponse:
        return pb.GetFileResponse(file=file_message(await self._library.get(current_identity().account_id, request.file_id)))

    async def ListFiles(self, request: pb.ListFilesRequest, context: Context) -> pb.ListFilesResponse:
        """One page of files."""
        page = await self._library.page(current_identity().account_id, request.page_size, request.page_token)
        return pb.ListFilesResponse(files=[file_message(file) for file in page.files], next_page_token=page.next_token)

    async def CreateDownloadUrls(self, request: pb.CreateDownloadUrlsRequest, context: Context) -> pb.CreateDownloadUrlsResponse:
        downloads = await self._library.downloads(current_identity().account_id, request.file_ids)
        return pb.CreateDownloadUrlsResponse(downloads=[download_message(download) for download in downloads])

    async def DeleteFile(self, request: pb.DeleteFileRequest, context: Context) -> pb.DeleteFileResponse:
        await self._library.delete(current_identity().account_id, request.file_id)
        return pb.DeleteFileResponse()


def _upload(created: CreatedUpload) -> pb.Upload:
    message = pb.Upload(file=file_message(created.file))
    if created.file.state is FileState.READY:
        return message
    message.expire_time.CopyFrom(time_message(created.urls_expire_at))
    if created.url is not None:
        message.url = created.url
    else:
        message.multipart.upload_id = created.file.upload_id or ""
        message.multipart.part_size_bytes = created.part_bytes
        message.multipart.part_urls.extend(created.part_urls)
    return message
