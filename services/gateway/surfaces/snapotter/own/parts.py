"""What the tools with their own form share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.batches.archives import Archives
from services.gateway.surfaces.snapotter.batches.batches import Batches
from services.gateway.surfaces.snapotter.calls.background import BackgroundCalls
from services.gateway.surfaces.snapotter.calls.tool_calls import CLIENT_JOB_ID, FAILED, ToolCalls, succeeded, why
from services.gateway.surfaces.snapotter.contents import Contents
from services.gateway.surfaces.snapotter.forms import Accepts, Forms, Sent, Taken
from services.gateway.surfaces.snapotter.installation.features import Features
from services.gateway.surfaces.snapotter.jobs.events import complete, processing
from services.gateway.surfaces.snapotter.jobs.events import failed as failed_event
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Job, Jobs
from services.gateway.surfaces.snapotter.runs import Kept, Runs
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.gateway.surfaces.snapotter.tools.catalogue import Tool
from services.platform.identity import Identity


@dataclass(frozen=True, slots=True)
class OwnParts:
    """What a tool is served with."""

    forms: Forms
    calls: ToolCalls
    background: BackgroundCalls
    contents: Contents
    runs: Runs
    ids: JobIds
    jobs: Jobs
    archives: Archives
    batches: Batches
    features: Features
    settings: SnapOtterSettings

    async def read(self, request: Request, account_id: int, taken: Taken, *, accepts: Accepts = Accepts.PICTURES) -> Sent:
        """A form. From now on, whoever watches the job that it names is told of it."""
        sent = await self.forms.read(request, account_id, taken, accepts=accepts)
        begun = self.jobs.begun(sent.fields.get(CLIENT_JOB_ID, ""), processing(), lambda raised: failed_event(why(raised)))
        job: Job = await request.state.call.enter_async_context(begun)
        request.state.call.job = job
        return sent

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


Serve = Callable[[OwnParts, Tool, Request, Identity], Awaitable[Response]]


class _Call(AsyncExitStack):
    """A call of a tool, and its job once the form is read."""

    job: Job | None = None


async def watched(serve: Serve, parts: OwnParts, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply of a tool. Whoever watches its job is told of it; of a reply that streams, or is no JSON, that there is one."""
    async with _Call() as call:
        request.state.call = call
        response = await serve(parts, tool, request, identity)
        if call.job is not None:
            in_json = (response.media_type or "").startswith("application/json") and not isinstance(response, StreamingResponse)
            await call.job.tell(complete(json.loads(bytes(response.body)) if in_json else {}))
    return response
