"""Where the time of an attempt goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from services.inference import metrics
from services.platform.telemetry import tracing

# Looking up a metric's labels takes longer than observing.
_stage, _operation = cache(metrics.STAGES.labels), cache(metrics.OPERATIONS.labels)


class Stages:
    """Seconds by stage, summed over the inputs of a task, for the worker's metrics and log line and for the benchmarks."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str, *, operation: bool = False) -> Iterator[None]:
        """Add the time of the block to a stage, or to an operation of that name, whether or not it succeeds."""
        started = time.perf_counter()
        try:
            with tracing.within(stage):
                yield
        finally:
            self.add(stage, time.perf_counter() - started, operation=operation)

    def add(self, stage: str, seconds: float, *, operation: bool = False) -> None:
        """Add time that was measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        (_operation if operation else _stage)(stage).observe(seconds)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage, in order of first run, to a tenth of a millisecond."""
        return {stage: round(seconds, 4) for stage, seconds in self._seconds.items()}
