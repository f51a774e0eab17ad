"""Features that need models: bundles, their installation, and how far it is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from darkroom.accounts.v1 import features_service_pb2 as pb
from services.common.errors import DarkroomError
from services.common.identity import Identity
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import storable
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.job_ids import Job, JobIds, JobKind
from services.gateway.surfaces.snapotter.paths import raw_path
from services.gateway.surfaces.snapotter.progress import complete, failed

NOT_INSTALLED = "FEATURE_NOT_INSTALLED"
_METHODS = pb.DESCRIPTOR.services_by_name["FeaturesService"].methods_by_name
_STATUSES = {
    pb.BUNDLE_STATUS_NOT_INSTALLED: "not_installed",
    pb.BUNDLE_STATUS_INSTALLING: "installing",
    pb.BUNDLE_STATUS_INSTALLED: "installed",
    pb.BUNDLE_STATUS_ERROR: "error",
}
_LOOK_SECONDS = 1.0
_BUSY_SECONDS = 5
_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
_SUPERSEDED = "The installation is no longer known."
OpenHandle = Callable[[Request, Identity | None], Awaitable[Response]]


class FeatureMissing(Refusal):
    """The bundle that a tool needs is not installed."""

    def __init__(self, bundle: pb.Bundle) -> None:
        super().__init__(501, "Feature not installed", code=NOT_INSTALLED)
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

    def __init__(self, backend: Backend, ids: JobIds, heartbeat_seconds: float, most: int, others: OpenHandle) -> None:
        """At most `most` streams are open at the same time. `others` tells the progress of all jobs that are no installations."""
        self._backend, self._ids, self._heartbeat, self._most, self._others = backend, ids, heartbeat_seconds, most, others
        self._open = 0

    async def list_features(self, request: Request, identity: Identity) -> Response:
        """Every bundle."""
        return answer({"bundles": [described(one) for one in await self.bundles(identity)]})

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

    async def require(self, bundle_id: str, identity: Identity) -> None:
        """Raise FeatureMissing unless a bundle is installed: for tools that need its models."""
        bundle = next(one for one in await self.bundles(identity) if one.id == bundle_id)
        if bundle.status != pb.BUNDLE_STATUS_INSTALLED:
            raise FeatureMissing(bundle)

    async def watch(self, request: Request, identity: Identity | None) -> Response:
        """Follow a job."""
        job_id = unquote(raw_path(request).removeprefix("/api/v1/jobs/").removesuffix("/progress"), errors="replace")
        job = self._ids.read(job_id)
        if job is None or job.kind is not JobKind.INSTALLATION:
            return await self._others(request, identity)
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        if self._open >= self._most:
            raise Refusal(503, "Too many streams are open. Try again later.", retry_after=_BUSY_SECONDS)
        return StreamingResponse(self._chunks(job_id, job), headers=_HEADERS)

    async def _chunks(self, job_id: str, job: Job) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for chunk in self._followed(job_id, job):
                yield chunk
        finally:
            self._open -= 1

    async def _followed(self, job_id: str, job: Job) -> AsyncIterator[bytes]:
        # Whoever knows the id may follow; the list is open to every account.
        identity = Identity(job.account_id, scopes=frozenset())
        told, said_at = b"", time.monotonic()
        yield b":\n\n"
        while True:
            try:
                event = progress_of(job.number, await self.bundles(identity))
            except DarkroomError as error:
                if not error.passes:
                    raise
                event = None
            content = b"" if event is None else json.dumps({"jobId": job_id, "type": "single", **event}, separators=(",", ":")).encode()
            if content and content != told:
                told, said_at = content, time.monotonic()
                yield b"data: " + content + b"\n\n"
            elif time.monotonic() - said_at >= self._heartbeat:
                said_at = time.monotonic()
                yield b":\n\n"
            if event is not None and event["phase"] != "processing":
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _ask(self, method: str, request: Message, identity: Identity | None) -> Any:
        return (await self._backend.call("accounts", _METHODS[method], request, identity)).message


def described(one: pb.Bundle) -> Mapping[str, object]:
    """A bundle as callers see it."""
    running = one.status == pb.BUNDLE_STATUS_INSTALLING
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "status": _STATUSES[one.status],
        "installedVersion": one.installed_version or None,
        "estimatedSize": one.estimated_size,
        "enablesTools": list(one.tools),
        "progress": {"percent": one.percent, "stage": one.stage} if running else None,
        "error": one.error or None,
    }


def progress_of(installation: int, bundles: Sequence[pb.Bundle]) -> Mapping[str, object]:
    """The newest event of an installation."""
    for one in bundles:
        if one.installation != installation:
            continue
        if one.status == pb.BUNDLE_STATUS_INSTALLING:
            return {"phase": "processing", "percent": one.percent, "stage": one.stage}
        return failed(one.error) if one.error else complete({"bundleId": one.id, "status": _STATUSES[one.status]})
    return failed(_SUPERSEDED)
