"""Executing a pipeline: a task that does all steps, and the report about each of them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2
from services.gateway.surfaces.snapotter.calls.steps import completed_steps, failed_step
from services.gateway.surfaces.snapotter.calls.tool_calls import CLIENT_JOB_ID, checked_file, in_words, run_report, why
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import FormContent, Forms, SentFile
from services.gateway.surfaces.snapotter.jobs.events import complete, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs
from services.gateway.surfaces.snapotter.pipelines.plans import PipelinePlan
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.gateway.surfaces.snapotter.tool import FAILED
from services.platform.errors import DarkroomError
from services.platform.identity import Identity

PIPELINE = "pipeline"


def of_plan(plan: PipelinePlan, name: str) -> RunRecord:
    """The record kept with the task for a picture of this name."""
    return RunRecord(PIPELINE, [name], plan.name, [(step.tool_id, step.operations) for step in plan.steps], plan.may_become_png)


class PipelineRuns:
    """Executes pipelines."""

    def __init__(self, forms: Forms, runs: Runs, ids: JobIds, jobs: Jobs, reader: PipelineReader) -> None:
        self._forms, self._runs, self._ids, self._jobs, self._reader = forms, runs, ids, jobs, reader

    async def execute(self, request: Request, identity: Identity) -> Response:
        """One picture."""
        account_id = identity.account_id
        # The last file counts.
        sent = await self._forms.read(request, account_id, "last")
        client_id = sent.fields.get(CLIENT_JOB_ID, "")
        async with self._jobs.begin(client_id, processing(), lambda raised: failure_event(why(raised))) as job:
            file, run = await self._run(request, identity, sent)
            body = run_report(self._ids.of(account_id, run.task_id), file.size, run)
            await job.tell(complete(body))
        return answer(body)

    async def _run(self, request: Request, identity: Identity, sent: FormContent) -> tuple[SentFile, run_service_pb2.Run]:
        """The task for the picture and the pipeline of a form, once it has succeeded. Raises `Refusal`."""
        account_id = identity.account_id
        try:
            file = checked_file(sent)
            pipeline = await self._reader.read(sent.fields.get(PIPELINE, ""), identity)
            name = pipeline.name_of(file)
            plan = pipeline.plan(name)
            kept = of_plan(plan, name)
            run = await self._runs.run(request, account_id, [file.file_id], plan.operations, kept)
        except DarkroomError as error:
            await self._forms.discard(account_id, sent)
            raise in_words(error, FAILED, "") from error
        except Refusal:
            await self._forms.discard(account_id, sent)
            raise
        problem = failure(run)
        if problem is not None:
            number, tool_id = failed_step(kept, run)
            raise Refusal(422, f"Step {number} ({tool_id}): {problem}", more={"completedSteps": completed_steps(kept, run)})
        return file, run
