"""A service's part of the audit log, served to accounts, and accounts' view of it."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.internal.audit.v1 import audit_part_service_pb2, audit_part_service_pb2_grpc
from services.platform.audit.log import AuditEntry, AuditLog, AuditQuery
from services.platform.audit.messages import entry_of, message_of
from services.platform.errors import translate_rpc_errors
from services.platform.identity import current_identity
from services.platform.rpc.channel import Caller
from services.platform.rpc.moments import moment

Context = grpc.aio.ServicerContext[Any, Any]
_SECONDS = 10.0


class AuditPartServicer(audit_part_service_pb2_grpc.AuditPartServiceServicer):
    """Reads the service's part."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def ListPart(  # noqa: N802 - an rpc; its documentation is in the proto
        self, request: audit_part_service_pb2.ListPartRequest, context: Context
    ) -> audit_part_service_pb2.ListPartResponse:
        query = _query(request)
        if request.count:
            return audit_part_service_pb2.ListPartResponse(total=await self._log.count(query))
        found = await self._log.page(query, request.limit, request.skip)
        return audit_part_service_pb2.ListPartResponse(entries=map(message_of, found))


class RemotePart:
    """The part of another service."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub, self._caller = audit_part_service_pb2_grpc.AuditPartServiceStub(channel), caller

    async def page(self, query: AuditQuery, limit: int, skip: int = 0) -> list[AuditEntry]:
        """Up to `limit` entries, newest first, after `skip` others. Raises UNAVAILABLE."""
        reply = await self._ask(query, audit_part_service_pb2.ListPartRequest(limit=limit, skip=skip))
        return [entry_of(entry) for entry in reply.entries]

    async def count(self, query: AuditQuery) -> int:
        """How many entries there are. Raises UNAVAILABLE."""
        return (await self._ask(query, audit_part_service_pb2.ListPartRequest(limit=1, count=True))).total

    async def _ask(self, query: AuditQuery, request: audit_part_service_pb2.ListPartRequest) -> audit_part_service_pb2.ListPartResponse:
        before_time, request.before_id = query.before
        request.before_time.FromDatetime(before_time)
        request.actions.extend(query.actions)
        request.resource_id, request.key_id = query.resource_id or 0, query.key_id or 0
        if query.since is not None:
            request.since.FromDatetime(query.since)
        with translate_rpc_errors():
            return await self._stub.ListPart(request, metadata=self._caller.on_behalf_of(query.account_id), timeout=_SECONDS)


def _query(request: audit_part_service_pb2.ListPartRequest) -> AuditQuery:
    return AuditQuery(
        account_id=current_identity().account_id,
        actions=list(request.actions),
        resource_id=request.resource_id or None,
        key_id=request.key_id or None,
        since=moment(request.since, "since") if request.HasField("since") else None,
        before=(moment(request.before_time, "before_time"), request.before_id),
    )
