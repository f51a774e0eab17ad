"""How long this worker takes for each kind of work: measured, and until then what is usual for its machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from google.protobuf.message import Message

from services.pictures.processing_time import Rates, Way, Work, fitting_way, usual_rates, ways_of

_LEAST_MEGAPIXELS = 0.5
"""A smaller run is not measured: what does not depend on the size would count too much."""
_USUAL_MEGAPIXELS = 4.0
"""The usual rate counts as much as a measurement of so many."""
_HORIZON = 3600.0
"""Seconds after which a measurement counts 1/e."""
_SLOWEST, _FASTEST = 2.0, 0.02
"""Times the usual rate, at most and at least. A machine that was busy for a while must not refuse everything after it."""


class MeasuredRates:
    """The usual rate and the measured ones, weighted by their megapixels and age."""

    def __init__(self, cores: int, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        """Seconds that an operation may take for a picture."""
        self.gpu = False
        """Whether the models run on one."""
        self._cores, self._now = cores, now
        self._sums: dict[str, tuple[float, float, float]] = {}

    @property
    def current(self) -> Rates:
        """Seconds for a megapixel, by kind of work."""
        return {kind: self._rate(kind, usual) for kind, usual in usual_rates(self._cores, gpu=self.gpu).items()}

    def observe(self, kind: str, megapixels: float, seconds: float) -> None:
        """Count a run."""
        if megapixels < _LEAST_MEGAPIXELS:
            return
        before, spent = self._measured(kind)
        self._sums[kind] = before + megapixels, spent + seconds, self._now()

    @contextmanager
    def measuring(self, works: Sequence[Work]) -> Iterator[None]:
        """Count the block, which does all the works, unless it raises. Its time is divided as expected."""
        began = self._now()
        yield
        spent, rates = self._now() - began, self.current
        if expected := Way(works).seconds(rates):
            for work in works:
                self.observe(work.kind, work.megapixels, spent * rates[work.kind] * work.megapixels / expected)

    def fitting_way(self, parameters: Message, width: int, height: int) -> Way:
        """The first way to do an operation that takes no longer than it may. Raises MEDIA_LIMIT_EXCEEDED if none does."""
        return fitting_way(ways_of(parameters, width, height), self.current, self.limit, width, height)

    def steady(self) -> MeasuredRates:
        """These rates as they are now, so that all frames of a file are worked on in the same way; what it measures is counted here."""
        return _Steady(self)

    def _rate(self, kind: str, usual: float) -> float:
        megapixels, seconds = self._measured(kind)
        mean = (usual * _USUAL_MEGAPIXELS + seconds) / (_USUAL_MEGAPIXELS + megapixels)
        return min(_SLOWEST * usual, max(_FASTEST * usual, mean))

    def _measured(self, kind: str) -> tuple[float, float]:
        megapixels, seconds, then = self._sums.get(kind, (0.0, 0.0, 0.0))
        kept = math.exp((then - self._now()) / _HORIZON)
        return megapixels * kept, seconds * kept


class _Steady(MeasuredRates):
    def __init__(self, rates: MeasuredRates) -> None:
        super().__init__(1, rates.limit)
        self.gpu, self._rates, self._now_known = rates.gpu, rates, rates.current

    @property
    def current(self) -> Rates:
        return self._now_known

    def observe(self, kind: str, megapixels: float, seconds: float) -> None:
        self._rates.observe(kind, megapixels, seconds)
