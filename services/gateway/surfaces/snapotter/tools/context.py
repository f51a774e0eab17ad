"""The services for tools with a form or a reply of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.contents import Contents
from services.gateway.surfaces.snapotter.batches.archives import Archives
from services.gateway.surfaces.snapotter.batches.batches import Batches
from services.gateway.surfaces.snapotter.calls.background import BackgroundCalls
from services.gateway.surfaces.snapotter.calls.tool_calls import (
    CLIENT_JOB_ID,
    NO_FILE,
    SETTINGS,
    ToolCalls,
    require_success,
    run_report,
    why,
)
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import Accepts, FormContent, Forms, SentFile, Taken
from services.gateway.surfaces.snapotter.jobs.events import complete, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.jobs.jobs import Job, Jobs
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.gateway.surfaces.snapotter.tool import Serve, Tool
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

UNREADABLE = "Failed to read image metadata"
_PART_OF_ID = 8


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The parts of the surface, and what tools do with them."""

    forms: Forms
    calls: ToolCalls
    background: BackgroundCalls
    contents: Contents
    runs: Runs
    ids: JobIds
    jobs: Jobs
    archives: Archives
    batches: Batches
    settings: SnapOtterSettings

    async def read(
        self, request: Request, account_id: int, taken: Taken, *, accepts: Accepts = Accepts.PICTURES, holds: bool = False
    ) -> FormContent:
        """A form, as `Forms.read`. From now on, the events of the job that it names follow this call."""
        sent = await self.forms.read(request, account_id, taken, accepts=accepts, holds=holds)
        begun = self.jobs.begin(sent.fields.get(CLIENT_JOB_ID, ""), processing(), lambda raised: failure_event(why(raised)))
        job: Job = await request.state.call.enter_async_context(begun)
        request.state.call.job = job
        return sent

    @asynccontextmanager
    async def form(
        self, request: Request, account_id: int, taken: Taken, *, accepts: Accepts = Accepts.PICTURES
    ) -> AsyncIterator[FormContent]:
        """A form, as `read`. Its stored files are deleted if the block is refused."""
        sent = await self.read(request, account_id, taken, accepts=accepts)
        async with self.calls.discarded_unless_run(account_id, sent):
            yield sent

    async def run(
        self,
        tool: Tool,
        request: Request,
        account_id: int,
        file_ids: Sequence[int],
        operations: Sequence[Operation],
        kept: RunRecord,
        *,
        unusable: str = "",
        names: Mapping[int, str] | None = None,
    ) -> run_service_pb2.Run:
        """A run that has succeeded.

        Raises `Refusal`: 422 in the tool's words; for an unusable file 422 with `unusable`, else 400, naming it if it is in `names`.
        """
        run = await self.calls.start(
            request, account_id, file_ids, operations, kept, failure_message=tool.failure_message, unusable=unusable, names=names
        )
        return require_success(run, tool.failure_message)

    async def run_of_job(self, account_id: int, job_id: str, tool_id: str, failure_message: str) -> tuple[RunRecord, run_service_pb2.Run]:
        """A run of a tool that has succeeded, and its record. Raises `Refusal` for a job that does not belong to the account."""
        unknown = Refusal(422, failure_message, details="There is no such job, or its files are gone.")
        job = self.ids.read(job_id)
        if job is None or job.kind is not JobKind.TASK or job.account_id != account_id:
            raise unknown
        try:
            run = await self.runs.open(account_id, job.number)
        except DarkroomError as error:
            if error.reason is ErrorReason.TASK_NOT_FOUND:
                raise unknown from error
            raise
        kept = RunRecord.read(run.kept)
        if kept is None or kept.tool != tool_id or kept.steps or failure(run) is not None:
            raise unknown
        return kept, run

    async def document(self, account_id: int, run: run_service_pb2.Run) -> Any:
        """The first result of a run, which is a JSON document."""
        return json.loads(await self.contents.read(account_id, run.outputs[0]))

    def job_id(self, account_id: int, run: run_service_pb2.Run) -> str:
        """The caller's name for a run."""
        return self.ids.of(account_id, run.task_id)

    def body(self, account_id: int, run: run_service_pb2.Run, *files: SentFile) -> dict[str, object]:
        """The usual reply about a run of these files."""
        return run_report(self.job_id(account_id, run), sum(file.size for file in files), run)

    def archive(self, account_id: int, run: run_service_pb2.Run, title: str) -> Response:
        """The first result of a run, a stored archive, as the reply."""
        return self.archives.reply_stored(account_id, run.outputs[0], f"{title}-{self.job_id(account_id, run)[:_PART_OF_ID]}.zip")


class _Call(AsyncExitStack):
    """A call of a tool, and its job once the form is read."""

    job: Job | None = None


async def serve_own(context: ToolContext, serve: Serve, tool: Tool, request: Request, identity: Identity) -> Response:
    """The reply of a tool. Its job's last event has the same; of a reply that streams, or is no JSON, only that there is one."""
    async with _Call() as call:
        request.state.call = call
        response = await serve(context, tool, request, identity)
        if call.job is not None:
            in_json = (response.media_type or "").startswith("application/json") and not isinstance(response, StreamingResponse)
            await call.job.tell(complete(json.loads(bytes(response.body)) if in_json else {}))
    return response


def settings_in(sent: FormContent, tool: Tool) -> Any:
    """The settings of a form, a message of the tool's own type. Raises `Refusal`."""
    kind: type[Message] = tool.settings
    return read_settings(sent.fields.get(SETTINGS, ""), kind)


def check_each(files: Sequence[SentFile], unusable: str = "") -> None:
    """Refuse an unusable file: with 422 and the text `unusable`, if that is given, else with 400. Raises `Refusal`."""
    for file in files:
        if file.problem:
            raise (
                Refusal(422, unusable, details=f"{file.name}: {file.problem}")
                if unusable
                else Refusal(400, f'Invalid file "{file.name}": {file.problem}')
            )


async def run_last_file(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> tuple[SentFile, run_service_pb2.Run]:
    """The last file of a form, which is checked after the settings, and its run. An unreadable file is refused in the tool's words."""
    account_id = identity.account_id
    async with context.form(request, account_id, "last") as sent:
        if not sent.files:
            raise Refusal(400, NO_FILE)
        [file] = sent.files
        plan = tool.plan(settings_in(sent, tool), file.working_name)
        if file.problem:
            raise Refusal(422, tool.failure_message, details=file.problem)
        kept = RunRecord(tool.id, [file.working_name], plan.name)
        run = await context.run(tool, request, account_id, [file.file_id], plan.operations, kept, unusable=tool.failure_message)
    return file, run


async def describe_picture(
    context: ToolContext,
    tool: Tool,
    request: Request,
    identity: Identity,
    *,
    missing: str = NO_FILE,
    with_size: bool = True,
    with_name: bool = True,
    worded: Callable[[dict[str, Any]], dict[str, Any]] = lambda found: found,
) -> Response:
    """Reply with what the tool finds in the last file of a form. It has no settings; what cannot be read is refused in the tool's words."""
    account_id = identity.account_id
    sent = await context.read(request, account_id, "last", holds=True)
    sent.fields.pop(SETTINGS, None)
    if not sent.files:
        raise Refusal(400, missing)
    [file] = sent.files
    if file.problem:
        raise Refusal(422, tool.failure_message, details=file.problem)
    _, run = await context.calls.run(tool, request, account_id, sent, unusable=tool.failure_message)
    size = {"fileSize": file.size} if with_size else {}
    name = {"filename": file.sent_name} if with_name else {}
    return answer(name | size | worded(await context.document(account_id, run)))
