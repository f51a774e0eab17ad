"""`darkroom.tasks.v1.TasksService` and `BalanceService`, the native public API: tasks, and what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from darkroom.tasks.v1 import balance_service_pb2, balance_service_pb2_grpc, tasks_service_pb2, tasks_service_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.log import bind
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import EstimateRequest, TaskRequest
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.watching import Watching
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.files_client import FilesClient
from services.tasks.model import TaskEvent
from services.tasks.surfaces.native.messages import balance_message, ledger_entry_message, task_message
from services.tasks.surfaces.pipelines import current_viewer
from services.tasks.surfaces.rendering import deadline_of, destination, event_message, input_urls, once_an_event, state_of


class NativeTasks(tasks_service_pb2_grpc.TasksServiceServicer):
    """Tasks of the calling account."""

    def __init__(
        self,
        acceptance: Acceptance,
        tasks: AccountTasks,
        watching: Watching,
        files: FilesClient,
        pipelines: SavedPipelines,
        kept: timedelta,
    ) -> None:
        self._acceptance, self._tasks, self._watching, self._files = acceptance, tasks, watching, files
        self._pipelines = pipelines
        self._message = partial(task_message, kept=kept)

    async def CreateTask(self, request: tasks_service_pb2.CreateTaskRequest, context: Context) -> tasks_service_pb2.CreateTaskResponse:
        """Accept a task."""
        task = await self._acceptance.create(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                saved=self._pipelines.to_run(current_viewer(), request.pipeline_id),
                input_file_ids=request.input_file_ids,
                input_fields=[f"input_file_ids[{index}]" for index in range(len(request.input_file_ids))],
                priority=request.priority,
                deadline=deadline_of(request),
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                webhook_url=request.webhook_url,
                input_urls=input_urls({f"input_urls[{index}]": url for index, url in enumerate(request.input_urls)}),
                destination=destination(request.destination),
            )
        )
        return tasks_service_pb2.CreateTaskResponse(task=self._message(task))

    async def GetTask(self, request: tasks_service_pb2.GetTaskRequest, context: Context) -> tasks_service_pb2.GetTaskResponse:
        """Look up one task, now or once it has changed."""
        after = request.after_sequence if request.HasField("after_sequence") else None
        task = await self._watching.wait(current_identity(), request.task_id, request.wait_seconds, after)
        return tasks_service_pb2.GetTaskResponse(task=self._message(task, await self._tasks.details(task)))

    async def ListTasks(self, request: tasks_service_pb2.ListTasksRequest, context: Context) -> tasks_service_pb2.ListTasksResponse:
        """List tasks, newest first."""
        page = await self._tasks.page(
            current_identity().account_id,
            states=[state_of(number) for number in request.states],
            size=request.page_size,
            token=request.page_token,
        )
        return tasks_service_pb2.ListTasksResponse(tasks=map(self._message, page.tasks), next_page_token=page.next_page_token)

    async def CancelTask(self, request: tasks_service_pb2.CancelTaskRequest, context: Context) -> tasks_service_pb2.CancelTaskResponse:
        """End a task."""
        task = await self._tasks.cancel(current_identity().account_id, request.task_id)
        return tasks_service_pb2.CancelTaskResponse(task=self._message(task))

    async def RerunTask(self, request: tasks_service_pb2.RerunTaskRequest, context: Context) -> tasks_service_pb2.RerunTaskResponse:
        """Create a task like another."""
        account_id = current_identity().account_id
        task = await self._tasks.run_again(account_id, request.task_id, trace_id=str(Origin.current()), idempotency=current_idempotency())
        return tasks_service_pb2.RerunTaskResponse(task=self._message(task))

    async def CreateResultUrls(
        self, request: tasks_service_pb2.CreateResultUrlsRequest, context: Context
    ) -> tasks_service_pb2.CreateResultUrlsResponse:
        """Download URLs of the outputs."""
        task = await self._watching.wait(current_identity(), request.task_id, 0)
        downloads = await self._files.sign_downloads(task.account_id, task.output_file_ids)
        return tasks_service_pb2.CreateResultUrlsResponse(downloads=downloads)

    async def DeleteTask(self, request: tasks_service_pb2.DeleteTaskRequest, context: Context) -> tasks_service_pb2.DeleteTaskResponse:
        """Delete a task and its outputs."""
        await self._tasks.delete(current_identity().account_id, request.task_id)
        return tasks_service_pb2.DeleteTaskResponse()

    async def WatchTask(  # type: ignore[override]  # the server also takes what is serialized already
        self, request: tasks_service_pb2.WatchTaskRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """Stream the events of a task."""
        with bind(task_id=request.task_id):
            async for event in self._watching.watch(current_identity(), request.task_id, request.after_sequence):
                yield _serialized(event)


@once_an_event
def _serialized(event: TaskEvent) -> bytes:
    """A response of WatchTask, the same for every watcher."""
    return tasks_service_pb2.WatchTaskResponse(event=event_message(event)).SerializeToString()


class NativeBalance(balance_service_pb2_grpc.BalanceServiceServicer):
    """Balance and ledger of the calling account."""

    def __init__(self, ledger: Ledger, acceptance: Acceptance) -> None:
        self._ledger, self._acceptance = ledger, acceptance

    async def GetBalance(self, request: balance_service_pb2.GetBalanceRequest, context: Context) -> balance_service_pb2.GetBalanceResponse:
        """The account's balance."""
        balance = await self._ledger.balance(current_identity().account_id)
        return balance_service_pb2.GetBalanceResponse(balance=balance_message(balance))

    async def ListLedger(self, request: balance_service_pb2.ListLedgerRequest, context: Context) -> balance_service_pb2.ListLedgerResponse:
        """List entries, newest first."""
        page = await self._ledger.page(current_identity().account_id, size=request.page_size, token=request.page_token)
        return balance_service_pb2.ListLedgerResponse(entries=map(ledger_entry_message, page.entries), next_page_token=page.next_page_token)

    async def EstimatePrice(
        self, request: balance_service_pb2.EstimatePriceRequest, context: Context
    ) -> balance_service_pb2.EstimatePriceResponse:
        """Say what a task would cost."""
        if request.file_count and request.input_file_ids:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "file_count: replaces input_file_ids; send only one.", field="file_count")
        estimate = await self._acceptance.estimate(
            EstimateRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                file_ids=request.input_file_ids,
                field="file_count" if request.file_count else "input_file_ids",
                planned_count=request.file_count,
                planned_pages=request.page_count or 1,
                planned_size=(request.width, request.height) if request.width and request.height else None,
            )
        )
        return balance_service_pb2.EstimatePriceResponse(
            price_millicredits=estimate.price_millicredits,
            list_price_millicredits=estimate.list_price_millicredits,
            balance=balance_message(estimate.balance),
            covered=estimate.is_covered,
            estimated_seconds=estimate.seconds,
        )
