"""`darkroom.internal.accounts.v1.MembershipService`, for workers that have joined from other machines."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from darkroom.internal.accounts.v1 import membership_service_pb2_grpc
from services.accounts.domain.workers import Workers
from services.accounts.membership_message import membership_message
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class MembershipServicer(membership_service_pb2_grpc.MembershipServiceServicer):
    """For the worker whose certificate the caller has shown."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def RenewMembership(self, request: pb.RenewMembershipRequest, context: Context) -> pb.RenewMembershipResponse:
        """Renew it."""
        time = request.time.ToNanoseconds() / 1e9
        renewed = await self._workers.renew(current_identity().worker or "", request.version, time, request.certificate_request)
        return pb.RenewMembershipResponse(membership=membership_message(renewed))
