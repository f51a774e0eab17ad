"""darkroom.accounts.v1.FeaturesService: bundles of models, which workers install and remove."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import features_service_pb2 as pb
from darkroom.accounts.v1 import features_service_pb2_grpc
from services.accounts.domain.home import Home
from services.platform.bundles import BundleState, RemoteBundles
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]
_STATUSES = {
    "not_installed": pb.BUNDLE_STATUS_NOT_INSTALLED,
    "installing": pb.BUNDLE_STATUS_INSTALLING,
    "installed": pb.BUNDLE_STATUS_INSTALLED,
    "error": pb.BUNDLE_STATUS_ERROR,
}


class NativeFeatures(features_service_pb2_grpc.FeaturesServiceServicer):
    """Changes are for the account that people belong to."""

    def __init__(self, bundles: RemoteBundles, home: Home) -> None:
        self._bundles, self._home = bundles, home

    async def ListBundles(self, request: pb.ListBundlesRequest, context: Context) -> pb.ListBundlesResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        return pb.ListBundlesResponse(bundles=map(_message, await self._bundles.all()))

    async def InstallBundle(self, request: pb.InstallBundleRequest, context: Context) -> pb.InstallBundleResponse:  # noqa: D102 - an rpc
        await self._home.require(current_identity())
        return pb.InstallBundleResponse(installation=await self._bundles.install(request.bundle_id))

    async def UninstallBundle(self, request: pb.UninstallBundleRequest, context: Context) -> pb.UninstallBundleResponse:  # noqa: D102 - an rpc
        await self._home.require(current_identity())
        await self._bundles.remove(request.bundle_id)
        return pb.UninstallBundleResponse()

    async def GetModelUsage(self, request: pb.GetModelUsageRequest, context: Context) -> pb.GetModelUsageResponse:  # noqa: D102 - an rpc
        await self._home.require(current_identity())
        return pb.GetModelUsageResponse(total_bytes=await self._bundles.bytes_used())


def _message(one: BundleState) -> pb.Bundle:
    return pb.Bundle(
        id=one.id,
        name=one.name,
        description=one.description,
        status=_STATUSES[one.status],
        installed_version=one.version,
        estimated_size=one.estimated_size,
        tools=one.tools,
        unavailable_tools=one.unavailable_tools,
        percent=one.percent,
        stage=one.stage,
        error=one.error,
        installation=one.job,
    )
