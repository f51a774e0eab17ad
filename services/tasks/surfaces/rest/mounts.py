"""The JSON API."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.rpc.server import Mount
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.rest.batches import RestBatches
from services.tasks.surfaces.rest.billing import RestBilling
from services.tasks.surfaces.rest.creation import RestCreation, RestImages, RestPdfs
from services.tasks.surfaces.rest.operation_calls import RestOperationCalls
from services.tasks.surfaces.rest.pipelines import RestPipelines
from services.tasks.surfaces.rest.replies import Replies
from services.tasks.surfaces.rest.tasks import RestAccountTasks, RestTasks
from services.tasks.surfaces.rest.webhooks import RestWebhooks


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    replies = Replies(parts.tasks, parts.watching, parts.files)
    creation = RestCreation(parts.acceptance, replies, parts.max_pooled)
    return [
        Mount(RestImages(creation)),
        Mount(RestPdfs(creation)),
        Mount(RestOperationCalls(parts.acceptance, replies)),
        Mount(RestTasks(parts.tasks, parts.search, parts.watching, replies, parts.heartbeat, parts.max_pooled)),
        Mount(RestAccountTasks(parts, replies)),
        Mount(RestWebhooks(parts.webhooks)),
        Mount(RestBatches(parts.acceptance, parts.batches, parts.archiving, parts.files, parts.pipelines)),
        Mount(RestPipelines(parts.pipelines, parts.acceptance, replies)),
        Mount(RestBilling(parts.ledger, parts.acceptance)),
    ]
