"""Batches: many files in, a ZIP of the results out. Each file is a task of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import file_pb2
from services.gateway.surfaces.snapotter.batches.archives import ArchivedFile, Archives
from services.gateway.surfaces.snapotter.batches.kinds import BatchKind, WorkOf, distinct, of_pipeline, of_tool
from services.gateway.surfaces.snapotter.calls.steps import failed_step
from services.gateway.surfaces.snapotter.calls.tool_calls import CLIENT_JOB_ID, in_words, kept_extension_name, why
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import FormContent, Forms, SentFile
from services.gateway.surfaces.snapotter.jobs.events import BatchState
from services.gateway.surfaces.snapotter.jobs.jobs import Job, Jobs
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.runs import Runs, failure
from services.gateway.surfaces.snapotter.tool import FAILED
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

ALL_FAILED = "All files failed processing"
_ABANDONED = "The file was not processed."


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a file."""

    name: str
    """The name in the archive, except for numbers."""
    file: file_pb2.File


class Batches:
    """Serves them."""

    def __init__(self, forms: Forms, runs: Runs, jobs: Jobs, archives: Archives, at_once: int, reader: PipelineReader) -> None:
        """`at_once` files of a batch are worked on at the same time."""
        self._forms, self._runs, self._jobs, self._archives = forms, runs, jobs, archives
        self._at_once, self._reader = at_once, reader

    async def of_tool(self, request: Request, identity: Identity) -> Response:
        """A batch of the tool that the path names."""
        tool_id = request.path_params["tool_id"]
        tool = (await self._reader.tools()).get(tool_id)
        if tool is None:
            raise Refusal(404, f'Tool "{tool_id}" not found')
        await self._reader.require(tool, identity)
        return await self.serve(of_tool(tool), request, identity)

    async def of_pipeline(self, request: Request, identity: Identity) -> Response:
        """A batch of the pipeline that the form holds."""
        return await self.serve(of_pipeline(self._reader, identity), request, identity)

    async def serve(self, kind: BatchKind, request: Request, identity: Identity) -> Response:
        """A batch."""
        sent = await self._forms.read(request, identity.account_id, "all")
        client_id = sent.fields.get(CLIENT_JOB_ID, "")
        state = BatchState(len(sent.files))
        async with self._jobs.begin(client_id, state.event(), lambda raised: state.broken(why(raised))) as job:
            work = await self._work(kind, identity.account_id, sent)
            results = await self._results(request, identity.account_id, kind, sent.files, work, state, job)
            await job.tell(state.final_event())
        if not results:
            return answer({"error": ALL_FAILED, "errors": state.error_list}, 422)
        names = distinct([result.name for result in results.values()])
        archived = {str(index): ArchivedFile(name, result.file) for (index, result), name in zip(results.items(), names, strict=True)}
        return self._archives.reply(identity.account_id, kind.title, client_id or str(uuid.uuid4()), archived)

    async def _work(self, kind: BatchKind, account_id: int, sent: FormContent) -> WorkOf:
        try:
            if not sent.files:
                raise Refusal(400, kind.no_files)
            return await kind.read(sent.fields)
        except BaseException:
            await self._forms.discard(account_id, sent)
            raise

    async def _results(
        self, request: Request, account_id: int, kind: BatchKind, files: Sequence[SentFile], work: WorkOf, state: BatchState, job: Job
    ) -> Mapping[int, Result]:
        """The results of the files that have one, by their places, in order. Raises ClientGone."""
        found: dict[int, Result] = {}
        unused = {file.file_id for file in files if file.file_id}
        waiting = iter(enumerate(files))

        async def take() -> None:
            for index, file in waiting:
                state.current = file.name
                await job.tell(state.event())
                unused.discard(file.file_id)
                try:
                    found[index] = await self._result(request, account_id, kind, file, work)
                except Refusal as refusal:
                    state.errors[index] = file.name, refusal.details if isinstance(refusal.details, str) else refusal.error
                state.completed_files += 1
                if state.completed_files < state.total:
                    await job.tell(state.event())

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._at_once, len(files))):
                    group.create_task(take())
        except BaseExceptionGroup as raised:
            raise raised.exceptions[0] from None
        finally:
            await self._forms.discard_files(account_id, unused)
        return dict(sorted(found.items()))

    async def _result(self, request: Request, account_id: int, kind: BatchKind, file: SentFile, work: WorkOf) -> Result:
        """Raises `Refusal` for a file that has no result."""
        problem = kind.problem(file)
        if problem:
            await self._forms.discard_files(account_id, [file.file_id] if file.file_id else [])
            raise Refusal(400, problem)
        try:
            planned = work(file)
            run = await self._runs.run(request, account_id, [file.file_id], planned.operations, planned.record)
        except (DarkroomError, Refusal) as raised:
            await self._forms.discard_files(account_id, [file.file_id])
            worded = in_words(raised, FAILED, "") if isinstance(raised, DarkroomError) else raised
            if isinstance(worded, Refusal):
                raise worded from raised
            internal = worded.reason is ErrorReason.INTERNAL
            raise Refusal(422, FAILED, details=_ABANDONED if internal else worded.message) from raised
        failed = failure(run)
        if failed is not None:
            number, tool_id = failed_step(planned.record, run) if planned.record.steps else (0, "")
            raise Refusal(422, FAILED, details=f"Step {number} ({tool_id}): {failed}" if number else failed)
        return Result(kept_extension_name(planned.name, planned.record, run.outputs[0].media_type), run.outputs[0])
