"""Downloads of jobs' files. Their bytes come from storage: the gateway says where, and the edge goes there for the client."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from darkroom.files.v1 import file_pb2
from darkroom.internal.files.v1 import intake_service_pb2, intake_service_pb2_grpc
from darkroom.operations.v1 import convert_pb2, operation_pb2, placement_pb2, resize_pb2
from services.gateway.replies import from_storage
from services.gateway.surfaces.snapotter.calls.tool_calls import PREVIEW, output_name
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.names import is_converted, media_type_of
from services.gateway.surfaces.snapotter.paths import raw_path
from services.gateway.surfaces.snapotter.runs import RunRecord, Runs, failure
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.identity import Identity
from services.platform.log import bind_to_context
from services.platform.rpc.channel import Caller

_GONE = (ErrorReason.TASK_NOT_FOUND, ErrorReason.FILE_NOT_FOUND)
_SECONDS = 20.0
_PREVIEW_SIDE, PREVIEW_QUALITY = 1200, 80
_PNG = "image/png"


class Downloads:
    """Finds the files of jobs. Anyone who knows a job's id may have them."""

    def __init__(self, ids: JobIds, runs: Runs, intake: intake_service_pb2_grpc.IntakeServiceAsyncStub, caller: Caller) -> None:
        self._ids, self._runs, self._intake, self._caller = ids, runs, intake, caller

    async def serve(self, request: Request, identity: Identity | None) -> Response:
        """One download."""
        job_id, name = _asked(request)
        if _misleads(job_id) or _misleads(name):
            raise Refusal(400, "Invalid path")
        job = self._ids.read(job_id)
        url = None
        if job is not None and job.kind is not JobKind.INSTALLATION:
            try:
                url = await (self._of_task if job.kind is JobKind.TASK else self._of_bundle)(request, job.account_id, job.number, name)
            except DarkroomError as error:
                if error.reason not in _GONE:
                    raise
        if url is None:
            raise Refusal(404, "File not found")
        return from_storage(url)

    async def _of_task(self, request: Request, account_id: int, task_id: int, name: str) -> str | None:
        bind_to_context(account_id=account_id, task_id=task_id)
        run = await self._runs.open(account_id, task_id)
        kept = RunRecord.read(run.kept)
        if kept is None or failure(run) is not None:
            return None
        for number, output in enumerate(run.outputs):
            if name == output_name(kept, number, output):
                return await self._url(request, account_id, output, name)
        pictures = [output for output in run.outputs if output.media_type.startswith("image/")]
        if name == PREVIEW and pictures:
            return await self._made(request, account_id, pictures[0], preview(), PREVIEW, f"preview-{task_id}")
        for number, (input_, input_name) in enumerate(zip(run.inputs, kept.inputs, strict=False)):
            if input_name == name:
                if media_type_of(name) == _PNG and is_converted(input_.media_type.removeprefix("image/").removesuffix("+xml")):
                    return await self._made(request, account_id, input_, _as_png(), name, f"input-{task_id}-{number}")
                return await self._url(request, account_id, input_, name)
        return None

    async def _of_bundle(self, request: Request, account_id: int, bundle_id: int, name: str) -> str | None:
        asked = intake_service_pb2.OpenBundleRequest(
            bundle_id=bundle_id, name=name, media_type=media_type_of(name), for_head=request.method == "HEAD"
        )
        with translate_rpc_errors():
            reply = await self._intake.OpenBundle(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        return reply.download.url if reply.HasField("download") else None

    async def _made(
        self, request: Request, account_id: int, file: file_pb2.File, operations: list[operation_pb2.Operation], name: str, run_name: str
    ) -> str | None:
        """Files that operations make on their first request."""
        made = await self._runs.run(request, account_id, [file.id], operations, RunRecord("download", [name], name), run_name)
        return await self._url(request, account_id, made.outputs[0], name) if failure(made) is None else None

    async def _url(self, request: Request, account_id: int, file: file_pb2.File, name: str) -> str | None:
        found = await self._runs.download(account_id, file, name, media_type_of(name), for_head=request.method == "HEAD")
        return found.url if found is not None else None


def preview() -> list[operation_pb2.Operation]:
    """The operations that make a WebP of at most 1200 × 1200 pixels of a picture."""
    side = _PREVIEW_SIDE
    fit = resize_pb2.Resize(width=side, height=side, fit=placement_pb2.FIT_BOUNDS, without_enlargement=True)
    webp = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_WEBP, quality=PREVIEW_QUALITY, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True
    )
    return [operation_pb2.Operation(resize=fit), operation_pb2.Operation(convert=webp)]


def _as_png() -> list[operation_pb2.Operation]:
    """The form in which tools work on a picture that no browser shows."""
    png = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_PNG, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True, compact=True, quick=True
    )
    return [operation_pb2.Operation(convert=png)]


def _asked(request: Request) -> tuple[str, str]:
    """The job and the name in the path. They are decoded here, each once, so that `%2F` in a name is not taken for the end of it."""
    job_id, _, name = raw_path(request).removeprefix("/api/v1/download/").partition("/")
    return unquote(job_id, errors="replace"), unquote(name, errors="replace")


def _misleads(part: str) -> bool:
    return ".." in part or any(character in part for character in "/\\\0") or not part
