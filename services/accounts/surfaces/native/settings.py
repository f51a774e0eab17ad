"""darkroom.accounts.v1.SettingsService: what the people of the account have set."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import settings_service_pb2 as pb
from darkroom.accounts.v1 import settings_service_pb2_grpc
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.installation import Setting
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeSettings(settings_service_pb2_grpc.SettingsServiceServicer):
    """For the people of the account."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    async def ListSettings(self, request: pb.ListSettingsRequest, context: Context) -> pb.ListSettingsResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        return pb.ListSettingsResponse(settings=map(_message, await self._settings.all(current_identity())))

    async def GetSetting(self, request: pb.GetSettingRequest, context: Context) -> pb.GetSettingResponse:  # noqa: D102 - an rpc
        return pb.GetSettingResponse(setting=_message(await self._settings.get(current_identity(), request.name)))

    async def UpdateSettings(self, request: pb.UpdateSettingsRequest, context: Context) -> pb.UpdateSettingsResponse:  # noqa: D102 - an rpc
        await self._settings.change(current_identity(), dict(request.values), request.removed)
        return pb.UpdateSettingsResponse()


def _message(setting: Setting) -> pb.Setting:
    message = pb.Setting(name=setting.name, value=setting.value)
    message.update_time.FromDatetime(setting.updated_at)
    return message
