"""The logo that the pages of an installation show, and its bundles of models."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from darkroom.accounts.v1 import (
    branding_service_pb2,
    branding_service_pb2_grpc,
    features_service_pb2,
    features_service_pb2_grpc,
)
from darkroom.calls import Call


class Branding:
    """`branding` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = branding_service_pb2_grpc.BrandingServiceStub(channel), call

    async def logo(self) -> bytes:
        """The logo, a PNG. It needs no API key. Raises NotFound if there is none."""
        reply: branding_service_pb2.GetLogoResponse = await self._call(self._stub.GetLogo, branding_service_pb2.GetLogoRequest())
        return reply.png

    async def replace_logo(self, png: bytes) -> None:
        """Replace the logo by a PNG of at most 128 by 128 pixels and 256 KiB."""
        await self._call(self._stub.UpdateLogo, branding_service_pb2.UpdateLogoRequest(png=png))

    async def delete_logo(self) -> None:
        """Remove the logo. Safe to repeat."""
        await self._call(self._stub.DeleteLogo, branding_service_pb2.DeleteLogoRequest())


class Bundles:
    """`bundles` of `AsyncClient`: the models that belong together to one feature. Its methods raise the same exceptions as those of the
    client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = features_service_pb2_grpc.FeaturesServiceStub(channel), call

    async def list(self) -> Sequence[features_service_pb2.Bundle]:
        """All bundles, and whether they are installed."""
        reply: features_service_pb2.ListBundlesResponse = await self._call(
            self._stub.ListBundles, features_service_pb2.ListBundlesRequest()
        )
        return reply.bundles

    async def used_bytes(self) -> int:
        """Bytes that all installed models take."""
        reply: features_service_pb2.GetModelUsageResponse = await self._call(
            self._stub.GetModelUsage, features_service_pb2.GetModelUsageRequest()
        )
        return reply.total_bytes

    async def install(self, bundle_id: str) -> None:
        """Begin to install a bundle. `list` reports the progress. Raises NotFound, and Conflict for one that is installed, or while another
        one is being installed."""
        await self._call(self._stub.InstallBundle, features_service_pb2.InstallBundleRequest(bundle_id=bundle_id))

    async def uninstall(self, bundle_id: str) -> None:
        """Remove a bundle, and the models that no other one uses. Raises as `install`."""
        await self._call(self._stub.UninstallBundle, features_service_pb2.UninstallBundleRequest(bundle_id=bundle_id))
