"""Whether tasks have waited so long that workers on standby help, although others serve their lane."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.platform.clock import Clock
from services.tasks.store.queue import QueueStore

_LOOK_AGAIN = timedelta(seconds=1)


class LongWaits:
    """Looks at most once a second in a lane where none waits for long. `after` is None where no wait is too long; `max_running` is the
    limit of accounts without their own. A task that its account's limit holds does not wait for a worker."""

    def __init__(self, store: QueueStore, after: timedelta | None, max_running: int, clock: Clock) -> None:
        self._store, self._after, self._max_running, self._clock = store, after, max_running, clock
        self._none_at: dict[str, datetime] = {}

    async def any(self, lane: str) -> bool:
        """Whether a task that may start in the lane was accepted so long ago. Raises UNAVAILABLE."""
        now = self._clock()
        if self._after is None or (lane in self._none_at and now - self._none_at[lane] < _LOOK_AGAIN):
            return False
        oldest = (await self._store.oldest_to_start(self._max_running)).get(lane)
        if oldest is not None and now - oldest >= self._after:
            return True
        self._none_at[lane] = now
        return False
