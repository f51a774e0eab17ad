"""`darkroom.internal.files.v1.ShelfService`: the library for other services."""

from __future__ import annotations

from darkroom.internal.files.v1 import shelf_service_pb2 as pb
from darkroom.internal.files.v1 import shelf_service_pb2_grpc
from services.files.domain.shelf import Shelf
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context


class ShelfOfAccount(shelf_service_pb2_grpc.ShelfServiceServicer):
    """The library of the account in the service token."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def OpenThumbnail(self, request: pb.OpenThumbnailRequest, context: Context) -> pb.OpenThumbnailResponse:
        """Where it is."""
        found = await self._shelf.thumbnail(current_identity().account_id, request.id, for_head=request.for_head)
        return pb.OpenThumbnailResponse(url=found.url if found is not None else "")

    async def LendFile(self, request: pb.LendFileRequest, context: Context) -> pb.LendFileResponse:
        """A copy to make it of."""
        return pb.LendFileResponse(file_id=(await self._shelf.lend(current_identity().account_id, request.id)).id)

    async def KeepThumbnail(self, request: pb.KeepThumbnailRequest, context: Context) -> pb.KeepThumbnailResponse:
        """Keep what was made."""
        await self._shelf.keep_thumbnail(current_identity().account_id, request.id, request.file_id)
        return pb.KeepThumbnailResponse()

    async def ClearShelf(self, request: pb.ClearShelfRequest, context: Context) -> pb.ClearShelfResponse:
        """Delete all that somebody has."""
        await self._shelf.delete_of(current_identity().account_id, request.owner_id)
        return pb.ClearShelfResponse()
