"""`darkroom.files.v1.LibraryService`, the native API."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.files.v1 import library_file_pb2, library_service_pb2_grpc
from darkroom.files.v1 import library_service_pb2 as pb
from services.files.domain.new_versions import NewVersion
from services.files.domain.shelf import Shelf
from services.files.domain.thumbnails import Thumbnails
from services.files.records import StoredVersion
from services.files.surfaces.rendering import file_message, time_message
from services.files.surfaces.viewers import current_viewer
from services.platform.rpc.idempotency import current_idempotency

Context = grpc.aio.ServicerContext[Any, Any]


class NativeLibrary(library_service_pb2_grpc.LibraryServiceServicer):
    """The library of the calling account, as its caller sees it."""

    def __init__(self, shelf: Shelf, thumbnails: Thumbnails) -> None:
        self._shelf, self._thumbnails = shelf, thumbnails

    async def AddLibraryFiles(self, request: pb.AddLibraryFilesRequest, context: Context) -> pb.AddLibraryFilesResponse:
        """Keep files."""
        wanted = [
            NewVersion(each.file_id, each.name, each.parent_id, each.tool, each.owned_as_parent, each.named_as_parent)
            for each in request.files
        ]
        return pb.AddLibraryFilesResponse(files=map(_message, await self._shelf.add(current_viewer(), wanted, current_idempotency())))

    async def GetLibraryFile(self, request: pb.GetLibraryFileRequest, context: Context) -> pb.GetLibraryFileResponse:
        """One version and its chain."""
        found, chain = await self._shelf.get(current_viewer(), request.id)
        return pb.GetLibraryFileResponse(file=_message(found), versions=map(_message, chain))

    async def ListLibraryFiles(self, request: pb.ListLibraryFilesRequest, context: Context) -> pb.ListLibraryFilesResponse:
        """One page of chains."""
        found, total = await self._shelf.page(current_viewer(), request.search, request.skip, request.page_size)
        return pb.ListLibraryFilesResponse(files=map(_message, found), total_size=total)

    async def CreateLibraryDownloadUrl(
        self, request: pb.CreateLibraryDownloadUrlRequest, context: Context
    ) -> pb.CreateLibraryDownloadUrlResponse:
        found, download = await self._shelf.download(current_viewer(), request.id, for_head=request.for_head)
        expires_at = time_message(download.expires_at)
        return pb.CreateLibraryDownloadUrlResponse(file=_message(found), url=download.url, expire_time=expires_at)

    async def CreateLibraryThumbnailUrl(
        self, request: pb.CreateLibraryThumbnailUrlRequest, context: Context
    ) -> pb.CreateLibraryThumbnailUrlResponse:
        """Make it if necessary."""
        download = await self._thumbnails.download(current_viewer(), request.id, for_head=request.for_head)
        return pb.CreateLibraryThumbnailUrlResponse(url=download.url, expire_time=time_message(download.expires_at))

    async def CopyLibraryFile(self, request: pb.CopyLibraryFileRequest, context: Context) -> pb.CopyLibraryFileResponse:
        """A file that tasks can use."""
        return pb.CopyLibraryFileResponse(file=file_message(await self._shelf.copy(current_viewer(), request.id, current_idempotency())))

    async def DeleteLibraryFiles(self, request: pb.DeleteLibraryFilesRequest, context: Context) -> pb.DeleteLibraryFilesResponse:
        """Delete chains."""
        return pb.DeleteLibraryFilesResponse(deleted=await self._shelf.delete(current_viewer(), request.ids))


def _message(shelved: StoredVersion) -> library_file_pb2.LibraryFile:
    entry, said = shelved.entry, file_message(shelved.file)
    message = library_file_pb2.LibraryFile(
        id=str(entry.id),
        name=entry.name,
        media_type=said.media_type,
        size_bytes=said.size_bytes,
        version=entry.version,
        parent_id=str(entry.parent) if entry.parent is not None else "",
        tools=entry.tools,
        owner_id=entry.owner,
        create_time=time_message(entry.created_at),
    )
    if said.HasField("image"):
        message.image.CopyFrom(said.image)
    if said.HasField("document"):
        message.document.CopyFrom(said.document)
    return message
