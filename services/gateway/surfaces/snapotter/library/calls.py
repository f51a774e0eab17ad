"""The surface's requests to the library, and its descriptions of files."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.message import Message

from darkroom.files.v1 import library_file_pb2, library_service_pb2
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.times import instant
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_METHODS = library_service_pb2.DESCRIPTOR.services_by_name["LibraryService"].methods_by_name
_FIELD = re.compile(r"^files\[\d+\][\w.]*: *")
_PLAIN_TYPE = "application/octet-stream"
_COMMON = (MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.GIF, MediaFormat.TIFF, MediaFormat.AVIF)
_TYPES = frozenset(one.media_type for one in (*_COMMON, MediaFormat.BMP))
_MEASURED = frozenset(one.media_type for one in (*_COMMON, MediaFormat.HEIC, MediaFormat.HEIF, MediaFormat.SVG))


class LibraryCalls:
    """Calls of the platform's library, on behalf of whoever calls the surface."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def ask(self, method: str, request: Message, identity: Identity) -> Any:
        """The reply of a method of `darkroom.files.v1.LibraryService`. Raises what it raises."""
        return (await self._backend.call("files", _METHODS[method], request, identity)).message

    async def add(self, identity: Identity, *files: library_service_pb2.NewLibraryFile) -> list[library_file_pb2.LibraryFile]:
        """Add files, all or none. Raises `Refusal` where a chain would grow too long, and otherwise as `ask`."""
        asked = library_service_pb2.AddLibraryFilesRequest(files=files)
        try:
            reply: library_service_pb2.AddLibraryFilesResponse = await self.ask("AddLibraryFiles", asked, identity)
        except DarkroomError as error:
            if error.reason is not ErrorReason.FIELD_INVALID:
                raise
            raise Refusal(400, _FIELD.sub("", error.message), code="VALIDATION_ERROR") from error
        return list(reply.files)


def version_fields(file: library_file_pb2.LibraryFile) -> dict[str, object]:
    """A version as the surface's clients know it."""
    measured = file.media_type in _MEASURED
    return {
        "id": file.id,
        "originalName": file.name,
        "mimeType": file.media_type if file.media_type in _TYPES else _PLAIN_TYPE,
        "size": file.size_bytes,
        "width": file.image.width if measured else 0,
        "height": file.image.height if measured else 0,
        "version": file.version,
        "parentId": file.parent_id or None,
        "toolChain": list(file.tools),
        "createdAt": instant(file.create_time),
    }


def is_about(error: DarkroomError, field: str) -> bool:
    """Whether what a field of the request names does not exist."""
    return error.reason is ErrorReason.FILE_NOT_FOUND and (error.field or "").endswith(f".{field}")
