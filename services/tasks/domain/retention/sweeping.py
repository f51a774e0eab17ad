"""Removes what has expired. Any number of sweepers may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import reaching_database
from services.common.log import get_logger
from services.tasks.domain.clock import Clock
from services.tasks.domain.retention.config import RetentionSettings
from services.tasks.store import retention_statements as statements

_logger = get_logger()
_EXPIRED = Counter("darkroom_tasks_expired", "What retention has removed, by its rules: tasks, events, deliveries.", ["kind"])


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of row that expires."""

    name: str
    kept: timedelta
    """How long after its end."""
    statement: TextClause
    """Removes up to `:limit` that had ended by `:before`, passing over what others have locked, and returns the number it has handled."""
    batch: int


def rules(settings: RetentionSettings) -> Sequence[Rule]:
    """The policy. Whatever else is to expire gets a rule here and a line in `docs/retention.md`."""
    return (
        # A task may have hundreds of events, and a statement should take a fraction of a second.
        Rule("events", timedelta(seconds=settings.event_retention), statements.EVENTS, 100),
        Rule("deliveries", timedelta(seconds=settings.webhook_log_retention), statements.DELIVERIES, 1000),
        Rule("tasks", settings.task_life, statements.TASKS, 200),
        Rule("batches", settings.task_life, statements.BATCHES, 200),
    )


class RetentionSweeper:
    """Applies the rules, a batch of each at a time."""

    def __init__(self, engine: AsyncEngine, policy: Sequence[Rule], clock: Clock) -> None:
        # Each statement is atomic by itself; without BEGIN and COMMIT it takes one round trip instead of three.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._policy, self._clock = policy, clock

    async def step(self) -> bool:
        """Remove one batch by each rule; True if there may be more to do at once. Raises UNAVAILABLE while PostgreSQL is away."""
        now = self._clock()
        swept = {rule.name: await self._apply(rule.statement, rule.batch, now - rule.kept) for rule in self._policy}
        for kind, count in swept.items():
            _EXPIRED.labels(kind).inc(count)
        if any(swept.values()):
            _logger.info("expired", **swept)
        return any(swept[rule.name] == rule.batch for rule in self._policy)

    async def _apply(self, statement: TextClause, limit: int, before: datetime) -> int:
        with reaching_database():
            async with self._engine.connect() as connection:
                return int((await connection.execute(statement, {"before": before, "limit": limit})).scalar_one())
