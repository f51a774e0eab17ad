"""Small pictures of files in the library."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import library_service_pb2
from services.gateway.replies import from_storage
from services.gateway.surfaces.snapotter.errors import Refusal, image_problem
from services.gateway.surfaces.snapotter.library.calls import LibraryCalls
from services.gateway.surfaces.snapotter.library.library import Library
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_UNABLE = "Could not generate thumbnail"


class LibraryThumbnails:
    """Serves them."""

    def __init__(self, library: Library, calls: LibraryCalls) -> None:
        self._library, self._calls = library, calls

    async def serve(self, request: Request, identity: Identity) -> Response:
        """One of them."""
        version = (await self._library.find(request, identity)).file.id
        asked = library_service_pb2.CreateLibraryThumbnailUrlRequest(id=version, for_head=request.method == "HEAD")
        try:
            reply: library_service_pb2.CreateLibraryThumbnailUrlResponse = await self._calls.ask(
                "CreateLibraryThumbnailUrl", asked, identity
            )
        except DarkroomError as error:
            problem = image_problem(error)
            if problem is None and error.reason is not ErrorReason.FIELD_INVALID:
                raise
            raise Refusal(422, _UNABLE, details=problem or error.message) from error
        return from_storage(reply.url)
