"""`darkroom.rest.v1.LibraryService`: `/v1/library`: keep, list, download, copy, delete."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import files_pb2, library_pb2_grpc
from darkroom.rest.v1 import library_pb2 as pb
from services.files.domain.new_versions import NewVersion
from services.files.domain.shelf import Shelf, missing
from services.files.domain.thumbnails import Thumbnails
from services.files.records import StoredVersion
from services.files.surfaces.rendering import time_message
from services.files.surfaces.rest import messages
from services.files.surfaces.rest.ids import file_id
from services.files.surfaces.viewers import current_viewer
from services.platform.errors import DarkroomError
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.surfaces import HTTP_STATUS

Context = grpc.aio.ServicerContext[Any, Any]

_OK, _SUCCESS = 200, "success"


class RestLibrary(library_pb2_grpc.LibraryServiceServicer):
    """The library of the calling account, as its caller sees it."""

    def __init__(self, shelf: Shelf, thumbnails: Thumbnails) -> None:
        self._shelf, self._thumbnails = shelf, thumbnails

    async def AddToLibrary(self, request: pb.AddToLibraryRequest, context: Context) -> pb.AddedToLibraryEnvelope:
        """POST /v1/library."""
        wanted = [_wanted(each, index) for index, each in enumerate(request.files)]
        added = await self._shelf.add(current_viewer(), wanted, current_idempotency())
        return pb.AddedToLibraryEnvelope(code=_OK, message=_SUCCESS, data=pb.AddedToLibrary(items=map(_message, added)))

    async def ListLibrary(self, request: pb.ListLibraryRequest, context: Context) -> pb.LibraryListEnvelope:
        """GET /v1/library."""
        found, total = await self._shelf.page(current_viewer(), request.search, request.skip, request.page_size)
        return pb.LibraryListEnvelope(code=_OK, message=_SUCCESS, data=pb.LibraryList(items=map(_message, found), total=total))

    async def GetFromLibrary(self, request: pb.GetFromLibraryRequest, context: Context) -> pb.LibraryFileEnvelope:
        """GET /v1/library/{id}."""
        found, chain = await self._shelf.get(current_viewer(), request.id)
        data = pb.LibraryFileWithVersions(file=_message(found), versions=map(_message, chain))
        return pb.LibraryFileEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def GetLibraryDownloadUrl(self, request: pb.GetLibraryDownloadUrlRequest, context: Context) -> pb.LibraryDownloadUrlEnvelope:
        """GET /v1/library/{id}/download-url."""
        found, download = await self._shelf.download(current_viewer(), request.id)
        data = pb.LibraryDownloadUrl(download_url=download.url, expires_at=time_message(download.expires_at), file=_message(found))
        return pb.LibraryDownloadUrlEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def GetLibraryThumbnail(self, request: pb.GetLibraryThumbnailRequest, context: Context) -> pb.LibraryThumbnailEnvelope:
        """GET /v1/library/{id}/thumbnail."""
        download = await self._thumbnails.download(current_viewer(), request.id)
        if request.redirect:
            await context.send_initial_metadata(((HTTP_STATUS, "303"), ("location", download.url), ("cache-control", "no-store")))
        data = pb.LibraryThumbnail(download_url=download.url, expires_at=time_message(download.expires_at))
        return pb.LibraryThumbnailEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def CopyFromLibrary(self, request: pb.CopyFromLibraryRequest, context: Context) -> files_pb2.FileEnvelope:
        """POST /v1/library/{id}/copy."""
        copy = await self._shelf.copy(current_viewer(), request.id, current_idempotency())
        return files_pb2.FileEnvelope(code=_OK, message=_SUCCESS, data=messages.file_record(copy))

    async def DeleteFromLibrary(self, request: pb.DeleteFromLibraryRequest, context: Context) -> pb.DeletedFromLibraryEnvelope:
        """POST /v1/library/delete."""
        return _deleted(await self._shelf.delete(current_viewer(), request.ids))

    async def DeleteLibraryChain(self, request: pb.DeleteLibraryChainRequest, context: Context) -> pb.DeletedFromLibraryEnvelope:
        """DELETE /v1/library/{id}."""
        deleted = await self._shelf.delete(current_viewer(), [request.id])
        if not deleted:
            raise missing()
        return _deleted(deleted)


def _wanted(file: pb.NewLibraryFile, index: int) -> NewVersion:
    """Raises FILE_NOT_FOUND."""
    try:
        number = file_id(file.file_id)
    except DarkroomError as error:
        raise error.at(f"files[{index}].file_id") from None
    return NewVersion(number, file.name, file.parent_id, file.tool)


def _message(shelved: StoredVersion) -> pb.LibraryFile:
    entry, file = shelved.entry, shelved.file
    return pb.LibraryFile(
        id=str(entry.id),
        name=entry.name,
        media_type=file.media_type,
        size=file.size_bytes,
        width=file.width,
        height=file.height,
        pages=file.pages,
        frames=file.frames if (file.frames or 1) > 1 else None,
        duration_milliseconds=file.duration_milliseconds,
        version=entry.version,
        parent_id=str(entry.parent) if entry.parent is not None else None,
        tools=entry.tools,
        owner_id=entry.owner or None,
        created_at=time_message(entry.created_at),
    )


def _deleted(versions: int) -> pb.DeletedFromLibraryEnvelope:
    return pb.DeletedFromLibraryEnvelope(code=_OK, message=_SUCCESS, data=pb.DeletedFromLibrary(deleted=versions))
