"""The only way in: a task is a batch of one, and an estimate takes the same steps up to the price. Every stored task reaches exactly one
end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from services.pictures.offers import Offers
from services.pictures.operations import INTERACTIVE_LANE
from services.platform.clock import Clock
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import AlreadyMade, IdempotencyRecords
from services.platform.log import get_logger
from services.platform.rpc.held_files import Held
from services.tasks.domain.acceptance.bounds import Operations, check_deadline, check_kept, check_size
from services.tasks.domain.acceptance.draft import Draft
from services.tasks.domain.acceptance.fetching import Fetching
from services.tasks.domain.acceptance.forecast import Forecast
from services.tasks.domain.acceptance.requests import BatchRequest, EstimateRequest, Item, TaskRequest
from services.tasks.domain.acceptance.rules import AcceptanceRules
from services.tasks.domain.acceptance.short_runs import ShortRun, ShortRuns
from services.tasks.domain.acceptance.starting import Starting
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.credits.prices import Estimate
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.media_checks import check_auxiliary, check_media
from services.tasks.domain.order.served_lanes import ServedLanes
from services.tasks.domain.order.workforce import Workforce
from services.tasks.domain.plan import lane_of, outputs_of, planned_files
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.files_client import ExaminedFiles, FilesClient
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.model.records import AccountState, Admission, CreatedBatch, FinishedRun, NewTask, NewTasks
from services.tasks.store.batches import BatchStore
from services.tasks.store.tasks import TaskStore

_Creation = TypeVar("_Creation", TaskRequest, BatchRequest)
_TURNS_OF_A_LOOP = 2
_REPLY_SECONDS = 0.002
"""In which the caller of a short run, who waits, gets its reply before others hear of the task."""
_logger = get_logger()


class Acceptance:
    """Accepts requests. A refused request leaves nothing behind."""

    def __init__(
        self,
        store: TaskStore,
        batches: BatchStore,
        files: FilesClient,
        idempotency: IdempotencyRecords,
        notifications: Notifications,
        webhooks: AccountWebhooks,
        offers: Offers,
        served: ServedLanes,
        workforce: Workforce,
        short_runs: ShortRuns,
        starting: Starting,
        recent: RecentOutputs,
        ledger: Ledger,
        rules: AcceptanceRules,
        clock: Clock,
        disk: DiskGuard,
    ) -> None:
        self._store, self._batches, self._files, self._idempotency = store, batches, files, idempotency
        self._notifications, self._webhooks, self._served, self._ledger = notifications, webhooks, served, ledger
        self._short_runs, self._starting, self._recent = short_runs, starting, recent
        self._rules, self._clock, self._disk = rules, clock, disk
        self._operations = Operations(offers, workforce, diagnostics=rules.diagnostics)
        self._fetching, self._forecast = Fetching(files), Forecast(workforce, rules.operation_seconds, rules.attempt_seconds)

    async def create(self, request: TaskRequest) -> Task:
        """Accept a task as QUEUED, or return what an earlier call with the same idempotency key created, in its current state.

        Raises the errors of CreateTask.
        """
        return (await self.create_with_files(request))[0]

    async def create_with_files(self, request: TaskRequest) -> tuple[Task, Mapping[int, InputFile]]:
        """As `create`, and what is recorded about the files of the task, by id; nothing if an earlier call created it."""

        async def make() -> tuple[Task, Mapping[int, InputFile]]:
            draft = Draft(await _with_operations(request))
            [task] = await self._accept(draft)
            return task, draft.files

        async def read(ids: Sequence[int]) -> tuple[Task, Mapping[int, InputFile]]:
            return await self._task(request.account_id, ids[0]), {}

        return await self._idempotency.once(request.idempotency, make, read, looks_first=False)

    async def create_batch(self, request: BatchRequest) -> CreatedBatch:
        """Accept a batch, or return what an earlier call with the same idempotency key created, in its current state.

        Raises the errors of CreateBatch.
        """

        async def make() -> CreatedBatch:
            draft = Draft(await _with_operations(request))
            return draft.created_batch(await self._accept(draft))

        return await self._idempotency.once(
            request.idempotency, make, lambda ids: self._batch(request.account_id, ids[0]), looks_first=False
        )

    async def estimate(self, request: EstimateRequest) -> Estimate:
        """The price of a task with the current terms and balance. Raises what a creation raises about operations and files."""
        draft = Draft(request)
        await self._operations.check(draft)
        self._take_files(draft, await self._files.examine(request.account_id, draft.file_ids()))
        [task] = self._price(draft)
        return Estimate(task.list_price_millicredits, await self._ledger.balance(request.account_id), draft.seconds.get(0))

    async def _accept(self, draft: Draft) -> Sequence[Task]:
        self._disk.check()
        request = draft.request
        check_deadline(request, self._clock())
        check_size(draft)
        check_kept(draft)
        await self._operations.check(draft)
        await self._check_destinations(draft)
        draft.webhook_url = await self._webhooks.url_of_task(request.account_id, request.webhook_url, "webhook_url")
        if isinstance(request, TaskRequest) and request.held is not None:
            await self._idempotency.require_new(request.idempotency if request.looks_first else None)
            # A result of short work is not copied anywhere.
            if (
                request.is_awaited
                and not request.destination
                and (done := await self._short_runs.run(request, draft.items[0], request.held)) is not None
            ):
                return await asyncio.shield(self._store_run(draft, request.held, done))
            draft.task_ids = [task_id := await self._store.next_id()]
            pinned = await self._files.store_held(request.account_id, request.held, request.input_fields[0], task_id)
            return await self._pin_and_store(draft, pinned)
        # The transaction that stores a task looks the key up, too. Until then nothing is done for a request without files.
        if draft.needs_ids:
            await asyncio.gather(self._number(draft), self._idempotency.require_new(request.idempotency if request.looks_first else None))
        fetched = await self._fetching.fetch(draft)
        try:
            return await self._pin_and_store(draft)
        except DarkroomError as error:
            # As with pins: the task may exist.
            if error.reason is not ErrorReason.UNAVAILABLE:
                await self._fetching.discard(request.account_id, fetched)
            raise

    async def _check_destinations(self, draft: Draft) -> None:
        """Refuse items whose results cannot be written where they should go."""
        wanted = list(dict.fromkeys(item.destination for _, item in draft.remaining_items() if item.destination))
        if not wanted:
            return
        refused = await self._files.storages.check_destinations(draft.request.account_id, wanted)
        for index, item in draft.remaining_items():
            if item.destination in refused:
                draft.refuse(index, refused[item.destination])
        draft.settle()

    async def _store_run(self, draft: Draft, held: Held, done: ShortRun) -> Sequence[Task]:
        """Store what is done, the files first.

        If the process dies in between, or the database does, the files expire like others that no task has.
        """
        account_id, draft.task_ids = draft.request.account_id, [done.task_id]
        draft.files = {held.file_id: done.input}
        tasks = self._price(draft, done=True)
        field = draft.items[0].input_fields[0]
        size_bytes, surface = done.input.size_bytes, draft.request.surface
        await self._files.store_run(account_id, done.task_id, surface, held, done.content, size_bytes, done.result, field)
        try:
            [task] = await self._store_admitted(draft, tasks, done.finished)
        except AlreadyMade as known:
            earlier = await self._store.get(account_id, known.ids[0])
            # A call that the gateway repeats, since the answer to the first was lost, has the same files.
            if earlier is None or held.file_id not in earlier.input_file_ids:
                await self._discard_run(account_id, done)
            raise
        except DarkroomError as error:
            # The task may exist, or be about to.
            if error.reason not in (ErrorReason.UNAVAILABLE, ErrorReason.IDEMPOTENCY_IN_PROGRESS):
                await self._discard_run(account_id, done)
            raise
        task = replace(task, has_stored_files=True)
        self._recent.keep([done.output])
        asyncio.get_running_loop().call_later(_REPLY_SECONDS, self._notifications.notify_finished, task)
        return [task]

    async def _discard_run(self, account_id: int, done: ShortRun) -> None:
        try:
            await self._files.delete_outputs(account_id, done.task_id, [done.output.id])
            await self._files.discard(account_id, [done.input.id])
        except DarkroomError as error:
            # They expire.
            _logger.warning("run_not_discarded", error=str(error))

    async def _pin_and_store(self, draft: Draft, pinned: ExaminedFiles | None = None) -> Sequence[Task]:
        """`pinned` is what is pinned already."""
        request = draft.request
        # One call examines and pins the files, so none can change or disappear in between.
        if (examined := pinned) is None or not examined.files.keys() >= set(draft.file_ids()):
            examined = await self._files.pin(request.account_id, draft.files_to_pin(), all_or_none=not request.per_item)
        try:
            self._take_files(draft, examined)
            tasks = await self._store_admitted(draft, self._price(draft))
        except DarkroomError as error:
            # After a broken database connection the tasks may exist and must keep their files. The file sweep asks about them later.
            if error.reason is not ErrorReason.UNAVAILABLE:
                await self._unpin(request.account_id, examined.pinned_tasks)
            raise
        # A free worker is given the task before the caller's answer is built: its lane's loop takes two turns to begin.
        for _ in range(_TURNS_OF_A_LOOP):
            await asyncio.sleep(0)
        stored = {task.id for task in tasks}
        await self._unpin(request.account_id, [task_id for task_id in examined.pinned_tasks if task_id not in stored])
        if not draft.seconds:
            return tasks
        return [replace(task, estimated_seconds=draft.seconds.get(task.batch_index or 0)) for task in tasks]

    async def _number(self, draft: Draft) -> None:
        if draft.request.is_batch:
            draft.batch_id, *draft.task_ids = await self._store.next_ids(1 + len(draft.items))
        else:
            draft.task_ids = [await self._store.next_id()]

    def _take_files(self, draft: Draft, examined: ExaminedFiles) -> None:
        """Refuse items that name unusable files."""
        for index, item in draft.remaining_items():
            refused = [examined.refusals[file_id].at(field) for file_id, field in item.files if file_id in examined.refusals]
            if refused:
                # For a single task, missing files are reported before unusable ones.
                draft.refuse(index, refused[0] if draft.request.is_batch else min(refused, key=_exists))
        draft.settle()
        draft.files = examined.files

    def _price(self, draft: Draft, *, done: bool = False) -> list[NewTask]:
        """Refuse files that the operations do not accept, and price the rest. `done`: it is one short run, which has its result."""
        tasks = []
        # The items of a batch mostly share their operations.
        stored: dict[int, list[bytes]] = {}
        for index, item in draft.remaining_items():
            with draft.refusing(index):
                inputs = [draft.files[file_id] for file_id in item.input_file_ids]
                auxiliary = [draft.files[each.input.file_id] for each in item.auxiliary]
                check_media(
                    inputs,
                    item.input_fields,
                    item.operations,
                    self._rules.limits,
                    draft.request.formats,
                    sizes=not draft.request.fails_in_place,
                )
                check_auxiliary(item.auxiliary, auxiliary, self._rules.limits, draft.request.formats)
                if not done and (seconds := self._seconds(draft, item, inputs)) is not None:
                    draft.seconds[index] = seconds
                lane = INTERACTIVE_LANE if done else self._lane(draft, item, inputs)
                if (operations := stored.get(id(item.operations))) is None:
                    operations = stored[id(item.operations)] = [operation.SerializeToString() for operation in item.operations]
                tasks.append(self._new_task(draft.task_ids[index], index, lane, item, operations, inputs))
        draft.settle()
        return tasks

    def _lane(self, draft: Draft, item: Item, inputs: Sequence[InputFile]) -> str:
        return self._served.or_before(lane_of(item.operations, [] if len(draft.items) > 1 or item.later_inputs else inputs))

    def _seconds(self, draft: Draft, item: Item, inputs: Sequence[InputFile]) -> int | None:
        try:
            files, planned = [*inputs, *item.planned_inputs], ["file_count"] * len(item.planned_inputs)
            return self._forecast.seconds(item.operations, files, [*item.input_fields, *planned], lane_of(item.operations, ()))
        except DarkroomError:
            if draft.request.fails_in_place:
                return None
            raise

    def _new_task(
        self, task_id: int | None, index: int, lane: str, item: Item, operations: list[bytes], inputs: Sequence[InputFile]
    ) -> NewTask:
        later = planned_files(item.operations, len(item.later_inputs), 1) if item.later_inputs else ()
        priced = [*inputs, *item.planned_inputs, *later]
        return NewTask(
            id=task_id,
            index=index,
            lane=lane,
            operations=operations,
            input_file_ids=list(item.input_file_ids),
            input_names=[file.name for file in inputs],
            later_inputs=[later.to_bytes() for later in item.later_inputs],
            client_request=item.client_request,
            destination=item.destination,
            list_price_millicredits=self._rules.prices.price_of(item.operations, priced),
            expected_outputs=outputs_of(item.operations, len(priced)),
        )

    async def _store_admitted(self, draft: Draft, tasks: Sequence[NewTask], finished: FinishedRun | None = None) -> Sequence[Task]:
        """Store what the account may create. This is decided while no other call creates tasks for the account."""
        request = draft.request

        def admit(account: AccountState) -> Admission:
            admission = request.admit(tasks, account)
            for refusal in admission.refusals:
                draft.refuse(refusal.index, refusal.error)
            draft.settle()
            return Admission(admission.admitted, draft.refusals())

        new = NewTasks(
            account_id=request.account_id,
            tasks=tasks,
            max_open=self._rules.max_open,
            max_pooled=request.max_pooled,
            batch_id=draft.batch_id,
            priority=request.priority,
            trace_id=request.trace_id,
            max_attempts=self._rules.max_attempts,
            deadline=request.deadline,
            deadline_to_start=request.deadline_to_start,
            webhook_url=draft.webhook_url,
            notices=request.notices,
            surface=request.surface,
            finished=finished,
        )
        create = self._starting.create if finished is None else self._store.create
        return await create(new, admit, terms=self._rules.terms, now=self._clock(), call=request.idempotency)

    async def _unpin(self, account_id: int, task_ids: Sequence[int]) -> None:
        if not task_ids:
            return
        try:
            await self._files.unpin(account_id, task_ids)
        except DarkroomError as error:
            # The file sweep finds the pins later.
            _logger.warning("unpin_failed", tasks=len(task_ids), error=str(error))

    async def _task(self, account_id: int, task_id: int) -> Task:
        task = await self._store.get(account_id, task_id)
        if task is None:
            raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "The task created with this idempotency key no longer exists.")
        return task

    async def _batch(self, account_id: int, batch_id: int) -> CreatedBatch:
        batch = await self._batches.get(account_id, batch_id)
        if batch is None:
            message = "The batch created with this idempotency key no longer exists."
            raise DarkroomError(ErrorReason.BATCH_NOT_FOUND, message)
        return CreatedBatch(batch, await self._batches.tasks(account_id, batch_id, limit=batch.batch.task_count))


async def _with_operations(request: _Creation) -> _Creation:
    """The request with the operations of the saved pipeline that it names."""
    return request if request.saved is None else replace(request, operations=await request.saved.read())


def _exists(error: DarkroomError) -> bool:
    return error.reason is not ErrorReason.FILE_NOT_FOUND
