"""Keys that sign URLs of pictures: create, list and delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import grpc

from darkroom.calls import Call, new_key
from darkroom.files.v1 import picture_keys_service_pb2, picture_keys_service_pb2_grpc


class PictureKeys:
    """`picture_keys` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = picture_keys_service_pb2_grpc.PictureKeysServiceStub(channel), call

    async def create(
        self, name: str = "", origins: Collection[str] = (), *, idempotency_key: str | None = None
    ) -> tuple[picture_keys_service_pb2.PictureKey, str]:
        """Create a key. Returns it with its secret, which cannot be shown again; `darkroom.PictureUrls` signs URLs with both.

        `origins` are those of which its URLs may name pictures, besides files of the account: `https://cdn.example.com/photos/`. A call
        that fails on the way is retried and never creates a second key. With your own `idempotency_key`, calling again within 24 hours
        returns the same key.
        """
        request = picture_keys_service_pb2.CreatePictureKeyRequest(name=name, origins=origins)
        reply: picture_keys_service_pb2.CreatePictureKeyResponse = await self._call(
            self._stub.CreatePictureKey, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.key, reply.secret

    async def list(self) -> Sequence[picture_keys_service_pb2.PictureKey]:
        """All keys, oldest first."""
        reply: picture_keys_service_pb2.ListPictureKeysResponse = await self._call(
            self._stub.ListPictureKeys, picture_keys_service_pb2.ListPictureKeysRequest()
        )
        return reply.keys

    async def delete(self, key_id: int) -> None:
        """Delete a key. The URLs that it signed stop working within 10 seconds."""
        await self._call(self._stub.DeletePictureKey, picture_keys_service_pb2.DeletePictureKeyRequest(id=key_id))
