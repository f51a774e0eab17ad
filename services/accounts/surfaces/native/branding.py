"""darkroom.accounts.v1.BrandingService: the logo."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import branding_service_pb2 as pb
from darkroom.accounts.v1 import branding_service_pb2_grpc
from services.accounts.domain.branding import Branding
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeBranding(branding_service_pb2_grpc.BrandingServiceServicer):
    """For everybody, and for those who may change it."""

    def __init__(self, branding: Branding) -> None:
        self._branding = branding

    async def GetLogo(self, request: pb.GetLogoRequest, context: Context) -> pb.GetLogoResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        logo = await self._branding.logo()
        reply = pb.GetLogoResponse(png=logo.png)
        reply.update_time.FromDatetime(logo.updated_at)
        return reply

    async def UpdateLogo(self, request: pb.UpdateLogoRequest, context: Context) -> pb.UpdateLogoResponse:  # noqa: D102 - an rpc
        await self._branding.replace(current_identity(), request.png)
        return pb.UpdateLogoResponse()

    async def DeleteLogo(self, request: pb.DeleteLogoRequest, context: Context) -> pb.DeleteLogoResponse:  # noqa: D102 - an rpc
        await self._branding.delete(current_identity())
        return pb.DeleteLogoResponse()
