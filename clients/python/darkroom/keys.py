"""API keys: create, list, rotate and revoke."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import grpc

from darkroom.accounts.v1 import account_pb2, accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.calls import Call, new_key
from darkroom.common.v1.scopes import SCOPES


class Keys:
    """`keys` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = accounts_service_pb2_grpc.AccountsServiceStub(channel), call

    async def create(
        self,
        name: str,
        scopes: Collection[str] = (),
        expire_time: datetime | None = None,
        *,
        allowed_networks: Collection[str] = (),
        idempotency_key: str | None = None,
    ) -> tuple[account_pb2.ApiKey, str]:
        """Create a key. Returns it with its secret, which cannot be shown again.

        `scopes` are names such as `tasks:write`. Without `scopes` the new key has those of this client's key, and without `expire_time` it
        expires when that key does. `allowed_networks`, in CIDR notation (`203.0.113.0/24`) or single addresses, are those from which it may
        be used; without them, those of this client's key. A call that fails on the way is retried and never creates a second key. With your
        own `idempotency_key`, calling again within 24 hours returns the same key. Raises ValueError for an unknown scope.
        """
        unknown = sorted(set(scopes) - SCOPES.keys())
        if unknown:
            raise ValueError(f"Unknown scope: {', '.join(unknown)}. The scopes are {', '.join(sorted(SCOPES))}.")
        request = accounts_service_pb2.CreateApiKeyRequest(name=name, scopes=[SCOPES[scope] for scope in dict.fromkeys(scopes)])
        request.allowed_networks.extend(dict.fromkeys(allowed_networks))
        if expire_time is not None:
            request.expire_time.FromDatetime(expire_time)
        reply: accounts_service_pb2.CreateApiKeyResponse = await self._call(
            self._stub.CreateApiKey, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.api_key, reply.secret

    async def list(self) -> Sequence[account_pb2.ApiKey]:
        """All keys, newest first, including revoked and expired ones."""
        reply: accounts_service_pb2.ListApiKeysResponse = await self._call(
            self._stub.ListApiKeys, accounts_service_pb2.ListApiKeysRequest()
        )
        return reply.api_keys

    async def rotate(
        self, key_id: int, overlap: timedelta | None = None, *, idempotency_key: str | None = None
    ) -> accounts_service_pb2.RotateApiKeyResponse:
        """Replace a key by one with the same name, scopes, expiry and networks.

        The reply has the new key (`api_key`), its secret (`secret`), which cannot be shown again, and the old key (`replaced`), which works
        until its `expire_time`: for another `overlap` of up to 30 days, 24 hours if None. A call that fails on the way is retried as in
        `create`.
        """
        request = accounts_service_pb2.RotateApiKeyRequest(api_key_id=key_id)
        if overlap is not None:
            request.overlap.FromTimedelta(overlap)
        return await self._call(self._stub.RotateApiKey, request, idempotency_key=idempotency_key or new_key())

    async def revoke(self, key_id: int) -> accounts_service_pb2.RevokeApiKeyResponse:
        """Revoke a key, the key that it replaces, and all that these have created. Safe to repeat. The reply has the key (`api_key`) and
        the others that were revoked with it (`also_revoked`)."""
        request = accounts_service_pb2.RevokeApiKeyRequest(api_key_id=key_id)
        return await self._call(self._stub.RevokeApiKey, request)
