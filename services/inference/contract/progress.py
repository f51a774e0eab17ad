"""Progress of an attempt, reported from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from services.pictures.processing_time import in_words

_MESSAGE_LENGTH = 200
_EXPECTATION = 0.1
"""Fraction of the work that the expected time counts as much as, and from which on the time left is known without it."""
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
        self._stopped = threading.Event()
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
        """Make every `check` from now on raise."""
        self._stopped.set()

    def check(self) -> None:
        """Raises Stopped when the attempt is to end."""
        if self._stopped.is_set():
            raise AttemptStop


Report = Callable[[float, str], None]
"""Takes the fraction done, 0 to 1, and the current activity."""


def by_tile(
    report: Report, doing: str, tiles: int, expected: float = 0.0, later: float = 0.0, now: Callable[[], float] = time.monotonic
) -> Callable[[float], None]:
    """Takes the fraction done of work on so many tiles, which begins now, and reports it as `Upscaling tile 3 of 25, about 40 s left`.

    `expected`: seconds for the work, if known; `later`: for what follows it.
    """
    began = now()

    def tell(done: float) -> None:
        # The first tiles say little, and count less than what is expected.
        weight = _EXPECTATION if expected else 0.0
        known = done + weight >= _EXPECTATION
        left = (1 - done) * (now() - began + weight * expected) / (done + weight) + later if known else 0.0
        words = f", {in_words(left)} left" if left >= _LEAST_LEFT else ""
        report(done, f"{doing} tile {min(tiles, round(done * tiles) + 1)} of {tiles}{words}")

    return tell


def portion(report: Report, start: float, end: float, prefix: str = "") -> Report:
    """A report for a part of the work that spans `start` to `end` of the whole."""
    return lambda done, message: report(start + (end - start) * min(1.0, max(0.0, done)), prefix + message)
