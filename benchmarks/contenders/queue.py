"""The interface that a contender needs to be measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Queue(Protocol):
    """A queue with its workers in this process, as both contenders are usually run; jobs do nothing."""

    version: str

    async def add(self) -> int:
        """Store one job. Returns its id once it is committed."""

    async def add_many(self, count: int) -> Sequence[int]:
        """Store jobs with one call."""

    async def count_unfinished(self) -> int:
        """Number of jobs that have not succeeded."""


Opened = Callable[[str, int, Callable[[int], None]], AbstractAsyncContextManager[Queue]]
"""Takes the address of an empty database, the number of concurrent jobs, and a function to call with a job's id when it starts."""
