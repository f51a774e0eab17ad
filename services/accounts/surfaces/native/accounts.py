"""darkroom.accounts.v1: an account's own view of itself and its keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.accounts.v1 import account_pb2, accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.common.v1 import scope_pb2
from darkroom.common.v1.scopes import SCOPES, scope_text
from services.accounts.domain.accounts import DEFAULT_OVERLAP, Accounts
from services.accounts.domain.allowed_networks import networks_at
from services.accounts.domain.key_creation import KeyCreation, calling_key
from services.accounts.records import ApiKey, KeyLimits
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.moments import moment

Context = grpc.aio.ServicerContext[Any, Any]


class AccountsServicer(accounts_service_pb2_grpc.AccountsServiceServicer):
    """Acts for the calling account only."""

    def __init__(self, accounts: Accounts, creation: KeyCreation) -> None:
        self._accounts, self._creation = accounts, creation

    async def GetAccount(
        self, request: accounts_service_pb2.GetAccountRequest, context: Context
    ) -> accounts_service_pb2.GetAccountResponse:
        identity = current_identity()
        tenant = await self._accounts.account(identity.account_id)
        account = account_pb2.Account(id=tenant.id, name=tenant.name, create_time=_timestamp(tenant.created_at))
        must_change = identity.user is not None and identity.user.must_change
        return accounts_service_pb2.GetAccountResponse(account=account, scopes=_scopes(identity.scopes), must_change_password=must_change)

    async def CreateApiKey(
        self, request: accounts_service_pb2.CreateApiKeyRequest, context: Context
    ) -> accounts_service_pb2.CreateApiKeyResponse:
        identity = current_identity()
        limits = KeyLimits(
            scopes=frozenset(map(scope_text, request.scopes)) or None,
            expires_at=moment(request.expire_time, "expire_time") if request.HasField("expire_time") else None,
            networks=networks_at(request.allowed_networks, "allowed_networks"),
        )
        key, secret = await self._creation.create(identity.account_id, request.name, limits, calling_key(identity), current_idempotency())
        return accounts_service_pb2.CreateApiKeyResponse(api_key=_api_key(key), secret=secret)

    async def ListApiKeys(
        self, request: accounts_service_pb2.ListApiKeysRequest, context: Context
    ) -> accounts_service_pb2.ListApiKeysResponse:
        keys = await self._accounts.keys(current_identity().account_id)
        return accounts_service_pb2.ListApiKeysResponse(api_keys=[_api_key(key) for key in keys])

    async def RotateApiKey(
        self, request: accounts_service_pb2.RotateApiKeyRequest, context: Context
    ) -> accounts_service_pb2.RotateApiKeyResponse:
        identity, key_id = current_identity(), request.api_key_id
        overlap = request.overlap.ToTimedelta() if request.HasField("overlap") else DEFAULT_OVERLAP
        key, secret = await self._creation.rotate(identity.account_id, key_id, overlap, calling_key(identity), current_idempotency())
        replaced = await self._accounts.key(key_id, identity.account_id)
        return accounts_service_pb2.RotateApiKeyResponse(api_key=_api_key(key), secret=secret, replaced=_api_key(replaced))

    async def RevokeApiKey(
        self, request: accounts_service_pb2.RevokeApiKeyRequest, context: Context
    ) -> accounts_service_pb2.RevokeApiKeyResponse:
        key, others = await self._accounts.revoke_key(request.api_key_id, current_identity().account_id)
        return accounts_service_pb2.RevokeApiKeyResponse(api_key=_api_key(key), also_revoked=map(_api_key, others))


def _scopes(scopes: Collection[str] | None) -> list[scope_pb2.Scope.ValueType]:
    return [SCOPES[scope] for scope in sorted(scopes or ()) if scope in SCOPES]


def _api_key(key: ApiKey) -> account_pb2.ApiKey:
    return account_pb2.ApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        create_time=_timestamp(key.created_at),
        revoke_time=_timestamp(key.revoked_at) if key.revoked_at else None,
        # Scopes that only a later version knows are not shown.
        scopes=_scopes(key.scopes),
        expire_time=_timestamp(key.expires_at) if key.expires_at else None,
        last_use_time=_timestamp(key.last_used_at) if key.last_used_at else None,
        creator_id=key.creator_id,
        replaces_id=key.replaces_id,
        allowed_networks=key.allowed_networks or (),
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
