"""Tools whose callers do not wait: a task is begun, and its id is the reply. Watchers of the job get the result."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import CLIENT_JOB_ID, SETTINGS, checked_file, in_words
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import FormContent, Forms
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError
from services.platform.identity import Identity

_PATIENCE_SECONDS = 20.0
"""For a bus that restarts."""


class BackgroundCalls:
    """Serves the tools that have `result`."""

    def __init__(self, forms: Forms, runs: Runs, ids: JobIds, jobs: Jobs) -> None:
        self._forms, self._runs, self._ids, self._jobs = forms, runs, ids, jobs

    async def serve(self, tool: Tool, request: Request, identity: Identity) -> Response:
        """One call with one picture. If there are several, the last one counts."""
        account_id = identity.account_id
        sent = await self._forms.read(request, account_id, "all" if tool.further_parts else "last")
        try:
            await self._keep_last(account_id, tool, sent)
            name = checked_file(sent).working_name
            settings = read_settings(sent.fields.get(SETTINGS, ""), tool.settings)
            plan = (tool.alone or tool.plan)(settings, name)
            kept = RunRecord(tool.id, [name], plan.name, others=plan.others)
            return await self.begin(tool, account_id, sent, [sent.files[0].file_id], plan.operations, kept)
        except (DarkroomError, Refusal):
            await self._forms.discard(account_id, sent)
            raise

    async def _keep_last(self, account_id: int, tool: Tool, sent: FormContent) -> None:
        """Discard all files but the picture."""
        pictures = [file for file in sent.files if file.part not in tool.further_parts][-1:]
        unused = [file.file_id for file in sent.files if file.file_id and file not in pictures]
        sent.files[:] = pictures
        if unused:
            await self._forms.discard_files(account_id, unused)

    async def begin(
        self,
        tool: Tool,
        account_id: int,
        sent: FormContent,
        file_ids: Sequence[int],
        operations: Sequence[operation_pb2.Operation],
        kept: RunRecord,
        names: Mapping[int, str] = MappingProxyType({}),
    ) -> Response:
        """Begin a task; the reply is its id, or the one that the form gives it. Raises as `ToolCalls.started`, and UNAVAILABLE."""
        try:
            run = await self._runs.begin(account_id, file_ids, operations, kept)
        except DarkroomError as error:
            raise in_words(error, tool.failure_message, "", names) from error
        job_id = _uuid(sent.fields.get(CLIENT_JOB_ID, ""))
        if job_id:
            try:
                await retry_unavailable(partial(self._jobs.name, job_id, account_id, run.task_id), _PATIENCE_SECONDS)
            except BaseException:
                await self._runs.abandon(account_id, run.task_id)
                raise
        return answer({"jobId": job_id or self._ids.of(account_id, run.task_id), "async": True}, 202)


def _uuid(text: str) -> str:
    """A name that a client has given a job; empty for what is no UUID, which does not count."""
    try:
        return text if str(uuid.UUID(text)) == text.lower() else ""
    except ValueError:
        return ""
