"""The inputs that a task names by URLs, as files: fetched while an attempt is under way, and checked like any other input."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.platform.backoff import Backoff
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.tasks.domain.acceptance.later import LaterInput, later_inputs_of
from services.tasks.domain.acceptance.rules import AcceptanceRules
from services.tasks.domain.credits.amounts import MILLI, credits_text
from services.tasks.domain.media_checks import check_media
from services.tasks.domain.plan import operations_of, planned_files
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.model.records import Inputs, InsufficientBalance
from services.tasks.store.attempts import AttemptStore

# Fewer than files allows an account, which may have other tasks.
_AT_ONCE = 4
_PATIENCE_SECONDS = 60.0
"""How long one input waits while the account, or everybody, fetches too much."""
_BUSY = (ErrorReason.RATE_LIMITED, ErrorReason.UNAVAILABLE)

_logger = get_logger()


class LaterFetching:
    """Completes the inputs of tasks. Each step may be repeated: files fetches an input of a task once, and the inputs of a task are
    completed in one transaction."""

    def __init__(self, store: AttemptStore, files: FilesClient, rules: AcceptanceRules, clock: Clock) -> None:
        self._store, self._files, self._rules, self._clock = store, files, rules, clock

    async def fetch(self, task_id: int, attempt: int) -> Sequence[int] | None:
        """All inputs of a task, the missing ones fetched, pinned, checked and paid for; None if the attempt is not the current one.

        Raises the errors of ImportFile and of a creation about files, blamed on the fields that named the URLs, and INSUFFICIENT_CREDITS.
        """
        task = await self._store.current(task_id, attempt)
        if task is None:
            return None
        later = later_inputs_of(task)
        if not later:
            return task.input_file_ids
        fetched = await self._fetch_all(task, later)
        files = await self._pinned(task, later, fetched)
        self._check(task, later, files)
        completed = await self._store.complete_inputs(task_id, attempt, self._inputs(task, later, files), now=self._clock())
        if isinstance(completed, InsufficientBalance):
            raise _not_covered(completed)
        if completed is None:
            return None
        _logger.info("inputs_fetched", inputs=len(files))
        return completed.input_file_ids

    async def _fetch_all(self, task: Task, later: Sequence[LaterInput]) -> list[int]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def fetch(each: LaterInput) -> int:
            async with slots:
                return await self._fetch(task, each)

        # All are tried, so that what arrives is there for the next attempt.
        results = await asyncio.gather(*map(fetch, later), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, int)]

    async def _fetch(self, task: Task, each: LaterInput) -> int:
        give_up_at, failures, backoff = asyncio.get_running_loop().time() + _PATIENCE_SECONDS, 0, Backoff()
        while True:
            try:
                return await self._files.fetch(task.account_id, each.url, each.field, for_task=(task.id, each.position))
            except DarkroomError as error:
                failures += 1
                pause = max(backoff.pause(failures), error.retry_after or 0)
                if error.reason not in _BUSY or asyncio.get_running_loop().time() + pause > give_up_at:
                    raise
            await asyncio.sleep(pause)

    async def _pinned(self, task: Task, later: Sequence[LaterInput], fetched: Sequence[int]) -> list[InputFile]:
        """The files in order. A pin of a task that has ended meanwhile is dropped by the sweep of files."""
        examined = await self._files.pin(task.account_id, {task.id: fetched}, all_or_none=True)
        for each, file_id in zip(later, fetched, strict=True):
            if file_id in examined.refusals:
                raise examined.refusals[file_id].at(each.field)
        return [examined.files[file_id] for file_id in fetched]

    def _check(self, task: Task, later: Sequence[LaterInput], files: Sequence[InputFile]) -> None:
        operations = operations_of(task)
        for each, file in zip(later, files, strict=True):
            check_media([file], [each.field], operations, self._rules.limits, each.formats)

    def _inputs(self, task: Task, later: Sequence[LaterInput], files: Sequence[InputFile]) -> Inputs:
        """The task's inputs from now on, in order, and its price with them: the original price, and more for pages and frames that
        were not known."""
        known = [InputFile(file_id, name) for file_id, name in zip(task.input_file_ids, task.input_names, strict=True)]
        inputs, operations = list(known), operations_of(task)
        for each, file in sorted(zip(later, files, strict=True), key=lambda pair: pair[0].position):
            inputs.insert(each.position, file)
        price_of = self._rules.prices.price_of
        more = price_of(operations, inputs) - price_of(operations, [*known, *planned_files(operations, len(later), 1)])
        price = task.price_millicredits + more * task.multiplier_permille // MILLI
        return Inputs([file.id for file in inputs], [file.name for file in inputs], price)


def _not_covered(refused: InsufficientBalance) -> DarkroomError:
    price, missing = refused.price_millicredits, refused.missing_millicredits
    return DarkroomError(
        ErrorReason.INSUFFICIENT_CREDITS,
        f"With the pages and frames of its files the task costs {credits_text(price)} credits: {credits_text(missing)} are missing.",
        metadata={"price_millicredits": str(refused.price_millicredits), "missing_millicredits": str(missing)},
    )
