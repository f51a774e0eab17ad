"""Where the time of an attempt goes."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType

from services.inference import metrics
from services.platform.telemetry import tracing

# Looking up a metric's labels takes longer than observing.
_stage, _operation = cache(metrics.STAGES.labels), cache(metrics.OPERATIONS.labels)


class Stages:
    """Seconds by stage, summed over the inputs of a task, for the worker's metrics and log line and for the benchmarks."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def measure(self, stage: str, *, operation: bool = False) -> AbstractContextManager[None]:
        """Add the time of the block to a stage, or to an operation of that name, whether or not it succeeds."""
        return _Measurement(self, stage, operation=operation)

    def add(self, stage: str, seconds: float, *, operation: bool = False) -> None:
        """Add time that was measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        (_operation if operation else _stage)(stage).observe(seconds)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage, in order of first run, to a tenth of a millisecond."""
        return {stage: round(seconds, 4) for stage, seconds in self._seconds.items()}


class _Measurement(AbstractContextManager[None]):
    """One block. A generator would take several times as long, and short tasks have a few stages."""

    __slots__ = ("_operation", "_span", "_stage", "_stages", "_started")

    def __init__(self, stages: Stages, stage: str, *, operation: bool) -> None:
        self._stages, self._stage, self._operation = stages, stage, operation
        self._span = tracing.within(stage) if tracing.is_enabled() else None

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        if self._span is not None:
            self._span.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._span is not None:
                self._span.__exit__(kind, error, trace)
        finally:
            self._stages.add(self._stage, time.perf_counter() - self._started, operation=self._operation)
