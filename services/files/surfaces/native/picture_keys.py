"""`darkroom.files.v1.PictureKeysService`, the native API."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.files.v1 import picture_keys_service_pb2 as pb
from darkroom.files.v1 import picture_keys_service_pb2_grpc
from services.files.domain.pictures.keys import PictureKeys
from services.files.records import PictureKey
from services.files.surfaces.rendering import time_message
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency

Context = grpc.aio.ServicerContext[Any, Any]


class NativePictureKeys(picture_keys_service_pb2_grpc.PictureKeysServiceServicer):
    """Keys of the calling account."""

    def __init__(self, keys: PictureKeys) -> None:
        self._keys = keys

    async def CreatePictureKey(self, request: pb.CreatePictureKeyRequest, context: Context) -> pb.CreatePictureKeyResponse:
        """Create a key."""
        key, secret = await self._keys.create(current_identity().account_id, request.name, request.origins, current_idempotency())
        return pb.CreatePictureKeyResponse(key=_message(key), secret=secret)

    async def ListPictureKeys(self, request: pb.ListPictureKeysRequest, context: Context) -> pb.ListPictureKeysResponse:
        """List keys."""
        return pb.ListPictureKeysResponse(keys=map(_message, await self._keys.list(current_identity().account_id)))

    async def DeletePictureKey(self, request: pb.DeletePictureKeyRequest, context: Context) -> pb.DeletePictureKeyResponse:
        """Delete a key."""
        await self._keys.delete(current_identity().account_id, request.id)
        return pb.DeletePictureKeyResponse()


def _message(key: PictureKey) -> pb.PictureKey:
    return pb.PictureKey(id=key.id, name=key.name, origins=key.origins, create_time=time_message(key.created_at))
