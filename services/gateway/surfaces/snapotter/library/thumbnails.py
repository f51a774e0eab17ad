"""Small pictures of files in the library, made when they are asked for the first time."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.files.v1 import shelf_service_pb2, shelf_service_pb2_grpc
from darkroom.operations.v1 import convert_pb2, operation_pb2, placement_pb2, resize_pb2
from services.gateway.receiving import Receiver
from services.gateway.replies import from_storage
from services.gateway.surfaces.snapotter.errors import Refusal, image_problem
from services.gateway.surfaces.snapotter.library.library import Library
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.identity import Identity
from services.platform.rpc.channel import Caller

_WIDTH, _QUALITY = 300, 80
_NAME = "thumbnail.jpg"
_SECONDS = 20.0
_UNABLE = "Could not generate thumbnail"


class LibraryThumbnails:
    """Serves them."""

    def __init__(
        self,
        library: Library,
        runs: Runs,
        receiver: Receiver,
        shelf: shelf_service_pb2_grpc.ShelfServiceAsyncStub,
        caller: Caller,
    ) -> None:
        self._library, self._runs, self._receiver, self._shelf, self._caller = library, runs, receiver, shelf, caller

    async def serve(self, request: Request, identity: Identity) -> Response:
        """One of them."""
        account_id, version = identity.account_id, (await self._library.find(request, identity)).file.id
        url = await self._url(request, account_id, version)
        if not url:
            try:
                await self._make(request, account_id, version)
            except DarkroomError as error:
                if error.reason is not ErrorReason.FILE_NOT_FOUND:
                    raise
            url = await self._url(request, account_id, version)
        if not url:
            # It was deleted meanwhile.
            raise Refusal(404, "File not found", code="NOT_FOUND")
        return from_storage(url)

    async def _url(self, request: Request, account_id: int, version: str) -> str:
        asked = shelf_service_pb2.OpenThumbnailRequest(id=version, for_head=request.method == "HEAD")
        with translate_rpc_errors():
            reply = await self._shelf.OpenThumbnail(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        return reply.url

    async def _make(self, request: Request, account_id: int, version: str) -> None:
        """Make it in a task, of a copy that is gone afterwards."""
        with translate_rpc_errors():
            lent = await self._shelf.LendFile(
                shelf_service_pb2.LendFileRequest(id=version), metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS
            )
        try:
            run = await self._runs.run(request, account_id, [lent.file_id], _operations(), RunRecord("thumbnail", [_NAME], _NAME))
        except DarkroomError as error:
            if image_problem(error) is None and error.reason is not ErrorReason.FIELD_INVALID:
                raise
            raise Refusal(422, _UNABLE, details=image_problem(error) or error.message) from error
        finally:
            await asyncio.shield(self._receiver.discard(account_id, [lent.file_id]))
        problem = failure(run)
        if problem is not None:
            raise Refusal(422, _UNABLE, details=problem)
        kept = shelf_service_pb2.KeepThumbnailRequest(id=version, file_id=run.outputs[0].id)
        with translate_rpc_errors():
            await self._shelf.KeepThumbnail(kept, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)


def _operations() -> list[operation_pb2.Operation]:
    """The operations that make a JPEG of at most 300 pixels in width."""
    narrow = resize_pb2.Resize(width=_WIDTH, fit=placement_pb2.FIT_BOUNDS, without_enlargement=True)
    jpeg = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_JPEG, quality=_QUALITY, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True
    )
    return [operation_pb2.Operation(resize=narrow), operation_pb2.Operation(convert=jpeg)]
