"""Accepting a task: from here on it will reach exactly one end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotency import IdempotencyRecords, IdempotentCall
from services.common.log import get_logger
from services.common.offers import Offers
from services.common.operations import spec_of
from services.tasks.domain.clock import Clock
from services.tasks.domain.creation.auxiliary import FieldOf, check_auxiliary, named_files, native_field
from services.tasks.domain.creation.media import MediaLimits, check_media
from services.tasks.domain.creation.pipeline import check_pipeline, lane_of, outputs_of
from services.tasks.domain.credits.amounts import credits_text
from services.tasks.domain.credits.prices import PriceList
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.records import Admission, CreditTerms, NewTask
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.files_client import FilesClient
from services.tasks.store.models import Task
from services.tasks.store.tasks import TaskStore

_logger = get_logger()


@dataclass(frozen=True, slots=True)
class CreationRules:
    """The settings that creation goes by."""

    diagnostics: bool
    max_attempts: int
    limits: MediaLimits
    prices: PriceList
    terms: CreditTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What a caller asks for, on any surface."""

    account_id: int
    operations: Sequence[operation_pb2.Operation]
    input_file_ids: Sequence[int]
    input_fields: Sequence[str]
    """For each input, the field of the request that names it."""
    auxiliary_field: FieldOf = native_field
    """The field of the request that names a file which an operation needs beside the inputs."""
    max_open: int
    """Tasks that the account may have open on this surface, this one included."""
    priority: int = 0
    deadline: datetime | None = None
    """When the task fails if it has not ended."""
    formats: Collection[str] | None = None
    """Names of the formats that the surface takes; None for all that the operation takes."""
    trace_id: str = ""
    idempotency: IdempotentCall | None = None
    """Set if the caller may repeat the call."""
    webhook_url: str = ""
    """Hears of the end; empty for none."""


class TaskCreation:
    """Checks a request, pins its files, and stores the task."""

    def __init__(
        self,
        store: TaskStore,
        files: FilesClient,
        idempotency: IdempotencyRecords,
        notifications: Notifications,
        webhooks: AccountWebhooks,
        offers: Offers,
        rules: CreationRules,
        clock: Clock,
    ) -> None:
        self._store, self._files, self._idempotency, self._notifications = store, files, idempotency, notifications
        self._webhooks, self._offers = webhooks, offers
        self._rules, self._clock = rules, clock

    async def create(self, request: TaskRequest) -> Task:
        """Accept the task, QUEUED; or what an earlier call with the same idempotency key has made, as it is now.

        Raises the errors of CreateTask; then nothing is left behind.
        """
        return await self._idempotency.once(
            request.idempotency, lambda: self._accept(request), lambda ids: self._made(request.account_id, ids[0])
        )

    async def _made(self, account_id: int, task_id: int) -> Task:
        task = await self._store.get(account_id, task_id)
        if task is None:
            raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "The task that was created with this idempotency key does not exist any more.")
        return task

    async def _accept(self, request: TaskRequest) -> Task:
        if request.deadline is not None and request.deadline <= self._clock():
            raise DarkroomError(ErrorReason.FIELD_INVALID, "deadline: must be in the future.", field="deadline")
        check_pipeline(request.operations, len(request.input_file_ids), diagnostics=self._rules.diagnostics)
        await self._offers.require([spec_of(operation) for operation in request.operations])
        webhook_url = await self._webhooks.url_of_task(request.account_id, request.webhook_url, "webhook_url")
        auxiliary = named_files(request.operations, request.auxiliary_field)
        file_ids = [*request.input_file_ids, *(each.input.file_id for each in auxiliary)]
        # What pins files has to be known before it is stored.
        task_id = await self._store.next_id() if file_ids else None
        files = await self._pin(task_id, request.account_id, file_ids, [*request.input_fields, *(each.field for each in auxiliary)])
        inputs, others = files[: len(request.input_file_ids)], files[len(request.input_file_ids) :]
        try:
            check_media(inputs, request.input_fields, request.operations, self._rules.limits, request.formats)
            check_auxiliary(auxiliary, others, self._rules.limits, request.formats)
            task = await self._insert(task_id, request, inputs, webhook_url)
        except DarkroomError as error:
            # After a broken connection to the database the task may exist, and must keep its files. The sweep of files asks about them.
            if error.reason is not ErrorReason.UNAVAILABLE:
                await self._unpin(task_id, request)
            raise
        self._notifications.changed(task)
        return task

    async def _pin(self, task_id: int | None, account_id: int, file_ids: Sequence[int], fields: Sequence[str]) -> list[file_pb2.File]:
        """The files, each named by one of the request's fields, pinned for the task; none without a task."""
        if task_id is None:
            return []
        try:
            return await self._files.pin(account_id, task_id, file_ids)
        except DarkroomError as error:
            raise blamed_on_field(error, file_ids, fields) from error

    async def _insert(self, task_id: int | None, request: TaskRequest, files: Sequence[file_pb2.File], webhook_url: str | None) -> Task:
        new = NewTask(
            id=task_id,
            account_id=request.account_id,
            lane=lane_of(request.operations),
            priority=request.priority,
            trace_id=request.trace_id,
            operations=[operation.SerializeToString() for operation in request.operations],
            input_file_ids=list(request.input_file_ids),
            list_price_millicredits=self._rules.prices.price_of(request.operations, files),
            expected_outputs=outputs_of(request.operations, len(request.input_file_ids)),
            max_attempts=self._rules.max_attempts,
            deadline=request.deadline,
            webhook_url=webhook_url,
        )
        terms = self._rules.terms
        while (
            task := await self._store.create(new, max_open=request.max_open, terms=terms, now=self._clock(), call=request.idempotency)
        ) is None:
            # If neither holds any more, a task has ended or credits were granted meanwhile: then once more.
            _refuse(await self._store.admission(new, max_open=request.max_open, terms=terms))
        return task

    async def _unpin(self, task_id: int | None, request: TaskRequest) -> None:
        if task_id is None:
            return
        try:
            await self._files.unpin(request.account_id, task_id)
        except DarkroomError as error:
            # The sweep of files finds the pins later.
            _logger.warning("unpin_failed", task_id=task_id, error=str(error))


def _refuse(admission: Admission) -> None:
    """Raise INSUFFICIENT_CREDITS or TOO_MANY_TASKS, if the account's next task is one of the two."""
    if missing := admission.missing_millicredits:
        price, available = admission.price_millicredits, admission.available_millicredits
        raise DarkroomError(
            ErrorReason.INSUFFICIENT_CREDITS,
            f"The task costs {credits_text(price)} credits, and the account has {credits_text(available)}: "
            f"{credits_text(missing)} are missing.",
            metadata={"price_millicredits": str(price), "available_millicredits": str(available), "missing_millicredits": str(missing)},
        )
    if admission.open >= admission.max_open:
        raise DarkroomError(
            ErrorReason.TOO_MANY_TASKS,
            f"The account has as many open tasks as it may have by this call: {admission.max_open}. Wait until one of them has ended.",
            metadata={"max_open": str(admission.max_open)},
        )


def blamed_on_field(error: DarkroomError, file_ids: Sequence[int], fields: Sequence[str]) -> DarkroomError:
    """The error of files, with the one of `fields` that names the file it is about."""
    blamed = error.metadata.get("file_id", "")
    for file_id, field in zip(file_ids, fields, strict=True):
        if str(file_id) == blamed:
            return error.at(field)
    return error
