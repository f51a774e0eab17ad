"""Times that no calendar has, in requests for the audit log: on the wire they are possible."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.accounts.v1 import audit_service_pb2
from darkroom.internal.audit.v1 import audit_part_service_pb2
from darkroom.rest.v1 import audit_pb2
from services.accounts.domain.audit_trail import AuditTrail
from services.accounts.surfaces.native.people import NativeAudit
from services.accounts.surfaces.rest.administration import RestAudit
from services.platform.audit.part import AuditPartServicer
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from tests.harness.callers import calling

NEVER = Timestamp(nanos=-1)
NOBODY: Any = None
TRAIL = AuditTrail({})


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (
            lambda: NativeAudit(TRAIL, NOBODY).ListAuditEntries(audit_service_pb2.ListAuditEntriesRequest(start_time=NEVER), NOBODY),
            "start_time",
        ),
        (
            lambda: NativeAudit(TRAIL, NOBODY).ListAuditEntries(audit_service_pb2.ListAuditEntriesRequest(end_time=NEVER), NOBODY),
            "end_time",
        ),
        (lambda: RestAudit(TRAIL).ListAudit(audit_pb2.ListAuditRequest(start_time=NEVER), NOBODY), "start_time"),
        (lambda: RestAudit(TRAIL).ListAudit(audit_pb2.ListAuditRequest(end_time=NEVER), NOBODY), "end_time"),
        (lambda: AuditPartServicer(NOBODY).ListPart(audit_part_service_pb2.ListPartRequest(since=NEVER), NOBODY), "since"),
        (lambda: AuditPartServicer(NOBODY).ListPart(audit_part_service_pb2.ListPartRequest(before_time=NEVER), NOBODY), "before_time"),
    ],
)
async def test_times_that_no_calendar_has_are_refused(call: Any, field: str) -> None:
    with calling(Identity(1), Client()), pytest.raises(DarkroomError) as refused:
        await call()
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)
