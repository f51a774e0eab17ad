"""The events of installations of bundles, by the ids that replies name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from darkroom.accounts.v1 import features_service_pb2 as pb
from services.gateway.surfaces.snapotter.installation.features import STATUSES, Features
from services.gateway.surfaces.snapotter.jobs.events import Event, complete, failed, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.platform.errors import DarkroomError
from services.platform.identity import Identity

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
        # Whoever knows the id may follow; the list is open to every account.
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
        return failed(one.error) if one.error else complete({"bundleId": one.id, "status": STATUSES[one.status]})
    return failed(_SUPERSEDED)
