"""A request on its way through the steps of acceptance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from services.platform.errors import DarkroomError
from services.tasks.domain.acceptance.requests import Item, Request
from services.tasks.model import Batch, Task
from services.tasks.model.media import InputFile
from services.tasks.model.records import BatchNow, CreatedBatch, Refusal


class Draft:
    """The items of a request, and which of them have been refused."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.items = request.tasks()
        self.batch_id: int | None = None
        self.task_ids: Sequence[int | None] = [None] * len(self.items)
        self.files: Mapping[int, InputFile] = {}
        self.seconds: dict[int, int] = {}
        """How long items will take, by their places, where that is known and worth telling."""
        self.webhook_url: str | None = None
        """The request's, once it is checked."""
        self._refused: dict[int, DarkroomError] = {}

    @property
    def needs_ids(self) -> bool:
        """Whether ids must be known before the tasks are stored: those of a batch with its tasks, and that of a task that pins files."""
        return self.request.is_batch or any(item.files or item.input_urls or item.later_urls for item in self.items)

    def remaining_items(self) -> list[tuple[int, Item]]:
        """The items that have passed every step so far, with their places."""
        return [(index, item) for index, item in enumerate(self.items) if index not in self._refused]

    def file_ids(self) -> list[int]:
        """Every file that the remaining items name."""
        return [file_id for _, item in self.remaining_items() for file_id, _ in item.files]

    def files_to_pin(self) -> dict[int, list[int]]:
        """The files to pin, by task."""
        wanted = {self.task_ids[index]: [file_id for file_id, _ in item.files] for index, item in self.remaining_items()}
        return {task_id: file_ids for task_id, file_ids in wanted.items() if task_id is not None and file_ids}

    def refuse(self, index: int, error: DarkroomError) -> None:
        """Take an item out."""
        self._refused[index] = self.request.error_for_item(error, index)

    @contextmanager
    def refusing(self, index: int) -> Iterator[None]:
        """Take an item out if the block raises."""
        try:
            yield
        except DarkroomError as error:
            self.refuse(index, error)

    def settle(self) -> None:
        """Raise the error of the first refused item, unless the others may proceed without it."""
        if self._refused and not (self.request.per_item and self.remaining_items()):
            raise self._refused[min(self._refused)]

    def refusals(self) -> list[Refusal]:
        """The refused items, in order."""
        return [Refusal(index, self._refused[index]) for index in sorted(self._refused)]

    def created_batch(self, tasks: Sequence[Task]) -> CreatedBatch:
        """The batch of tasks that have just been stored."""
        count, first = len(tasks), tasks[0]
        stored = Batch(
            id=first.batch_id or 0,
            account_id=first.account_id,
            task_count=count,
            open=count,
            succeeded=0,
            failed=0,
            cancelled=0,
            create_time=first.create_time,
            end_time=None,
            webhook_url=self.webhook_url,
        )
        name = first.input_names[0] if first.input_names else ""
        return CreatedBatch(BatchNow(stored, count, 0, 0.0, self.refusals(), first.operations, name), tasks)
