"""`darkroom.internal.files.v1.PicturesService`: pictures by URL."""

from __future__ import annotations

from darkroom.internal.files.v1 import pictures_service_pb2 as pb
from darkroom.internal.files.v1 import pictures_service_pb2_grpc
from darkroom.operations.v1 import convert_pb2
from services.files.domain.pictures.pictures import Pictures
from services.files.surfaces.rendering import file_message, time_message
from services.platform.rpc.interceptor import Context

_FORMATS = {
    pb.ACCEPTED_FORMAT_UNSPECIFIED: convert_pb2.PICTURE_FORMAT_UNSPECIFIED,
    pb.ACCEPTED_FORMAT_WEBP: convert_pb2.PICTURE_FORMAT_WEBP,
    pb.ACCEPTED_FORMAT_AVIF: convert_pb2.PICTURE_FORMAT_AVIF,
}


class InternalPictures(pictures_service_pb2_grpc.PicturesServiceServicer):
    """Pictures of the accounts whose keys have signed their URLs."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def OpenPicture(self, request: pb.OpenPictureRequest, context: Context) -> pb.OpenPictureResponse:
        """Find or make a picture."""
        opened = await self._pictures.open(
            request.signature, request.operations, request.source, _FORMATS[request.accepts], for_head=request.for_head
        )
        return pb.OpenPictureResponse(
            url=opened.url,
            expire_time=time_message(opened.expires_at),
            file=file_message(opened.file),
            etag=opened.file.etag or "",
            disposition=opened.disposition,
            cache_control=opened.cache_control,
            storage_url=opened.storage_url,
        )
