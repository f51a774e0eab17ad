"""Finds abandoned attempts and ends them. Any number of reapers may run."""

from __future__ import annotations

from services.tasks.domain.lifecycle.attempts import Attempts

_BATCH = 100


class Reaper:
    """Ends attempts whose lease has expired."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def step(self) -> bool:
        """One round; True if there may be more to do at once."""
        return await self._attempts.reap(limit=_BATCH) == _BATCH
