"""What the tools with their own form share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.batches.archives import Archives
from services.gateway.surfaces.snapotter.batches.batches import Batches
from services.gateway.surfaces.snapotter.calls.tool_calls import FAILED, ToolCalls, succeeded
from services.gateway.surfaces.snapotter.contents import Contents
from services.gateway.surfaces.snapotter.forms import Forms, Sent
from services.gateway.surfaces.snapotter.installation.features import Features
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs
from services.gateway.surfaces.snapotter.runs import Kept, Runs
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings


@dataclass(frozen=True, slots=True)
class OwnParts:
    """What a tool is served with."""

    forms: Forms
    calls: ToolCalls
    contents: Contents
    runs: Runs
    ids: JobIds
    jobs: Jobs
    archives: Archives
    batches: Batches
    features: Features
    settings: SnapOtterSettings

    def kept(self, account_id: int, sent: Sent) -> AbstractAsyncContextManager[None]:
        """Deletes what was stored of a form if the block is refused."""
        return self.calls.discarded_unless_run(account_id, sent)

    async def run(
        self,
        request: Request,
        account_id: int,
        file_ids: Sequence[int],
        operations: Sequence[operation_pb2.Operation],
        kept: Kept,
        *,
        failed: str = FAILED,
        unusable: str = "",
        names: Mapping[int, str] | None = None,
    ) -> run_service_pb2.Run:
        """A run that has succeeded.

        Raises `Refusal`: 422 with the text `failed`; for an unusable file 422 with `unusable`, else 400, naming it if it is in `names`.
        """
        run = await self.calls.started(request, account_id, file_ids, operations, kept, failed=failed, unusable=unusable, names=names)
        return succeeded(run, failed)

    def job_id(self, account_id: int, run: run_service_pb2.Run) -> str:
        """What the caller knows a run by."""
        return self.ids.of(account_id, run.task_id)

    def zipped(self, account_id: int, archive: file_pb2.File, name: str) -> Response:
        """A stored archive as the reply."""
        return self.archives.stored(account_id, archive, name)
