"""When the newest backup was made: whoever makes one records it here, so that Prometheus can tell that there has been none for long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import text

from services.files.store.rows import Store

_RECORD = """
INSERT INTO last_backup AS known (moment) VALUES ($1)
ON CONFLICT (one) DO UPDATE SET moment = greatest(known.moment, excluded.moment)
"""
_READ = text("SELECT extract(epoch FROM max(moment)) FROM last_backup")


async def record(connection: asyncpg.Connection, moment: datetime) -> None:
    """A backup of a moment is complete. Raises what asyncpg raises."""
    await connection.execute(_RECORD, moment)


class Backups(Store):
    """The gauge of the newest backup."""

    async def read(self) -> Sequence[Metric]:
        """Read it from the database."""
        [[moment]] = await self._database.fetch(_READ)
        return [self.metric(float(moment or 0))]

    @staticmethod
    def metric(moment: float) -> Metric:
        """It, at a moment in seconds since the epoch; 0 for never."""
        documentation = "The moment of the newest backup that is known of, in seconds since the epoch; 0 for none."
        return GaugeMetricFamily("darkroom_last_backup_timestamp_seconds", documentation, value=moment)
