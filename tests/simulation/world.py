"""Chance and time for a simulated system, and the record of what happens in it. Everything follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.simulation.processes import Process, ProcessLoop

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Random delays, and processes that die at a step of theirs."""

    def __init__(self, seed: int, *, traces: bool = False) -> None:
        self.random, self.loop, self.traces = random.Random(seed), ProcessLoop(), traces
        self.record: list[str] = []
        self.is_calm = self.random.random() < 0.15
        """Nothing goes wrong, and everything is quick."""
        self.is_alone = False
        """There is one replica."""
        self.slowness = 1.0 if self.is_calm else self.random.choice((1.0, 1.0, 1.0, 8.0))
        self.doomed: dict[Process, tuple[int, Callable[[], None]]] = {}
        """After how many more steps a process dies."""

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.loop.time()

    def clock(self, skew: float = 0.0) -> Callable[[], datetime]:
        """The clock of a process, some seconds fast."""
        return lambda: _BEGIN + timedelta(seconds=round(self.loop.time() + skew, 6))

    def moment(self) -> datetime:
        """The right time."""
        return _BEGIN + timedelta(seconds=self.loop.time())

    def chance(self, share: float) -> bool:
        """Whether something happens that does in this share of cases."""
        return self.random.random() < share

    def trip(self) -> float:
        """Seconds of a message's way; seldom many."""
        return self._delay(0.0004 * self.slowness, 0.2)

    def work(self) -> float:
        """Seconds of a statement; seldom many."""
        return self._delay(0.0008 * self.slowness, 0.3)

    def _delay(self, usual: float, longest: float) -> float:
        if self.random.random() < 0.007 and not self.is_calm:
            return self.random.uniform(0, longest)
        return min(longest, self.random.expovariate(1 / usual))

    def new_id(self) -> UUID:
        """A random id."""
        return UUID(int=self.random.getrandbits(128))

    def step(self, process: Process, what: str) -> None:
        """A process is between two steps of its work, and dies here if it is its time."""
        if process in self.doomed:
            left, kill = self.doomed[process]
            self.doomed[process] = left - 1, kill
            if left <= 0:
                self.note(f"{process} dies {what}")
                del self.doomed[process]
                kill()

    def note(self, text: str) -> None:
        """Write down what happens, if that is wanted."""
        if self.traces:
            self.record.append(f"{self.now:9.4f} {text}")
