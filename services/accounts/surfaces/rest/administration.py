"""The services of REST about an installation: usage, the audit log, its workers and its state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from darkroom.rest.v1 import (
    audit_pb2,
    audit_pb2_grpc,
    billing_pb2,
    system_pb2,
    system_pb2_grpc,
    usage_pb2,
    usage_pb2_grpc,
    workers_pb2,
    workers_pb2_grpc,
)
from services.accounts.domain.account_usage import AccountUsage, UsageReport
from services.accounts.domain.audit_trail import AuditTrail
from services.accounts.domain.home import Home
from services.accounts.domain.system import SystemReport
from services.accounts.domain.workers import JoinRequest, Workers
from services.accounts.membership_message import membership_message
from services.accounts.surfaces.rest import system_messages as messages
from services.platform.audit.log import END_OF_TIME, AuditEntry, AuditQuery
from services.platform.compatibility import compatibility_surfaces
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.moments import moment

_MILLI = 1000
# A service of another version may count what this one does not know.
_AMOUNTS = [field.name for field in usage_pb2.UsageResult.DESCRIPTOR.fields if field.message_type == usage_pb2.UsageAmount.DESCRIPTOR]


class RestUsage(usage_pb2_grpc.UsageServiceServicer):
    """The calling account's usage."""

    def __init__(self, report: UsageReport) -> None:
        self._report = report

    async def GetUsage(self, request: usage_pb2.GetUsageRequest, context: Context) -> usage_pb2.UsageEnvelope:
        """GET /v1/usage."""
        caller = current_identity()
        usage = await self._report.of(caller.account_id, caller.key_id)
        return usage_pb2.UsageEnvelope(code=200, message="success", data=_result(usage))


def _result(usage: AccountUsage) -> usage_pb2.UsageResult:
    held, amounts = usage.credits, {name: usage.amounts[name] for name in _AMOUNTS if name in usage.amounts}
    return usage_pb2.UsageResult(
        **{name: usage_pb2.UsageAmount(used=amount.used, limit=amount.limit) for name, amount in amounts.items()},
        request_limits=[
            usage_pb2.RequestLimit(
                policy=one.limit.policy, requests_per_second=one.limit.rate, burst=one.limit.burst, remaining=one.remaining
            )
            for one in usage.requests
        ],
        credits=billing_pb2.BalanceResult(
            available=held.available_millicredits / _MILLI,
            reserved=held.reserved_millicredits / _MILLI,
            unlimited=held.unlimited,
            multiplier=held.multiplier_permille / _MILLI,
        )
        if held is not None
        else None,
    )


class RestAudit(audit_pb2_grpc.AuditServiceServicer):
    """The calling account's log."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def ListAudit(self, request: audit_pb2.ListAuditRequest, context: Context) -> audit_pb2.AuditEnvelope:
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
        data = audit_pb2.AuditPage(items=map(_record, page.entries), next_page_token=page.next_page_token or None)
        return audit_pb2.AuditEnvelope(code=200, message="success", data=data)


def _record(entry: AuditEntry) -> audit_pb2.AuditRecord:
    actor = entry.actor
    record = audit_pb2.AuditRecord(
        action=entry.action,
        resource_id=str(entry.resource_id),
        actor=actor.kind.value,
        key_id=str(actor.key_id) if actor.key_id is not None else None,
        actor_name=actor.name or None,
        address=actor.address,
        user_agent=actor.user_agent,
        request_id=entry.request_id or None,
        details=[audit_pb2.AuditDetail(name=name, value=value) for name, value in sorted(entry.details.items())],
    )
    record.created_at.FromDatetime(entry.time)
    return record


_OK, _SUCCESS = 200, "success"


class RestWorkers(workers_pb2_grpc.WorkersServiceServicer):
    """For machines with a token."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def JoinWorker(self, request: workers_pb2.JoinWorkerRequest, context: Context) -> workers_pb2.JoinWorkerEnvelope:
        """POST /v1/workers/join."""
        asked = JoinRequest(
            token_id=int(request.token_id),
            name=request.name,
            certificate_request=request.certificate_request,
            public_key=request.public_key,
            version=request.version,
            time=request.time,
            mac=request.mac,
        )
        membership, keys = await self._workers.join(asked)
        sealed = keys.seal(membership_message(membership).SerializeToString(), asked.digest)
        return workers_pb2.JoinWorkerEnvelope(
            code=_OK, message=_SUCCESS, data=workers_pb2.JoinedWorker(name=membership.worker.name, sealed=sealed)
        )


class RestSystem(system_pb2_grpc.SystemServiceServicer):
    """For the account that people belong to. `metrics_url` is where the operator's metrics are shown."""

    def __init__(self, report: SystemReport, home: Home, metrics_url: str | None, clock: Callable[[], datetime]) -> None:
        self._report, self._home, self._metrics_url, self._clock = report, home, metrics_url, clock

    async def GetSystem(self, request: system_pb2.GetSystemRequest, context: Context) -> system_pb2.SystemEnvelope:
        """GET /v1/system."""
        await self._home.require(current_identity())
        data = messages.system(await self._report.read())
        data.read_at.FromDatetime(self._clock())
        if self._metrics_url is not None:
            data.metrics_url = self._metrics_url
        data.surfaces.extend(name for name in compatibility_surfaces() if catalogue.is_on(name))
        return system_pb2.SystemEnvelope(code=200, message="success", data=data)
