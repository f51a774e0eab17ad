"""Gauges whose values must be fetched: by the event loop, when Prometheus scrapes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.pool import QueuePool

from services.platform.log import get_logger

_logger = get_logger()
_READ_SECONDS = 5.0
_FRESH_SECONDS = 5.0
"""All scrapers share one reading for this long."""


class ReadGauges(Collector):
    """The gauges that `read` returns. When it fails they are absent rather than stale, and `darkroom_gauges_read{source}` is 0."""

    def __init__(self, source: str, read: Callable[[], Awaitable[Sequence[Metric]]]) -> None:
        self._source, self._read = source, read
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.Lock()
        self._last: tuple[float, Sequence[Metric]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: otherwise the registry would read the gauges just to learn their names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges, from a thread other than the event loop's."""
        reading = asyncio.run_coroutine_threadsafe(self._recent(), self._loop)
        try:
            gauges = reading.result(_READ_SECONDS)
        except Exception as error:  # noqa: BLE001 - the rest of the metrics must come out, most of all while something is broken
            reading.cancel()
            _logger.warning("gauges_not_read", source=self._source, error=repr(error))
            return [self.success(False)]
        return [*gauges, self.success(True)]

    def success(self, whether: bool) -> Metric:
        """The gauge that says whether the others could be read."""
        told = GaugeMetricFamily("darkroom_gauges_read", "Whether the gauges of a source could be read: 1 or 0.", labels=["source"])
        told.add_metric([self._source], whether)
        return told

    async def _recent(self) -> Sequence[Metric]:
        async with self._reading:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > _FRESH_SECONDS:
                self._last = now, await self._read()
            return self._last[1]


class PoolGauges(Collector):
    """The connections of a database pool."""

    def __init__(self, pool: QueuePool) -> None:
        self._pool = pool

    def describe(self) -> Iterable[Metric]:
        """The result of `collect`."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """Read the pool's counters."""
        connections = GaugeMetricFamily("darkroom_database_pool_connections", "Connections of the pool, by state.", labels=["state"])
        connections.add_metric(["busy"], self._pool.checkedout())
        connections.add_metric(["idle"], self._pool.checkedin())
        yield connections
        yield GaugeMetricFamily("darkroom_database_pool_limit", "Connections that the pool may have.", value=self._pool.size())
