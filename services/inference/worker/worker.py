"""A worker: its lanes, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.common.log import get_logger
from services.common.telemetry.health import Health
from services.inference.worker.lane import Lane

_logger = get_logger()


async def work(lanes: Sequence[Lane], stop: asyncio.Event, health: Health, drain_seconds: float) -> None:
    """Work on the lanes until `stop`; then take nothing new, let running attempts end for `drain_seconds`, and hand back the others."""
    closing = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(lane.work(stop, closing)) for lane in lanes]
        await stop.wait()
        await health.drain()
        _logger.info("draining", seconds=drain_seconds)
        await asyncio.wait(working, timeout=drain_seconds)
        closing.set()
