"""What a task would cost, before it is created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2, options_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger
from services.common.offers import Offers
from services.common.operations import spec_of
from services.tasks.domain.creation.auxiliary import check_auxiliary, named_files
from services.tasks.domain.creation.media import check_media
from services.tasks.domain.creation.pipeline import check_pipeline
from services.tasks.domain.creation.task_creation import CreationRules, blamed_on_field
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.records import Balance
from services.tasks.files_client import FilesClient
from services.tasks.store.tasks import TaskStore

_logger = get_logger()
# The rules of creation call a task's files so.
_FILES = "input_file_ids"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A price in thousandths of a credit, by the terms and the balance of now."""

    list_price_millicredits: int
    balance: Balance

    @property
    def price_millicredits(self) -> int:
        """Rounded down, as a creation does."""
        return self.list_price_millicredits * self.balance.terms.multiplier_permille // MILLI

    @property
    def covered(self) -> bool:
        """Whether a task of this price is accepted now."""
        return self.balance.terms.unlimited or self.price_millicredits <= self.balance.available_millicredits


class Estimation:
    """Goes through a creation up to its price, and stores nothing."""

    def __init__(self, store: TaskStore, files: FilesClient, offers: Offers, rules: CreationRules, ledger: Ledger) -> None:
        self._store, self._files, self._offers, self._rules, self._ledger = store, files, offers, rules, ledger

    async def of_files(
        self, account_id: int, operations: Sequence[operation_pb2.Operation], file_ids: Sequence[int], field: str
    ) -> Estimate:
        """The price for files that are uploaded; `field` is the list of the request that names them.

        Raises what a creation does about operations and files.
        """
        fields = [f"{field}[{index}]" for index in range(len(file_ids))]
        await self._check(operations, len(file_ids), field)
        auxiliary = named_files(operations)
        looked_at = [*file_ids, *(each.input.file_id for each in auxiliary)]
        files = await self._look_at(account_id, looked_at, [*fields, *(each.field for each in auxiliary)])
        inputs, others = files[: len(file_ids)], files[len(file_ids) :]
        check_media(inputs, fields, operations, self._rules.limits, None)
        check_auxiliary(auxiliary, others, self._rules.limits, None)
        return await self._estimate(account_id, operations, inputs)

    async def of_planned(self, account_id: int, operations: Sequence[operation_pb2.Operation], count: int, pages: int) -> Estimate:
        """The price for so many files that are not uploaded yet; documents have so many pages each. Raises what a creation does about
        operations."""
        await self._check(operations, count, "file_count")
        document = spec_of(operations[0]).accepts == options_pb2.MEDIA_KIND_PDF
        planned = file_pb2.File(document=file_pb2.DocumentInfo(pages=pages)) if document else file_pb2.File()
        return await self._estimate(account_id, operations, [planned] * count)

    async def _check(self, operations: Sequence[operation_pb2.Operation], inputs: int, field: str) -> None:
        try:
            check_pipeline(operations, inputs, diagnostics=self._rules.diagnostics)
        except DarkroomError as error:
            if error.field != _FILES:
                raise
            raise DarkroomError(error.reason, error.message.replace(f"{_FILES}:", f"{field}:", 1), field=field) from error
        await self._offers.require([spec_of(operation) for operation in operations])

    async def _estimate(self, account_id: int, operations: Sequence[operation_pb2.Operation], files: Sequence[file_pb2.File]) -> Estimate:
        return Estimate(self._rules.prices.price_of(operations, files), await self._ledger.balance(account_id))

    async def _look_at(self, account_id: int, file_ids: Sequence[int], fields: Sequence[str]) -> list[file_pb2.File]:
        """The files, READY. They are pinned for a task that never comes, and let go at once."""
        if not file_ids:
            return []
        task_id = await self._store.next_id()
        try:
            return await self._files.pin(account_id, task_id, file_ids)
        except DarkroomError as error:
            raise blamed_on_field(error, file_ids, fields) from error
        finally:
            await self._let_go(account_id, task_id)

    async def _let_go(self, account_id: int, task_id: int) -> None:
        try:
            await self._files.unpin(account_id, task_id)
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            # The sweep of files finds the pins later.
            _logger.warning("unpin_failed", task_id=task_id, error=str(error))
