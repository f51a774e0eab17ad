"""API keys of people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import grpc

from darkroom.accounts.v1 import user_keys_service_pb2, user_keys_service_pb2_grpc
from darkroom.calls import Call


class UserKeys:
    """`user_keys` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    Such a key belongs to a person, and permits at most what its owner's role does at the moment of each call. `keys` has those of the
    account.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = user_keys_service_pb2_grpc.UserKeysServiceStub(channel), call

    async def create(
        self, name: str = "", permissions: Collection[str] = (), expire_time: datetime | None = None
    ) -> tuple[user_keys_service_pb2.UserKey, str]:
        """Create a key for the person whose session or key this client uses. Returns it with its secret, which cannot be shown again.

        `permissions` are what it may do at most, such as `tools:use`; without them, all that its owner may. Without `expire_time` it does
        not expire. A call that was repeated after a lost reply may have created two.
        """
        request = user_keys_service_pb2.CreateUserKeyRequest(name=name, permissions=list(dict.fromkeys(permissions)))
        if expire_time is not None:
            request.expire_time.FromDatetime(expire_time)
        reply: user_keys_service_pb2.CreateUserKeyResponse = await self._call(self._stub.CreateUserKey, request)
        return reply.user_key, reply.secret

    async def list(self) -> Sequence[user_keys_service_pb2.UserKey]:
        """The person's keys, or everyone's for somebody with the permission `apikeys:all`, the oldest first."""
        reply: user_keys_service_pb2.ListUserKeysResponse = await self._call(
            self._stub.ListUserKeys, user_keys_service_pb2.ListUserKeysRequest()
        )
        return reply.user_keys

    async def delete(self, key_id: str) -> None:
        """Delete one of the person's own keys. Calls with it are refused within seconds."""
        await self._call(self._stub.DeleteUserKey, user_keys_service_pb2.DeleteUserKeyRequest(user_key_id=key_id))
