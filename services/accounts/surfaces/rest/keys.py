"""`darkroom.rest.v1.KeysService`: `/v1/keys`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.rest.v1 import keys_pb2 as pb
from darkroom.rest.v1 import keys_pb2_grpc
from services.accounts.domain.accounts import DEFAULT_OVERLAP, Accounts, no_such_key
from services.accounts.domain.allowed_networks import networks_at
from services.accounts.domain.key_creation import KeyCreation, calling_key
from services.accounts.records import ApiKey, KeyLimits
from services.platform.errors import DarkroomError
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.moments import moment

Context = grpc.aio.ServicerContext[Any, Any]

_OK, _SUCCESS = 200, "success"
_ID = re.compile(r"[1-9][0-9]{0,14}")
# The rules use the native API's name for a key's expiry.
_FIELDS = {"expire_time": "expires_at"}


class RestKeys(keys_pb2_grpc.KeysServiceServicer):
    """Keys of the calling account."""

    def __init__(self, accounts: Accounts, creation: KeyCreation) -> None:
        self._accounts, self._creation = accounts, creation

    async def CreateKey(self, request: pb.CreateKeyRequest, context: Context) -> pb.CreateKeyEnvelope:
        """POST /v1/keys."""
        identity = current_identity()
        limits = KeyLimits(
            scopes=frozenset(request.scopes) or None,
            expires_at=moment(request.expires_at, "expires_at") if request.HasField("expires_at") else None,
            networks=networks_at(request.allowed_networks, "allowed_networks"),
        )
        try:
            key, secret = await self._creation.create(
                identity.account_id, request.name, limits, calling_key(identity), current_idempotency()
            )
        except DarkroomError as error:
            name = _FIELDS.get(error.field or "")
            if name is None:
                raise
            raise DarkroomError(error.reason, error.message.replace(f"{error.field}:", f"{name}:"), field=name) from error
        return pb.CreateKeyEnvelope(code=_OK, message=_SUCCESS, data=pb.CreatedKey(key=_key(key), secret=secret))

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.KeyListEnvelope:
        """GET /v1/keys."""
        keys = await self._accounts.keys(current_identity().account_id)
        return pb.KeyListEnvelope(code=_OK, message=_SUCCESS, data=pb.KeyList(items=map(_key, keys)))

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.RotateKeyEnvelope:
        """POST /v1/keys/{id}/rotate."""
        if not _ID.fullmatch(request.id):
            raise no_such_key(request.id)
        identity, key_id = current_identity(), int(request.id)
        overlap = timedelta(seconds=request.overlap_seconds) if request.HasField("overlap_seconds") else DEFAULT_OVERLAP
        key, secret = await self._creation.rotate(identity.account_id, key_id, overlap, calling_key(identity), current_idempotency())
        replaced = await self._accounts.key(key_id, identity.account_id)
        return pb.RotateKeyEnvelope(
            code=_OK, message=_SUCCESS, data=pb.RotatedKey(key=_key(key), secret=secret, replaced_key=_key(replaced))
        )

    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Context) -> pb.KeyEnvelope:
        """DELETE /v1/keys/{id}."""
        if not _ID.fullmatch(request.id):
            raise no_such_key(request.id)
        key, _ = await self._accounts.revoke_key(int(request.id), current_identity().account_id)
        return pb.KeyEnvelope(code=_OK, message=_SUCCESS, data=_key(key))


def _key(key: ApiKey) -> pb.Key:
    return pb.Key(
        id=str(key.id),
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes or (),
        created_at=_timestamp(key.created_at),
        expires_at=_timestamp(key.expires_at),
        last_used_at=_timestamp(key.last_used_at),
        revoked_at=_timestamp(key.revoked_at),
        created_by=str(key.creator_id) if key.creator_id is not None else None,
        replaces=str(key.replaces_id) if key.replaces_id is not None else None,
        allowed_networks=key.allowed_networks or (),
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
