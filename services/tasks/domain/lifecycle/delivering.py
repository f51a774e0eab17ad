"""The results of a task at its destination, a place in a storage of the operator: there before the task has SUCCEEDED."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.internal.tasks.v1 import stored_pb2
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.store.attempts import AttemptStore


class Delivering:
    """Has results copied. Each step may be repeated: the same object is written again."""

    def __init__(self, store: AttemptStore, files: FilesClient) -> None:
        self._store, self._files = store, files

    async def deliver(self, task_id: int, attempt: int, file_ids: Sequence[int]) -> bool:
        """Copy an attempt's outputs to the destination of its task; False if the attempt is not the current one.

        Raises the errors of IntakeService.DeliverOutputs.
        """
        task = await self._store.current(task_id, attempt)
        if task is None:
            return False
        if not task.destination:
            return True
        deliveries = await self._files.storages.deliver(task.account_id, task_id, attempt, file_ids, task.destination)
        return await self._store.note_deliveries(task_id, attempt, deliveries)


def deliveries_of(task: Task) -> dict[int, stored_pb2.StoredDelivery]:
    """Where the results of a task that has SUCCEEDED are, by file id."""
    stored = map(stored_pb2.StoredDelivery.FromString, task.deliveries)
    return {each.file_id: each for each in stored if each.file_id in task.output_file_ids}


def delivered_uris(task: Task) -> list[str]:
    """The same as URIs, in the order of the outputs."""
    return [f"storage://{each.storage}/{each.path}" for each in deliveries_of(task).values()]
