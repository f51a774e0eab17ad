"""darkroom.accounts.v1.AuditService: an account's audit log."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import audit_service_pb2, audit_service_pb2_grpc
from services.accounts.domain.audit_trail import AuditTrail
from services.accounts.domain.users import Users
from services.platform.audit.actions import action_text
from services.platform.audit.log import END_OF_TIME, AuditQuery
from services.platform.audit.messages import message_of
from services.platform.identity import current_identity
from services.platform.rpc.moments import moment

Context = grpc.aio.ServicerContext[Any, Any]


class NativeAudit(audit_service_pb2_grpc.AuditServiceServicer):
    """The calling account's log."""

    def __init__(self, trail: AuditTrail, users: Users) -> None:
        self._trail, self._users = trail, users

    async def ListAuditEntries(  # noqa: D102 - an rpc; its documentation is in the proto
        self, request: audit_service_pb2.ListAuditEntriesRequest, context: Context
    ) -> audit_service_pb2.ListAuditEntriesResponse:
        query = AuditQuery(
            account_id=current_identity().account_id,
            actions=list(map(action_text, request.actions)),
            resource_id=request.resource_id or None,
            key_id=request.key_id or None,
            since=moment(request.start_time, "start_time") if request.HasField("start_time") else None,
            before=(moment(request.end_time, "end_time") if request.HasField("end_time") else END_OF_TIME, 0),
        )
        page = await self._trail.page(query, size=request.page_size, token=request.page_token, skip=request.skip)
        reply = audit_service_pb2.ListAuditEntriesResponse(entries=map(message_of, page.entries), next_page_token=page.next_page_token)
        actors = {entry.actor.user_id for entry in reply.entries if entry.actor.user_id}
        gone = await self._users.removed(query.account_id, actors) if actors else actors
        for entry in reply.entries:
            entry.actor.removed = entry.actor.user_id in gone
        if request.count:
            reply.total_size = await self._trail.count(query)
        return reply
