"""Finds abandoned tasks and recovers them. Any number of reapers may run."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from services.common.bus import Bus
from services.common.clock import Clock
from services.common.log import get_logger
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.hints import drop_lost_hints, hints_waiting, publish_hints
from services.tasks.store.order import OrderStore

_logger = get_logger()
_BATCH = 100


class Reaper:
    """Ends attempts whose lease has expired, and repeats offers whose message was lost."""

    def __init__(
        self, store: OrderStore, attempts: Attempts, bus: Bus, lanes: Collection[str], redispatch_after: timedelta, clock: Clock
    ) -> None:
        self._store, self._attempts, self._bus = store, attempts, bus
        self._lanes, self._redispatch_after, self._clock = lanes, redispatch_after, clock

    async def step(self) -> bool:
        """One round over both; True if there may be more to do at once."""
        ended = await self._attempts.reap(limit=_BATCH)
        more = False
        if self._bus.client.is_connected:
            for lane in self._lanes:
                more |= await self._repeat_offers(lane)
        return more or ended == _BATCH

    async def _repeat_offers(self, lane: str) -> bool:
        now = self._clock()
        offered_before = now - self._redispatch_after
        offered, overdue = await self._store.offered(lane, offered_before=offered_before)
        # Without workers the messages wait in the stream; repeating them would only pile up more.
        if not overdue or await hints_waiting(self._bus, lane) >= offered:
            return False
        await drop_lost_hints(self._bus, lane)
        tasks = await self._store.redispatch(lane, offered_before=offered_before, limit=_BATCH, now=now)
        unconfirmed = await publish_hints(self._bus, tasks)
        _logger.info("offers_repeated", lane=lane, count=len(tasks), unconfirmed=len(unconfirmed))
        return len(tasks) == _BATCH
