"""Ids for outputs, which come with the inputs, so that storing an output needs no statement for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic

_SECONDS = 10.0
"""How long an id can be used: ids grow with time, and accounts see their files in that order."""
_MOST_TASKS = 1000


class OutputIds:
    """Ids that no file has, by the task whose inputs were opened last here."""

    def __init__(self) -> None:
        self._ids: OrderedDict[int, tuple[float, list[int]]] = OrderedDict()

    def keep(self, task_id: int, ids: Sequence[int]) -> None:
        """Keep new ids for the task."""
        self._ids.pop(task_id, None)
        self._ids[task_id] = monotonic(), sorted(ids)
        if len(self._ids) > _MOST_TASKS:
            self._ids.popitem(last=False)

    def take(self, task_id: int, count: int) -> list[int]:
        """So many ids, in increasing order, each for one file; none if there are not enough that are new."""
        kept_at, ids = self._ids.pop(task_id, (0.0, []))
        return ids[:count] if len(ids) >= count and monotonic() - kept_at < _SECONDS else []
