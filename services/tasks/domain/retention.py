"""Retention settings, and the sweep that removes what has expired. Any number of sweepers may run.

`docs/explanation/retention.md` lists the settings together with those of the files service.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter
from pydantic import Field

from services.platform.clock import Clock
from services.platform.environment import EnvironmentSettings
from services.platform.log import get_logger
from services.tasks.store.retention import RetentionStore

_logger = get_logger()
_EXPIRED = Counter("darkroom_tasks_expired", "Records that retention has removed: tasks, events or deliveries.", ["kind"])
_DAY = 86_400.0


class RetentionSettings(EnvironmentSettings):
    """How long records are kept, in seconds. A change also applies to existing rows."""

    # If the files service misses the end of a task, it asks about it later. So the task must still exist an hour or two after its end.
    task_retention: float = Field(
        30 * _DAY, ge=_DAY, description="How long a task and everything that belongs to it is kept after its end."
    )
    event_retention: float = Field(
        7 * _DAY, ge=3_600, description="How long the events of a task are kept after its end; the last event is kept as long as the task."
    )
    webhook_log_retention: float = Field(14 * _DAY, ge=3_600, description="How long a webhook delivery is kept in the log after its end.")
    retention_interval: float = Field(60.0, gt=0, description="Interval between sweeps for expired records.")

    @property
    def task_life(self) -> timedelta:
        """How long a task is kept after its end."""
        return timedelta(seconds=self.task_retention)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of row that expires."""

    name: str
    retention: timedelta
    """How long a row is kept after its end."""
    remove: Callable[[RetentionStore, datetime, int], Awaitable[int]]
    """Removes up to a number of them that had ended by a moment, skipping what others have locked, and returns the number handled."""
    batch: int


def rules(settings: RetentionSettings) -> Sequence[Rule]:
    """The policy. Anything else that should expire gets a rule here and a line in `docs/explanation/retention.md`."""
    return (
        # A task may have hundreds of events, and a statement should take a fraction of a second.
        Rule("events", timedelta(seconds=settings.event_retention), RetentionStore.remove_events, 100),
        Rule("deliveries", timedelta(seconds=settings.webhook_log_retention), RetentionStore.remove_deliveries, 1000),
        Rule("tasks", settings.task_life, RetentionStore.remove_tasks, 200),
        Rule("batches", settings.task_life, RetentionStore.remove_batches, 200),
    )


class RetentionSweeper:
    """Applies the rules, a batch of each at a time."""

    def __init__(self, store: RetentionStore, policy: Sequence[Rule], clock: Clock) -> None:
        self._store, self._policy, self._clock = store, policy, clock

    async def step(self) -> bool:
        """Remove one batch for each rule; True if there may be more to do at once. Raises UNAVAILABLE while PostgreSQL is unavailable."""
        now = self._clock()
        swept = {rule.name: await rule.remove(self._store, now - rule.retention, rule.batch) for rule in self._policy}
        for kind, count in swept.items():
            _EXPIRED.labels(kind).inc(count)
        if any(swept.values()):
            _logger.info("expired", **swept)
        return any(swept[rule.name] == rule.batch for rule in self._policy)
