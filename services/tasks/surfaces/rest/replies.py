"""Replies about one task, at once or when it has ended: its state, its result, or a redirect to what the caller came for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from darkroom.files.v1 import files_service_pb2
from darkroom.rest.v1 import tasks_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import GATEWAY, current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.surfaces import HTTP_STATUS, error_trailers
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.watching import Watching
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.surfaces.rest import messages

_LONGEST_WAIT = 60
_SUCCESS = "success"


class ReplyOptions(Protocol):
    """The fields of a request that say how to reply."""

    @property
    def wait(self) -> int:
        """Seconds to wait for the end."""

    @property
    def redirect(self) -> bool:
        """Whether to reply with a redirect to the result."""

    def HasField(self, field_name: Literal["wait"]) -> bool:
        """Whether it is set."""


class Replies:
    """Replies in the form of the JSON API."""

    def __init__(self, tasks: AccountTasks, watching: Watching, files: FilesClient) -> None:
        self._tasks, self._watching, self._files = tasks, watching, files

    async def status(self, task_id: int, wait: int) -> tasks_pb2.TaskStatusEnvelope:
        """The state of a task."""
        task = await self._watching.wait(current_identity(), task_id, wait)
        return tasks_pb2.TaskStatusEnvelope(code=200, message=_SUCCESS, data=messages.status(task, self._tasks.waiting_for(task)))

    async def result(self, task_id: int, asked: ReplyOptions, context: Context) -> tasks_pb2.TaskResultEnvelope:
        """The outputs of a task; before its end, its state."""
        task = await self._watching.wait(current_identity(), task_id, _seconds(asked))
        data = messages.result(task, await self._downloads(task))
        if asked.redirect:
            await _redirect(task, data, context)
        return tasks_pb2.TaskResultEnvelope(code=200, message=_SUCCESS, data=data)

    async def creation_reply(self, task: Task, asked: ReplyOptions, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """A task just created; if the caller waits and it ends in time, with its result."""
        if seconds := _seconds(asked):
            task = await self._watching.wait(current_identity(), task.id, seconds, known=task)
        data = messages.create_result(task)
        if (seconds or asked.redirect) and task.state.terminal:
            messages.add_result(data, messages.result(task, await self._downloads(task)))
        if asked.redirect:
            await _redirect(task, data, context)
        return tasks_pb2.TaskCreateEnvelope(code=200, message=_SUCCESS, data=data)

    async def _downloads(self, task: Task) -> list[files_service_pb2.Download]:
        # Only SUCCEEDED tasks have outputs; expired outputs are left out.
        return await self._files.sign_downloads(task.account_id, task.output_file_ids)


def tell_replayed(task: Task, inputs: Sequence[int], context: Context) -> None:
    """Tell the gateway if an earlier call of the same form made the task, with files of its own: those of this one are not needed."""
    if current_identity().service == GATEWAY and list(task.input_file_ids[: len(inputs)]) != list(inputs):
        context.set_trailing_metadata(((REPLAYED, "true"),))


def waits(asked: ReplyOptions) -> bool:
    """Whether the caller waits for the result."""
    return _seconds(asked) > 0


def _seconds(asked: ReplyOptions) -> int:
    if asked.redirect and not asked.HasField("wait"):
        return _LONGEST_WAIT
    return asked.wait


async def _redirect(task: Task, data: tasks_pb2.TaskCreateResult | tasks_pb2.TaskResult, context: Context) -> None:
    """Make the reply lead to the one file of the result, or to the call that goes on waiting for it. A result of several files without an
    archive of them is left unchanged."""
    if not task.state.terminal:
        location = messages.redirecting_result_url(task)
    elif task.state is not TaskState.SUCCEEDED:
        # Not raised, since the call did not fail: the edge repeats a read that did.
        error = DarkroomError(task.error_reason or ErrorReason.INTERNAL, task.error_message or "The task failed.")
        await context.send_initial_metadata(error_trailers(catalogue.surface("rest"), error))
        return
    elif data.HasField("zip_file"):
        location = data.zip_file.download_url
    elif len(data.files) == 1:
        location = data.files[0].download_url
    else:
        return
    await context.send_initial_metadata(((HTTP_STATUS, "303"), ("location", location), ("cache-control", "no-store")))
