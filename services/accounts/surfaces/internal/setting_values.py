"""darkroom.internal.accounts.v1.SettingValuesService: settings for services that act on them."""

from __future__ import annotations

from darkroom.internal.accounts.v1 import setting_values_service_pb2 as pb
from darkroom.internal.accounts.v1 import setting_values_service_pb2_grpc
from services.accounts.domain.account_settings import AccountSettings
from services.platform.rpc.interceptor import Context


class SettingValues(setting_values_service_pb2_grpc.SettingValuesServiceServicer):
    """The settings of the people's account."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    async def ReadValues(self, request: pb.ReadValuesRequest, context: Context) -> pb.ReadValuesResponse:
        """Those that exist."""
        return pb.ReadValuesResponse(values=await self._settings.values(request.names))
