"""The calls of other services to accounts: memberships of workers, and settings that they act on."""

from __future__ import annotations

from darkroom.internal.accounts.v1 import membership_service_pb2 as membership_pb
from darkroom.internal.accounts.v1 import membership_service_pb2_grpc, setting_values_service_pb2_grpc
from darkroom.internal.accounts.v1 import setting_values_service_pb2 as values_pb
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.workers import Workers
from services.accounts.membership_message import membership_message
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context


class MembershipServicer(membership_service_pb2_grpc.MembershipServiceServicer):
    """For the worker whose certificate the caller has shown."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def RenewMembership(
        self, request: membership_pb.RenewMembershipRequest, context: Context
    ) -> membership_pb.RenewMembershipResponse:
        """Renew it."""
        time = request.time.ToNanoseconds() / 1e9
        worker = current_identity().worker or ""
        renewed = await self._workers.renew(worker, request.version, time, request.certificate_request, without_nats=request.without_nats)
        return membership_pb.RenewMembershipResponse(membership=membership_message(renewed))


class SettingValues(setting_values_service_pb2_grpc.SettingValuesServiceServicer):
    """The settings of the people's account."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    async def ReadValues(self, request: values_pb.ReadValuesRequest, context: Context) -> values_pb.ReadValuesResponse:
        """Those that exist."""
        return values_pb.ReadValuesResponse(values=await self._settings.values(request.names))
