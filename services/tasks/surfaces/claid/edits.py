"""`image/edit`, `image/edit/upload` and `image/edit/async`."""

from __future__ import annotations

from compat.claid.v1 import edits_pb2, edits_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import GATEWAY, current_identity
from services.platform.json_models import parse, python_of
from services.platform.rpc import catalogue
from services.platform.rpc.held_files import Held, held_file
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.notices import send_notices
from services.platform.rpc.surfaces import error_trailers
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.watching import Watching
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.surfaces import ids
from services.tasks.surfaces.claid import messages
from services.tasks.surfaces.claid.destinations import destinations
from services.tasks.surfaces.claid.kept import SURFACE, Body, RequestBodies, request_of
from services.tasks.surfaces.claid.models import INPUTS, EditRequest, UploadRequest
from services.tasks.surfaces.claid.pictures import Inputs, Pictures
from services.tasks.surfaces.claid.pipeline import pipeline
from services.tasks.surfaces.claid.sources import file_uri, source
from services.tasks.surfaces.claid.status import status_of
from services.tasks.surfaces.claid.urls import edit_url
from services.tasks.surfaces.rendering import destination, notices_of

LONGEST_WAIT = 60
"""Seconds."""


class ClaidEdits(edits_pb2_grpc.EditsServiceServicer):
    """Edits of the calling account."""

    def __init__(self, acceptance: Acceptance, tasks: AccountTasks, watching: Watching, pictures: Pictures) -> None:
        self._acceptance, self._tasks, self._watching, self._pictures = acceptance, tasks, watching, pictures

    async def EditImage(self, request: edits_pb2.EditImageRequest, context: Context) -> edits_pb2.EditReply:
        """Edit, and wait for the result."""
        edit = parse(EditRequest, request.request)
        return await self._finished(*await self._create(edit, edit.input, "input", python_of(request.request), at_once=True), context)

    async def UploadAndEditImage(self, request: edits_pb2.UploadAndEditImageRequest, context: Context) -> edits_pb2.EditReply:
        """Edit a stored file, and wait for the result."""
        edit = parse(UploadRequest, request.data, at="data")
        file_id = ids.file_id(request.file, "file")
        uri = file_uri(file_id)
        body, held = {"input": uri, **python_of(request.data)}, held_file(request)
        task, inputs = await self._create(edit, uri, "file", body, at_once=True, held=held)
        if current_identity().service == GATEWAY and list(task.input_file_ids) != [file_id]:
            # An earlier call of the same form has made it, with a file of its own.
            context.set_trailing_metadata(((REPLAYED, "true"),))
        return await self._finished(task, inputs, context)

    async def StartEdit(self, request: edits_pb2.StartEditRequest, context: Context) -> edits_pb2.EditAcceptedReply:
        """Start an edit."""
        edit = parse(EditRequest, request.request)
        body = python_of(request.request)
        task, _ = await self._create(edit, edit.input, "input", body, at_once=False, webhook_url=request.webhook_url)
        url = edit_url(context, task.id)
        return messages.accepted_reply(task.id, status_of(task), task.create_time, url, request_of(task))

    async def GetEdit(self, request: edits_pb2.GetEditRequest, context: Context) -> edits_pb2.EditStateReply:
        """The state of any task."""
        task = await self._tasks.get(current_identity().account_id, ids.task_id(request.id))
        inputs, downloads = await self._pictures.of([task])
        await send_notices(context, notices_of(task))
        return edits_pb2.EditStateReply(data=messages.edit_state(task, inputs, downloads))

    async def _create(
        self, edit: UploadRequest, named: str, field: str, body: Body, *, at_once: bool, webhook_url: str = "", held: Held | None = None
    ) -> tuple[Task, Inputs]:
        """Accept an edit; `at_once`: fetch a URL now. Also returns what is known of its input."""
        found, place = source(named, field), edit.output.destination or ""
        destination(place)
        if place.endswith("/"):
            [place] = destinations(place, [held.name if held else await self._pictures.name_of(found)], edit.output.extension)
        urls = [found.url] if found.url is not None else []
        return await self._acceptance.create_with_files(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=pipeline(edit),
                formats=INPUTS,
                input_file_ids=[found.file_id] if found.file_id is not None else [],
                input_fields=[field] if found.file_id is not None else [],
                input_urls=urls if at_once else [],
                later_urls=[] if at_once else urls,
                webhook_url=webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                surface=SURFACE,
                client_request=RequestBodies(body).to_bytes(),
                destination=place,
                destination_field="data.output.destination" if field == "file" else "output.destination",
                held=held,
                is_awaited=at_once,
            )
        )

    async def _finished(self, task: Task, known: Inputs, context: Context) -> edits_pb2.EditReply:
        """The result of a task, or its error."""
        task = await self._watching.wait(current_identity(), task.id, LONGEST_WAIT, known=task)
        if task.state is TaskState.SUCCEEDED:
            inputs, downloads = await self._pictures.of([task], known)
            await send_notices(context, notices_of(task))
            return edits_pb2.EditReply(data=messages.edit_data(task, inputs, downloads))
        if task.state.terminal:
            error = DarkroomError(task.error_reason or ErrorReason.INTERNAL, task.error_message or "The edit failed.")
        else:
            url = edit_url(context, task.id)
            error = DarkroomError(
                ErrorReason.DEADLINE_EXCEEDED,
                f"The edit takes longer than {LONGEST_WAIT} seconds and continues. GET {url} for its result.",
            )
        # Not raised, since the call did not fail, and must not be repeated.
        await context.send_initial_metadata(error_trailers(catalogue.surface(SURFACE), error))
        return edits_pb2.EditReply()
