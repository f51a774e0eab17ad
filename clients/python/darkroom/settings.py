"""Settings for everybody: texts by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import grpc

from darkroom.accounts.v1 import settings_service_pb2, settings_service_pb2_grpc
from darkroom.calls import Call


class Settings:
    """`settings` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = settings_service_pb2_grpc.SettingsServiceStub(channel), call

    async def list(self) -> Sequence[settings_service_pb2.Setting]:
        """All settings, by name."""
        reply: settings_service_pb2.ListSettingsResponse = await self._call(
            self._stub.ListSettings, settings_service_pb2.ListSettingsRequest()
        )
        return reply.settings

    async def get(self, name: str) -> settings_service_pb2.Setting:
        """One setting. Raises NotFound if there is none with that name."""
        reply: settings_service_pb2.GetSettingResponse = await self._call(
            self._stub.GetSetting, settings_service_pb2.GetSettingRequest(name=name)
        )
        return reply.setting

    async def update(self, values: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Write settings and remove others, all or none. Any name may be set; those to be removed need not exist."""
        request = settings_service_pb2.UpdateSettingsRequest(values=values, removed=removed)
        await self._call(self._stub.UpdateSettings, request)
