"""Uploads that no tool is called with, and previews of pictures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.files.v1 import intake_service_pb2, intake_service_pb2_grpc
from services.gateway.contents import Contents
from services.gateway.surfaces.snapotter.calls.downloads import preview
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.forms import FormContent, Forms, check_files, require_form
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.platform.audit.actor import current_actor
from services.platform.audit.messages import actor_message
from services.platform.errors import translate_rpc_errors
from services.platform.identity import Identity
from services.platform.rpc.channel import Caller

_SECONDS = 20.0


class Uploads:
    """Takes files in for accounts."""

    def __init__(
        self,
        forms: Forms,
        runs: Runs,
        contents: Contents,
        ids: JobIds,
        intake: intake_service_pb2_grpc.IntakeServiceAsyncStub,
        caller: Caller,
    ) -> None:
        self._forms, self._runs, self._contents, self._ids = forms, runs, contents, ids
        self._intake, self._caller = intake, caller

    async def upload(self, request: Request, identity: Identity) -> Response:
        """Keep pictures for a while."""
        account_id = identity.account_id
        require_form(request)
        sent = await self._forms.read(request, account_id, "all", in_tool=False)
        try:
            check_files(sent)
            actor = current_actor()
            asked = intake_service_pb2.BundleFilesRequest(
                files=[intake_service_pb2.BundledFile(file_id=file.file_id, name=file.name) for file in sent.files],
                uploader=actor_message(actor),
                address=actor.address or "",
                user_agent=actor.user_agent or "",
            )
            with translate_rpc_errors():
                reply = await self._intake.BundleFiles(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        except BaseException:
            await self._forms.discard(account_id, sent)
            raise
        files = [{"name": file.name, "size": file.size, "format": file.format} for file in sent.files]
        return answer({"jobId": self._ids.of(account_id, reply.bundle_id, JobKind.BUNDLE), "files": files})

    async def preview(self, request: Request, identity: Identity) -> Response:
        """A WebP of a picture."""
        account_id = identity.account_id
        require_form(request)
        sent = await self._forms.read(request, account_id, "last", in_tool=False)
        try:
            name, file_id = _only(sent)
            run = await self._runs.run(request, account_id, [file_id], preview(), RunRecord("preview", [name]))
        except BaseException:
            await self._forms.discard(account_id, sent)
            raise
        problem = failure(run)
        if problem is not None:
            raise Refusal(422, "Preview generation failed", details=problem)
        return Response(await self._contents.read(account_id, run.outputs[0]), media_type="image/webp")


def _only(sent: FormContent) -> tuple[str, int]:
    if not sent.files:
        raise Refusal(400, "No file provided")
    [file] = sent.files
    if file.problem:
        raise Refusal(400, f"Invalid image: {file.problem}")
    return file.name, file.file_id
