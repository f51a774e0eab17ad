"""`darkroom.rest.v1.AuditService`: `/v1/audit`."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import audit_pb2 as pb
from darkroom.rest.v1 import audit_pb2_grpc
from services.accounts.domain.audit_trail import AuditTrail
from services.platform.audit.log import END_OF_TIME, AuditEntry, AuditQuery
from services.platform.identity import current_identity
from services.platform.rpc.moments import moment

Context = grpc.aio.ServicerContext[Any, Any]


class RestAudit(audit_pb2_grpc.AuditServiceServicer):
    """The calling account's log."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def ListAudit(self, request: pb.ListAuditRequest, context: Context) -> pb.AuditEnvelope:
        """GET /v1/audit."""
        query = AuditQuery(
            account_id=current_identity().account_id,
            actions=list(request.action),
            resource_id=int(request.resource_id) if request.resource_id else None,
            key_id=int(request.key_id) if request.key_id else None,
            since=moment(request.start_time, "start_time") if request.HasField("start_time") else None,
            before=(moment(request.end_time, "end_time") if request.HasField("end_time") else END_OF_TIME, 0),
        )
        page = await self._trail.page(query, size=request.page_size, token=request.page_token)
        data = pb.AuditPage(items=map(_record, page.entries), next_page_token=page.next_page_token or None)
        return pb.AuditEnvelope(code=200, message="success", data=data)


def _record(entry: AuditEntry) -> pb.AuditRecord:
    actor = entry.actor
    record = pb.AuditRecord(
        action=entry.action,
        resource_id=str(entry.resource_id),
        actor=actor.kind.value,
        key_id=str(actor.key_id) if actor.key_id is not None else None,
        actor_name=actor.name or None,
        address=actor.address,
        user_agent=actor.user_agent,
        request_id=entry.request_id or None,
        details=[pb.AuditDetail(name=name, value=value) for name, value in sorted(entry.details.items())],
    )
    record.created_at.FromDatetime(entry.time)
    return record
