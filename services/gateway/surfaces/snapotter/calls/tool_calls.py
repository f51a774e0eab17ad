"""Calls of tools: one picture in, one result out, and where it can be had."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from darkroom.common.v1.held_pb2 import HeldFile
from darkroom.files.v1 import file_pb2
from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.calls.steps import completed_steps
from services.gateway.surfaces.snapotter.errors import Refusal, answer, image_problem
from services.gateway.surfaces.snapotter.forms import ONE_AT_A_TIME, FormContent, Forms, SentFile
from services.gateway.surfaces.snapotter.jobs.events import RESTARTED, complete, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs
from services.gateway.surfaces.snapotter.library.saved_results import SavedResults
from services.gateway.surfaces.snapotter.names import download_path, media_type_of, result_name, with_type
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.gateway.surfaces.snapotter.tool import FAILED, Tool
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

NO_FILE = "No image file provided"
CLIENT_JOB_ID = "clientJobId"
SETTINGS = "settings"
PREVIEW = "preview.webp"
_FIELDS = re.compile(r"^(?:(?:input_file_ids|operations)\[\d+\][\w.\[\]]*: *)+")
"""The field that an error of a creation blames, which the callers of tools do not know."""
_UNSEEN = frozenset(("image/tiff", "image/heic", "image/heif"))
"""Types that browsers do not show."""


def checked_file(sent: FormContent) -> SentFile:
    """The picture of a form. Raises `Refusal` if there is not exactly one, or if it is unusable."""
    if sent.too_many:
        raise Refusal(400, ONE_AT_A_TIME)
    if not sent.files:
        raise Refusal(400, NO_FILE)
    if sent.files[0].problem:
        raise Refusal(400, f"Invalid image: {sent.files[0].problem}")
    return sent.files[0]


def kept_name(kept: RunRecord, media_type: str) -> str:
    """The name of a run's result."""
    if kept.steps and kept.name is not None:
        return kept_extension_name(kept.name, kept, media_type)
    if kept.exact and kept.name is not None:
        return kept.name
    source = kept.inputs[0] if kept.inputs else ""
    if kept.name is None or (kept.name == source and not kept.keeps_name):
        return result_name(source, kept.tool, media_type)
    if kept.keeps_name and media_type_of(kept.name) == media_type:
        return kept.name
    return with_type(kept.name, media_type)


def kept_extension_name(name: str, kept: RunRecord, media_type: str) -> str:
    """The name of the result of a pipeline or of a batch. Its extension is left alone, unless the tools have made the picture a PNG."""
    return with_type(name, media_type) if kept.may_become_png and media_type == "image/png" else name


def output_name(kept: RunRecord, number: int, output: file_pb2.File) -> str:
    """The name of one of a run's results, from 0."""
    if not number:
        return kept_name(kept, output.media_type)
    return kept.others[number - 1] if number <= len(kept.others) else output.name


class ToolCalls:
    """Serves every tool of the common kind."""

    def __init__(self, forms: Forms, runs: Runs, ids: JobIds, jobs: Jobs, saved: SavedResults) -> None:
        self._forms, self._runs, self._ids, self._jobs, self._saved = forms, runs, ids, jobs, saved

    async def serve(self, tool: Tool, request: Request, identity: Identity) -> Response:
        """One call."""
        account_id = identity.account_id
        sent = await self._forms.read(request, account_id, "only", holds=True)
        client_id = sent.fields.get(CLIENT_JOB_ID, "")
        async with self._jobs.begin(client_id, processing(), lambda raised: failure_event(why(raised))) as job:
            parent = await self._parent(identity, sent)
            file, run = await self.run(tool, request, account_id, sent)
            body = run_report(self._ids.of(account_id, run.task_id), file.size, run) | await self._saved_file(identity, parent, run, tool)
            await job.tell(complete(body))
        return answer(body)

    async def _parent(self, identity: Identity, sent: FormContent) -> str:
        """The library file that the form names, if it does."""
        try:
            return self._saved.parent(identity, sent, sent.fields.get(SETTINGS, ""))
        except DarkroomError:
            await self._forms.discard(identity.account_id, sent)
            raise

    async def _saved_file(self, identity: Identity, parent: str, run: run_service_pb2.Run, tool: Tool) -> dict[str, object]:
        """The report about the version that the result becomes of the library file, if there is one."""
        kept = RunRecord.read(run.kept)
        if not parent or kept is None:
            return {}
        saved = await self._saved.save(identity, parent, run, kept_name(kept, run.outputs[0].media_type), tool.id)
        return {} if saved is None else {"savedFileId": saved}

    async def run(
        self, tool: Tool, request: Request, account_id: int, sent: FormContent, *, failure_message: str = "", unusable: str = ""
    ) -> tuple[SentFile, run_service_pb2.Run]:
        """Do with the picture of a form what the tool does, and return the run once it has succeeded.

        Raises `Refusal`: with `failure_message`, or in the tool's words, where that cannot be done, and with `unusable`, if given, for
        a file that is no usable picture.
        """
        failure_message = failure_message or tool.failure_message
        async with self.discarded_unless_run(account_id, sent):
            file = checked_file(sent)
            name = file.working_name
            plan = tool.plan(read_settings(sent.fields.get(SETTINGS, ""), tool.settings), name)

            async def start(held: HeldFile | None) -> run_service_pb2.Run:
                return await self.start(
                    request,
                    account_id,
                    [file.file_id],
                    plan.operations,
                    RunRecord(tool.id, [name], plan.name),
                    failure_message=failure_message,
                    unusable=unusable,
                    held=held,
                )

            run = await self._forms.pass_on(account_id, file.held, start)
        return file, require_success(run, failure_message)

    @asynccontextmanager
    async def discarded_unless_run(self, account_id: int, sent: FormContent) -> AsyncIterator[None]:
        """Delete what was stored of a form if the block is refused."""
        try:
            yield
        except (DarkroomError, Refusal):
            await self._forms.discard(account_id, sent)
            raise

    async def start(
        self,
        request: Request,
        account_id: int,
        file_ids: Sequence[int],
        operations: Sequence[operation_pb2.Operation],
        kept: RunRecord,
        *,
        failure_message: str = FAILED,
        unusable: str = "",
        names: Mapping[int, str] | None = None,
        held: HeldFile | None = None,
    ) -> run_service_pb2.Run:
        """A run, once it has ended. Raises `Refusal` as `run`; with `names`, by file ids, for an unusable file with its name."""
        try:
            return await self._runs.run(request, account_id, file_ids, operations, kept, held=held)
        except DarkroomError as error:
            raise in_words(error, failure_message, unusable, names or {}) from error


def run_report(job_id: str, size: int, run: run_service_pb2.Run) -> dict[str, object]:
    """The report about a run that has succeeded, with an input of this size in bytes."""
    output, kept = run.outputs[0], RunRecord.read(run.kept) or RunRecord("", [])
    body: dict[str, object] = {"jobId": job_id, "downloadUrl": download_path(job_id, kept_name(kept, output.media_type))}
    if output.media_type in _UNSEEN and not kept.steps:
        body["previewUrl"] = download_path(job_id, PREVIEW)
    body |= {"originalSize": size, "processedSize": output.size_bytes}
    return body | {"stepsCompleted": len(kept.steps), "steps": completed_steps(kept, run)} if kept.steps else body


def why(raised: BaseException) -> str:
    """The report about a job that was broken off."""
    if isinstance(raised, Refusal):
        return f"{raised.error}: {raised.details}" if isinstance(raised.details, str) else raised.error
    return RESTARTED if isinstance(raised, asyncio.CancelledError) else FAILED


def require_success(run: run_service_pb2.Run, failure_message: str) -> run_service_pb2.Run:
    """A run that has a result. Raises `Refusal` with `failure_message`."""
    problem = failure(run)
    if problem is not None:
        raise Refusal(422, failure_message, details=problem)
    return run


def in_words(
    error: DarkroomError, failure_message: str, unusable: str, names: Mapping[int, str] = MappingProxyType({})
) -> DarkroomError | Refusal:
    """An error of a creation as the tools word it."""
    problem = image_problem(error)
    # A picture that is itself too large has been refused when it was stored; this is about the result.
    too_large = error.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED and "problem" not in error.metadata
    if problem is not None and "file_id" in error.metadata and not too_large:
        if unusable:
            return Refusal(422, unusable, details=problem)
        name = names.get(int(error.metadata["file_id"]))
        return Refusal(400, f"Invalid image: {problem}" if name is None else f'Invalid file "{name}": {problem}')
    if problem is not None or error.reason is ErrorReason.FIELD_INVALID:
        return Refusal(422, failure_message, details=_FIELDS.sub("", error.message))
    return error
