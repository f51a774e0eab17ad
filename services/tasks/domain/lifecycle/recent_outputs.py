"""The workers' reports about outputs of tasks that have just ended: callers that wait for such a task need not ask files about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping

from services.tasks.model.media import InputFile

_MOST = 2_000


class RecentOutputs:
    """The newest ones of those that this process has heard of, by their ids, which are never used again.

    A worker reports what it has sent to files. Callers must have the ids from the task.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._files: OrderedDict[int, InputFile] = OrderedDict()

    def keep(self, files: Iterable[InputFile]) -> None:
        """Keep what was said; the oldest make room."""
        for file in files:
            self._files[file.id] = file
        while len(self._files) > self._most:
            self._files.popitem(last=False)

    def find(self, file_ids: Collection[int]) -> Mapping[int, InputFile]:
        """Those of the files that are known."""
        return {file_id: self._files[file_id] for file_id in file_ids if file_id in self._files}
