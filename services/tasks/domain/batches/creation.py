"""Accepting a batch: many tasks with one call, all of them or each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotency import IdempotencyRecords, IdempotentCall
from services.common.log import get_logger
from services.common.offers import Offers
from services.common.operations import spec_of
from services.tasks.domain.batches.admission import Admitted, admit_all, admit_each
from services.tasks.domain.batches.records import AccountState, CreatedBatch, NewBatch, NewItem, Refusal
from services.tasks.domain.clock import Clock
from services.tasks.domain.creation.auxiliary import NamedFile, check_auxiliary, named_files
from services.tasks.domain.creation.media import check_media
from services.tasks.domain.creation.pipeline import check_pipeline, lane_of, outputs_of
from services.tasks.domain.creation.task_creation import CreationRules
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.files_client import FilesClient, Pinned
from services.tasks.store.batches import BatchStore

_logger = get_logger()
_MAX_FILES = 5_000
"""Of a whole batch; by the limit of PinTasks."""


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """A task to be, as asked for."""

    operations: Sequence[operation_pb2.Operation]
    """Empty for those of the batch."""
    input_file_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """What a caller asks for, on any surface."""

    account_id: int
    items: Sequence[RequestedItem]
    operations: Sequence[operation_pb2.Operation]
    """Of each item that has none of its own."""
    per_item: bool
    """Whether to accept what can be accepted, rather than all or none."""
    files_field: str = "input_file_ids"
    """What the surface calls the inputs of an item."""
    priority: int = 0
    deadline: datetime | None = None
    webhook_url: str = ""
    trace_id: str = ""
    idempotency: IdempotentCall | None = None

    def operations_of(self, index: int) -> Sequence[operation_pb2.Operation]:
        """What is to be done with an item."""
        return self.items[index].operations or self.operations

    def auxiliary_of(self, index: int) -> list[NamedFile]:
        """The files that an item's operations need beside its inputs."""
        return named_files(self.operations_of(index))

    def file_ids_of(self, index: int) -> list[int]:
        """All files of an item: its inputs, and what its operations need beside them."""
        return [*self.items[index].input_file_ids, *(each.input.file_id for each in self.auxiliary_of(index))]

    def blamed(self, error: DarkroomError, index: int) -> DarkroomError:
        """An error about an item alone, as one about the item in this request."""
        field, message = error.field, error.message
        if field is not None:
            shared = field.startswith("operations") and self.operations and not self.items[index].operations
            path = field if shared else f"items[{index}].{field.replace('input_file_ids', self.files_field, 1)}"
            field, message = path, path + message.removeprefix(field) if message.startswith(field) else f"{path}: {message}"
        return DarkroomError(
            error.reason,
            message,
            field=field,
            allowed=error.allowed,
            metadata={**error.metadata, "index": str(index)},
            retry_after=error.retry_after,
        )


class _Draft:
    """The items that have passed every check so far. In a batch of all or none the first refusal is raised."""

    def __init__(self, request: BatchRequest) -> None:
        self._request = request
        self.items = list(range(len(request.items)))
        self.refusals: list[Refusal] = []

    def refuse(self, index: int, error: DarkroomError) -> None:
        """Take an item out; at the end, raise if there is none left."""
        blamed = self._request.blamed(error, index)
        if not self._request.per_item:
            raise blamed
        self.items.remove(index)
        self.refusals.append(Refusal(index, blamed))

    def require_some(self) -> None:
        """Raise the error of the first item if no item is left."""
        if not self.items:
            raise min(self.refusals, key=lambda refusal: refusal.index).error


class BatchCreation:
    """Checks a request, pins its files, and stores the tasks."""

    def __init__(
        self,
        store: BatchStore,
        files: FilesClient,
        idempotency: IdempotencyRecords,
        notifications: Notifications,
        webhooks: AccountWebhooks,
        offers: Offers,
        rules: CreationRules,
        max_open: int,
        clock: Clock,
    ) -> None:
        self._store, self._files, self._idempotency, self._notifications = store, files, idempotency, notifications
        self._webhooks, self._offers = webhooks, offers
        self._rules, self._max_open, self._clock = rules, max_open, clock

    async def create(self, request: BatchRequest) -> CreatedBatch:
        """Accept the batch; or what an earlier call with the same idempotency key has made, as it is now.

        Raises the errors of CreateBatch; then nothing is left behind.
        """
        return await self._idempotency.once(
            request.idempotency, lambda: self._accept(request), lambda ids: self._created(request.account_id, ids[0])
        )

    async def _created(self, account_id: int, batch_id: int) -> CreatedBatch:
        batch = await self._store.get(account_id, batch_id)
        if batch is None:
            message = "The batch that was created with this idempotency key does not exist any more."
            raise DarkroomError(ErrorReason.BATCH_NOT_FOUND, message)
        return CreatedBatch(batch, await self._store.tasks(account_id, batch_id, limit=batch.row.task_count))

    async def _accept(self, request: BatchRequest) -> CreatedBatch:
        self._check_whole(request)
        draft = _Draft(request)
        unavailable = await self._unavailable(request)
        for index, item in enumerate(request.items):
            try:
                self._check_item(request.operations_of(index), item, unavailable)
            except DarkroomError as error:
                draft.refuse(index, error)
        draft.require_some()
        webhook_url = await self._webhooks.url_of_task(request.account_id, request.webhook_url, "webhook_url")
        batch_id, *ids = await self._store.next_ids(1 + len(request.items))
        pinned = await self._pin(request, draft, ids)
        kept: set[int] = set()
        try:
            items = self._items(request, draft, ids, pinned)
            new = NewBatch(
                id=batch_id,
                account_id=request.account_id,
                priority=request.priority,
                trace_id=request.trace_id,
                max_attempts=self._rules.max_attempts,
                deadline=request.deadline,
                webhook_url=webhook_url,
            )
            kept = await self._insert(new, request, draft, items)
        except DarkroomError as error:
            if error.reason is ErrorReason.UNAVAILABLE:
                # After a broken connection to the database the tasks may exist, and must keep their files. The sweep of files asks.
                kept = set(ids)
            raise
        finally:
            await self._unpin(request.account_id, [id_ for id_ in pinned.task_ids if id_ not in kept])
        return await self._created(request.account_id, batch_id)

    def _check_whole(self, request: BatchRequest) -> None:
        if request.deadline is not None and request.deadline <= self._clock():
            raise DarkroomError(ErrorReason.FIELD_INVALID, "deadline: must be in the future.", field="deadline")
        # Each item has those that the operations of the batch name for itself.
        files = sum(len(request.file_ids_of(index)) for index in range(len(request.items)))
        if files > _MAX_FILES:
            raise DarkroomError(
                ErrorReason.TOO_MANY_FILES,
                f"items: they name {files} files; a batch may name {_MAX_FILES}.",
                field="items",
                allowed=(f"at most {_MAX_FILES} files",),
            )

    async def _unavailable(self, request: BatchRequest) -> Mapping[str, DarkroomError]:
        """The operations of the batch that no worker offers, by name, each asked about once."""
        wanted = {spec.name: spec for index in range(len(request.items)) for spec in map(spec_of, request.operations_of(index))}
        errors = {}
        for name, spec in wanted.items():
            try:
                await self._offers.require([spec])
            except DarkroomError as error:
                if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
                    raise
                errors[name] = error
        return errors

    def _check_item(
        self, operations: Sequence[operation_pb2.Operation], item: RequestedItem, unavailable: Mapping[str, DarkroomError]
    ) -> None:
        if not operations:
            message = "operations: name what to do, here or in the operations of the batch."
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="operations")
        check_pipeline(operations, len(item.input_file_ids), diagnostics=self._rules.diagnostics)
        for position, operation in enumerate(operations):
            if (error := unavailable.get(spec_of(operation).name)) is not None:
                raise error.at(f"operations[{position}]")

    async def _pin(self, request: BatchRequest, draft: _Draft, ids: Sequence[int]) -> Pinned:
        """Pin what the draft's items name, and refuse those whose files cannot be used."""
        wanted = {ids[index]: file_ids for index in draft.items if (file_ids := request.file_ids_of(index))}
        pinned = await self._files.pin_tasks(request.account_id, wanted, all_or_none=not request.per_item)
        for index in list(draft.items):
            fields = [*_fields(request.items[index]), *(each.field for each in request.auxiliary_of(index))]
            for file_id, field in zip(request.file_ids_of(index), fields, strict=True):
                if (error := pinned.refusals.get(file_id)) is not None:
                    draft.refuse(index, error.at(field))
                    break
        return pinned

    def _items(self, request: BatchRequest, draft: _Draft, ids: Sequence[int], pinned: Pinned) -> list[NewItem]:
        items = []
        for index in list(draft.items):
            item = request.items[index]
            operations = request.operations_of(index)
            files = [pinned.files[file_id] for file_id in item.input_file_ids]
            try:
                check_media(files, _fields(item), operations, self._rules.limits, None)
                auxiliary = request.auxiliary_of(index)
                check_auxiliary(auxiliary, [pinned.files[each.input.file_id] for each in auxiliary], self._rules.limits, None)
            except DarkroomError as error:
                draft.refuse(index, error)
                continue
            items.append(self._item(ids[index], index, operations, item.input_file_ids, files))
        draft.require_some()
        return items

    def _item(
        self,
        task_id: int,
        index: int,
        operations: Sequence[operation_pb2.Operation],
        input_file_ids: Sequence[int],
        files: Sequence[file_pb2.File],
    ) -> NewItem:
        return NewItem(
            id=task_id,
            index=index,
            lane=lane_of(operations),
            operations=[operation.SerializeToString() for operation in operations],
            input_file_ids=list(input_file_ids),
            list_price_millicredits=self._rules.prices.price_of(operations, files),
            expected_outputs=outputs_of(operations, len(input_file_ids)),
        )

    async def _insert(self, new: NewBatch, request: BatchRequest, draft: _Draft, items: Sequence[NewItem]) -> set[int]:
        """Store the batch; the ids of its tasks."""

        def decide(account: AccountState) -> tuple[Sequence[Admitted], Sequence[Refusal]]:
            if not request.per_item:
                return admit_all(items, account), ()
            admitted, refused = admit_each(items, account)
            for refusal in refused:
                draft.refuse(refusal.index, refusal.error)
            draft.require_some()
            return admitted, sorted(draft.refusals, key=lambda refusal: refusal.index)

        tasks = await self._store.create(
            new, decide, max_open=self._max_open, terms=self._rules.terms, now=self._clock(), call=request.idempotency
        )
        for task in tasks:
            self._notifications.changed(task)
        return {task.id for task in tasks}

    async def _unpin(self, account_id: int, task_ids: Sequence[int]) -> None:
        if not task_ids:
            return
        try:
            await self._files.unpin_tasks(account_id, task_ids)
        except DarkroomError as error:
            # The sweep of files finds the pins later.
            _logger.warning("unpin_failed", tasks=len(task_ids), error=str(error))


def _fields(item: RequestedItem) -> list[str]:
    return [f"input_file_ids[{position}]" for position in range(len(item.input_file_ids))]
