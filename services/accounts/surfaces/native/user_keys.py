"""darkroom.accounts.v1.UserKeysService: API keys of people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.accounts.v1 import user_keys_service_pb2 as pb
from darkroom.accounts.v1 import user_keys_service_pb2_grpc
from services.accounts.domain.user_keys import UserKeys
from services.accounts.people import PersonKey
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeUserKeys(user_keys_service_pb2_grpc.UserKeysServiceServicer):
    """For people."""

    def __init__(self, keys: UserKeys) -> None:
        self._keys = keys

    async def CreateUserKey(self, request: pb.CreateUserKeyRequest, context: Context) -> pb.CreateUserKeyResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        key, secret = await self._keys.create(current_identity(), request.name, request.permissions, lambda: _expiry(request))
        return pb.CreateUserKeyResponse(user_key=_key(key), secret=secret)

    async def ListUserKeys(self, request: pb.ListUserKeysRequest, context: Context) -> pb.ListUserKeysResponse:  # noqa: D102 - an rpc
        return pb.ListUserKeysResponse(user_keys=map(_key, await self._keys.all(current_identity())))

    async def DeleteUserKey(self, request: pb.DeleteUserKeyRequest, context: Context) -> pb.DeleteUserKeyResponse:  # noqa: D102 - an rpc
        await self._keys.delete(current_identity(), request.user_key_id)
        return pb.DeleteUserKeyResponse()


def _expiry(request: pb.CreateUserKeyRequest) -> datetime | None:
    if not request.HasField("expire_time"):
        return None
    try:
        return request.expire_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "Invalid expiresAt date", field="expire_time") from None


def _key(key: PersonKey) -> pb.UserKey:
    return pb.UserKey(
        id=key.public_id,
        name=key.name,
        permissions=key.permissions or (),
        create_time=_timestamp(key.created_at),
        expire_time=_timestamp(key.expires_at),
        last_use_time=_timestamp(key.last_used_at),
        user_id=key.owner,
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
