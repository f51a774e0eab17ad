"""When a failed delivery is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

_GROWTH = 2.5
_SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Exponential back-off with ±20 % jitter, so that deliveries that failed together are not retried together.

    By default, 12 attempts after 5 s, 13 s, 31 s, 78 s, 3 min, 8 min, 20 min, 51 min, 2 h, 5 h and 13 h: 22 hours in all.
    """

    max_attempts: int
    base: timedelta
    """The pause after the first attempt."""
    longest_asked: timedelta = timedelta(hours=1)
    """The longest pause that a receiver can ask for with `Retry-After`."""
    uniform: Callable[[float, float], float] = random.uniform

    def pause(self, tries: int, asked: timedelta | None = None) -> timedelta | None:
        """The pause after the failed attempt number `tries`, from 1; None if it was the last. If the receiver `asked` for longer, that is
        used, within the limit."""
        if tries >= self.max_attempts:
            return None
        own = self.base * (_GROWTH ** (tries - 1) * self.uniform(1 - _SPREAD, 1 + _SPREAD))
        return max(own, self.allowed_pause(asked)) if asked is not None else own

    def allowed_pause(self, asked: timedelta) -> timedelta:
        """How long a receiver that asks to be left alone is left alone."""
        return min(asked, self.longest_asked)
