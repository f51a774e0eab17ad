"""Features that need models: bundles, their installation, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import features_service_pb2 as pb
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import storable
from services.gateway.surfaces.snapotter.endpoints import SignedInHandler
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.jobs.events import Event, complete, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.tool import Tool
from services.platform.errors import DarkroomError
from services.platform.identity import Identity
from services.platform.log import get_logger

NOT_INSTALLED = "FEATURE_NOT_INSTALLED"
_logger = get_logger()
_METHODS = pb.DESCRIPTOR.services_by_name["FeaturesService"].methods_by_name
STATUSES = {
    pb.BUNDLE_STATUS_NOT_INSTALLED: "not_installed",
    pb.BUNDLE_STATUS_INSTALLING: "installing",
    pb.BUNDLE_STATUS_INSTALLED: "installed",
    pb.BUNDLE_STATUS_ERROR: "error",
}


class FeatureMissing(Refusal):
    """The bundle that a tool needs is not installed."""

    def __init__(self, bundle: pb.Bundle, step: str = "") -> None:
        """`step` is what a step of a pipeline is called."""
        said = f'{step}: Feature "{bundle.name}" is not installed' if step else "Feature not installed"
        super().__init__(501, said, code=NOT_INSTALLED)
        self._bundle = bundle

    def response(self) -> Response:
        """The reply, which says what to install."""
        body = {
            "error": self.error,
            "code": self.code,
            "feature": self._bundle.id,
            "featureName": self._bundle.name,
            "estimatedSize": self._bundle.estimated_size,
        }
        return answer(body, self.status)


class Features:
    """Asks accounts about bundles on behalf of callers."""

    def __init__(self, backend: Backend, ids: JobIds) -> None:
        self._backend, self._ids = backend, ids

    async def list_features(self, request: Request, identity: Identity) -> Response:
        """Every bundle."""
        return answer({"bundles": [bundle_fields(one) for one in await self.bundles(identity)]})

    async def install(self, request: Request, identity: Identity) -> Response:
        """Begin to install one."""
        asked = pb.InstallBundleRequest(bundle_id=storable(request.path_params["bundle_id"]))
        reply: pb.InstallBundleResponse = await self._ask("InstallBundle", asked, identity)
        return answer({"jobId": self._ids.of(identity.account_id, reply.installation, JobKind.INSTALLATION)}, 202)

    async def uninstall(self, request: Request, identity: Identity) -> Response:
        """Remove one."""
        asked = pb.UninstallBundleRequest(bundle_id=storable(request.path_params["bundle_id"]))
        await self._ask("UninstallBundle", asked, identity)
        return answer({"ok": True})

    async def usage(self, request: Request, identity: Identity) -> Response:
        """How much space all take."""
        reply: pb.GetModelUsageResponse = await self._ask("GetModelUsage", pb.GetModelUsageRequest(), identity)
        return answer({"totalBytes": reply.total_bytes})

    async def bundles(self, identity: Identity | None) -> Sequence[pb.Bundle]:
        """Every bundle as it is now."""
        reply: pb.ListBundlesResponse = await self._ask("ListBundles", pb.ListBundlesRequest(), identity)
        return list(reply.bundles)

    async def missing(self, tools: Collection[Tool], identity: Identity) -> Mapping[str, pb.Bundle]:
        """The tools among these that lack models, by their ids, and the bundles to install.

        While nobody can say what is installed, none: a task waits for a model server that is away.
        """
        needing = {tool.id for tool in tools if tool.needs_models}
        if not needing:
            return {}
        try:
            bundles = await self.bundles(identity)
        except DarkroomError as error:
            if not error.passes:
                raise
            _logger.warning("bundles_not_read", error=str(error))
            return {}
        return {tool: bundle for bundle in bundles for tool in bundle.unavailable_tools if tool in needing}

    def only(self, tool: Tool, handle: SignedInHandler) -> SignedInHandler:
        """The same handler; where the tool lacks models, it is not called, and no body is read."""
        if not tool.needs_models:
            return handle

        async def serve(request: Request, identity: Identity) -> Response:
            for bundle in (await self.missing([tool], identity)).values():
                raise FeatureMissing(bundle)
            return await handle(request, identity)

        return serve

    async def _ask(self, method: str, request: Message, identity: Identity | None) -> Any:
        return (await self._backend.call("accounts", _METHODS[method], request, identity)).message


def bundle_fields(one: pb.Bundle) -> Mapping[str, object]:
    """A bundle as callers see it."""
    running = one.status == pb.BUNDLE_STATUS_INSTALLING
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "status": STATUSES[one.status],
        "installedVersion": one.installed_version or None,
        "estimatedSize": one.estimated_size,
        "enablesTools": list(one.tools),
        "progress": {"percent": one.percent, "stage": one.stage} if running else None,
        "error": one.error or None,
    }


_LOOK_SECONDS = 1.0
_SUPERSEDED = "The installation is no longer known."


class InstallationEvents:
    """Follows installations."""

    def __init__(self, ids: JobIds, features: Features) -> None:
        self._ids, self._features = ids, features

    async def of(self, job_id: str) -> AsyncIterator[Event]:
        """The events of a job from now on, up to its final one; none if the id is not an installation's."""
        job = self._ids.read(job_id)
        if job is None or job.kind is not JobKind.INSTALLATION:
            return
        # Anyone who knows the id may follow; the list is open to every account.
        identity = Identity(job.account_id, scopes=frozenset())
        while True:
            try:
                event = progress_of(job.number, await self._features.bundles(identity))
            except DarkroomError as error:
                if not error.passes:
                    raise
            else:
                yield event
                if event["phase"] != "processing":
                    return
            await asyncio.sleep(_LOOK_SECONDS)


def progress_of(installation: int, bundles: Sequence[pb.Bundle]) -> Event:
    """The newest event of an installation."""
    for one in bundles:
        if one.installation != installation:
            continue
        if one.status == pb.BUNDLE_STATUS_INSTALLING:
            return processing(one.percent, one.stage)
        return failure_event(one.error) if one.error else complete({"bundleId": one.id, "status": STATUSES[one.status]})
    return failure_event(_SUPERSEDED)
