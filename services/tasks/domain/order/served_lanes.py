"""Lanes for a part of another lane's work, and whether workers serve them. One that none serves, since all name other lanes, is not
used: its tasks wait in the one before it, unless only a machine that is away serves either."""

from __future__ import annotations

from services.pictures.offers import Offers
from services.pictures.operations import LANES_BEFORE
from services.platform.log import get_logger
from services.tasks.domain.order.workforce import Workforce
from services.tasks.store.lanes import LaneStore

INTERVAL_SECONDS = 5.0
_BATCH = 500
_logger = get_logger()


class ServedLanes:
    """Knows which of these lanes are served, and has tasks wait elsewhere while theirs is not."""

    def __init__(self, offers: Offers, store: LaneStore, workforce: Workforce) -> None:
        self._offers, self._store, self._workforce = offers, store, workforce
        self._served: frozenset[str] = frozenset()

    def or_before(self, lane: str) -> str:
        """The lane, or the one before it while nobody serves it."""
        return lane if lane in self._served or lane not in LANES_BEFORE else LANES_BEFORE[lane]

    async def step(self) -> bool:
        """Look who is served, and move tasks of lanes that nobody serves any more. Returns whether there are more of them."""
        self._served = await self._offers.served(LANES_BEFORE) | {lane for lane in LANES_BEFORE if self._awaited(lane)}
        if not self._workforce.is_known:
            # A machine that serves none but the newer lane may be away: its tasks would not come back.
            return False
        more = False
        for lane, before in LANES_BEFORE.items():
            if lane in self._served:
                continue
            moved = await self._store.move(lane, before, limit=_BATCH)
            if moved:
                _logger.info("tasks_moved", lane=lane, to=before, count=moved)
            more |= moved == _BATCH
        return more

    def _awaited(self, lane: str) -> bool:
        return self._workforce.expected_machine(lane) is not None and not self._workforce.serves(LANES_BEFORE[lane])
