"""Progress of an attempt, reported from any thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from services.pictures.processing_time import in_words

_MESSAGE_LENGTH = 200
_EXPECTATION = 0.1
"""Fraction of the work that the expected time counts as much as, and from which on the time left is known without it."""
_ROUNDING = 1e-6
_LEAST_LEFT = 5.0
"""Seconds."""


class AttemptStop(Exception):
    """Raised in the threads of an attempt that must end."""


class Progress:
    """The fraction of an attempt that is done, 0 to 1, the current activity, and whether to go on.

    `changed` is called, from whichever thread reports, when there is something new. Methods may be called from any thread.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._stopped = False
        self._told = (0.0, "")

    @property
    def state(self) -> tuple[float, str]:
        """The fraction done and the message."""
        return self._told

    def report(self, done: float, message: str) -> None:
        """Report both. The fraction never decreases, since a client's progress bar should not."""
        told = (max(self._told[0], min(1.0, done)), message[:_MESSAGE_LENGTH])
        if told != self._told:
            self._told = told
            self._changed()

    def stop(self) -> None:
        """Make every `check` from now on raise, and call nothing any more: who is called may hold this, too, and without the circle both
        are freed at once."""
        self._stopped, self._changed = True, _do_nothing

    def check(self) -> None:
        """Raises Stopped when the attempt is to end."""
        if self._stopped:
            raise AttemptStop


def _do_nothing() -> None:
    pass


Report = Callable[[float, str], None]
"""Takes the fraction done, 0 to 1, and the current activity."""


class TimeLeft:
    """The time left of work that begins now, by how long a part of it took.

    `expected`: seconds for the work, if known; `later`: for what follows it.
    """

    def __init__(self, expected: float = 0.0, later: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._expected, self._later, self._now, self._began = expected, later, now, now()

    def words(self, done: float) -> str:
        """The end of a message, `, about 40 s left`; nothing while it is not known, or if it is short."""
        # The first part says little, and counts less than what is expected.
        weight = _EXPECTATION if self._expected else 0.0
        if done + weight < _EXPECTATION:
            return ""
        left = (1 - done) * (self._now() - self._began + weight * self._expected) / (done + weight) + self._later
        return f", {in_words(left)} left" if left >= _LEAST_LEFT else ""


def in_parts(report: Report, doing: str, count: int, left: TimeLeft | None = None) -> Callable[[float], None]:
    """Takes the fraction done of work on so many equal parts, which begins now, and reports it: `doing` is `Upscaling tile` for
    `Upscaling tile 3 of 25, about 40 s left`."""
    time_left = left or TimeLeft()
    return lambda done: report(done, f"{doing} {min(count, math.floor(done * count + _ROUNDING) + 1)} of {count}{time_left.words(done)}")


def portion(report: Report, start: float, end: float, prefix: str = "") -> Report:
    """A report for a part of the work that spans `start` to `end` of the whole."""
    return lambda done, message: report(start + (end - start) * min(1.0, max(0.0, done)), prefix + message)
