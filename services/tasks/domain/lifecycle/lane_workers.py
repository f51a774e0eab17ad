"""The workers of one lane as this replica knows them: which slots are next, and whether anybody serves the lane."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import timedelta
from uuid import UUID

from prometheus_client import Gauge

from services.platform.clock import Clock
from services.platform.wordings import Wordings
from services.tasks.domain.lifecycle.worker_stream import SILENT_SECONDS, WorkerStream
from services.tasks.domain.order.long_waits import LongWaits
from services.tasks.domain.order.workforce import Workforce

LONG_QUEUE = "the queue was long"
MACHINE_AWAY = "{name} was away"
NO_OTHER_WORKER = "no other worker was connected"
STANDBY_REASONS = Wordings({"long_queue": LONG_QUEUE, "machine_away": MACHINE_AWAY, "no_other_worker": NO_OTHER_WORKER})
"""Why a worker on standby runs a task."""

_KEPT_SECONDS = 120.0
"""How long it is known that a worker had a stream here: longer than the board keeps its report."""

_CLOCKS_SECONDS = 2.0
"""By how much the clock of NATS, which dates messages, may be ahead of that of this replica."""

_WORKERS = Gauge(
    "darkroom_lane_workers",
    "1 if a connected worker serves the lane (`here`), or one that is away and comes back (`away`); else 0.",
    ["lane", "state"],
)

Slots = list[tuple[WorkerStream, UUID]]


class LaneWorkers:
    """Those with a stream here are known by their messages on it, others by their reports on the board.

    A worker whose stream has broken or gone silent counts for as long after its last word as it may be silent; one that said that it stops
    does not count from then on. A report of either on the board counts only if it is later, or after its stream has ended: it is alive,
    with a stream to another replica.
    """

    def __init__(self, lane: str, workforce: Workforce, waits: LongWaits, clock: Clock) -> None:
        self._lane, self._workforce, self._waits, self._clock = lane, workforce, waits, clock
        self._streams: dict[WorkerStream, None] = {}
        self._last: dict[str, WorkerStream] = {}

    def add(self, stream: WorkerStream) -> None:
        """A worker has a stream here."""
        self._last = {name: last for name, last in self._last.items() if last in self._streams or last.silence < _KEPT_SECONDS}
        self._streams[stream] = None
        self._last[stream.worker] = stream

    def remove(self, stream: WorkerStream) -> None:
        """It has ended."""
        self._streams.pop(stream, None)

    def others_with(self, stream: WorkerStream, slots: Collection[UUID]) -> list[WorkerStream]:
        """The other streams here that have any of these slots."""
        return [other for other in self._streams if other is not stream and not other.slots.isdisjoint(slots)]

    @property
    def free(self) -> int:
        """Free slots of the streams here."""
        return sum(len(stream.free) for stream in self._streams)

    def is_served(self, *, standby: bool = True) -> bool:
        """Whether a worker serves the lane; without `standby`, one that is not on standby. Until that is known, it is assumed."""
        now = asyncio.get_running_loop().time()
        if self._workforce.unknown or any(stream.present and (standby or not stream.standby) for stream in self._known()):
            return True
        moment = self._clock()
        told_by = {name: min(stream.heard_at + SILENT_SECONDS, stream.ended_at + _CLOCKS_SECONDS) for name, stream in self._last.items()}
        alive = {name: moment - timedelta(seconds=now - told) for name, told in told_by.items()}
        return self._workforce.serves(self._lane, standby=standby, since=alive)

    async def slots(self, limit: int) -> tuple[Slots, str]:
        """Free slots for the lane's next tasks, and why those of workers on standby are, if they are. Raises UNAVAILABLE."""
        if slots := self._some(limit, standby=False):
            return slots, ""
        if not any(self._ready(standby=True)):
            return [], ""
        if not self.is_served(standby=False):
            return self._some(limit, standby=True), self._absence()
        # Whether another task has waited for long is checked again.
        if await self._waits.any(self._lane):
            if slots := self._some(limit, standby=False):
                return slots, ""
            return self._some(1, standby=True), LONG_QUEUE
        return [], ""

    def slot(self) -> tuple[WorkerStream, UUID] | None:
        """A free slot of the idlest worker that is not on standby; None if there is none."""
        return next(iter(self._some(1, standby=False)), None)

    @property
    def has_short_run_slot(self) -> bool:
        """Whether a worker that takes short runs, and is not on standby, has a free slot."""
        return any(self._takes_short_runs())

    def short_run_slot(self) -> tuple[WorkerStream, UUID]:
        """A free slot of the idlest of them."""
        stream = max(self._takes_short_runs(), key=lambda each: len(each.free))
        return stream, stream.free.popleft()

    def _takes_short_runs(self) -> Iterator[WorkerStream]:
        return (stream for stream in self._ready(standby=False) if stream.takes_short_runs)

    def reason(self, stream: WorkerStream) -> str:
        """Why a stream has a task that its worker asks for again; empty if the worker is not on standby."""
        if not stream.standby:
            return ""
        return LONG_QUEUE if self.is_served(standby=False) else self._absence()

    def tell(self) -> None:
        """Report to Prometheus who serves the lane."""
        _WORKERS.labels(self._lane, "here").set(self.is_served())
        _WORKERS.labels(self._lane, "away").set(self._workforce.expected_machine(self._lane) is not None)

    def _absence(self) -> str:
        away = self._workforce.expected_machine(self._lane)
        return MACHINE_AWAY.format(name=away.name) if away is not None else NO_OTHER_WORKER

    def _known(self) -> Iterator[WorkerStream]:
        yield from self._streams
        yield from self._last.values()

    def _ready(self, *, standby: bool) -> Iterator[WorkerStream]:
        return (stream for stream in self._streams if stream.free and stream.takes_tasks and stream.standby == standby)

    def _some(self, limit: int, *, standby: bool) -> Slots:
        """Free slots in turn from each worker, the idlest first, so that the work is shared out."""
        slots: Slots = []
        ready = sorted(self._ready(standby=standby), key=lambda stream: -len(stream.free))
        while ready and len(slots) < limit:
            slots += ((stream, stream.free.popleft()) for stream in ready[: limit - len(slots)])
            ready = [stream for stream in ready if stream.free]
        return slots
