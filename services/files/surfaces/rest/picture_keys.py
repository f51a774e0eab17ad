"""`darkroom.rest.v1.PictureKeysService`: `/v1/picture-keys`."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import envelope_pb2, picture_keys_pb2_grpc
from darkroom.rest.v1 import picture_keys_pb2 as pb
from services.files.domain.pictures.keys import PictureKeys, missing
from services.files.records import PictureKey
from services.files.surfaces.rendering import time_message
from services.files.surfaces.rest import messages
from services.files.surfaces.rest.ids import number_of
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency

Context = grpc.aio.ServicerContext[Any, Any]

_OK, _SUCCESS = 200, "success"


class RestPictureKeys(picture_keys_pb2_grpc.PictureKeysServiceServicer):
    """Keys of the calling account."""

    def __init__(self, keys: PictureKeys) -> None:
        self._keys = keys

    async def CreatePictureKey(self, request: pb.CreatePictureKeyRequest, context: Context) -> pb.CreatedPictureKeyEnvelope:
        """POST /v1/picture-keys."""
        key, secret = await self._keys.create(current_identity().account_id, request.name, request.origins, current_idempotency())
        return pb.CreatedPictureKeyEnvelope(code=_OK, message=_SUCCESS, data=pb.CreatedPictureKey(key=_message(key), secret=secret))

    async def ListPictureKeys(self, request: pb.ListPictureKeysRequest, context: Context) -> pb.PictureKeyListEnvelope:
        """GET /v1/picture-keys."""
        keys = await self._keys.list(current_identity().account_id)
        return pb.PictureKeyListEnvelope(code=_OK, message=_SUCCESS, data=pb.PictureKeyList(items=map(_message, keys)))

    async def DeletePictureKey(self, request: pb.DeletePictureKeyRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/picture-keys/{id}."""
        number = number_of(request.id)
        if number is None:
            raise missing()
        await self._keys.delete(current_identity().account_id, number)
        return envelope_pb2.ResponseEnvelope(code=_OK, message=_SUCCESS, data=messages.NULL)


def _message(key: PictureKey) -> pb.PictureKey:
    return pb.PictureKey(id=str(key.id), name=key.name, origins=key.origins, created_at=time_message(key.created_at))
