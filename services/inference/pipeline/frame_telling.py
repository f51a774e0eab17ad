"""The progress, notices and labels of work on frames, each for all of them together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.inference.contract.plain_step import Notify, PlaceInPercent
from services.inference.contract.progress import Report, TimeLeft
from services.inference.moving.model import Facts, Frame

_MICROSECONDS = 1000
Telling = tuple[str, str, str, Mapping[str, Any] | None]
"""The arguments of a notice: code, subject, message and details."""


@dataclass(slots=True)
class _Told:
    message: str
    details: Mapping[str, Any] | None
    frames: int | None = 1
    """The number of those of which it is true; None: all together."""


class FrameNotices:
    """Notices about frames, or other `parts` of a file: each once, as the first one had it, and of how many it is true. From any thread."""

    def __init__(self, parts: str = "frames") -> None:
        self._parts = parts
        self._told: dict[tuple[int, str, str, int], _Told] = {}
        self._lock = threading.Lock()

    def of_frame(self, operation: int) -> Notify:
        """Takes the notices of an operation, by its number, about one frame; several may be alike."""
        alike: Counter[tuple[str, str]] = Counter()

        def notice(
            code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, _boxes: Sequence[PlaceInPercent] = (), /
        ) -> None:
            # Places in one frame say nothing about the others.
            with self._lock:
                key = operation, code, subject, alike[code, subject]
                alike[code, subject] += 1
                known = self._told.setdefault(key, _Told(message, details, frames=0))
                known.frames = None if known.frames is None else known.frames + 1

        return notice

    def of_all(self, operation: int) -> Notify:
        """Takes the notices of an operation about all frames together, each kind once."""

        def notice(
            code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, _boxes: Sequence[PlaceInPercent] = (), /
        ) -> None:
            with self._lock:
                self._told.setdefault((operation, code, subject, 0), _Told(message, details, frames=None))

        return notice

    def of_operation(self, operation: int) -> Sequence[Telling]:
        """Those of one operation, by its number."""
        return [
            (code, subject, told.message, told.details) for (number, code, subject, _), told in self._told.items() if number == operation
        ]

    def tell(self, notice: Notify, frames: int) -> None:
        """Pass them on, after so many frames."""
        for (_, code, subject, _), told in self._told.items():
            if told.frames is None or told.frames >= frames:
                notice(code, subject, told.message, told.details)
            else:
                message = f"{told.message} This is true of {told.frames} of {frames} {self._parts}."
                notice(code, subject, message, {**(told.details or {}), "frames": told.frames, "of_frames": frames})


class FrameProgress:
    """How many frames have reached and left each of `operations` operations."""

    def __init__(self, report: Report, facts: Facts, operations: int, at_once: int) -> None:
        self._at_once = at_once
        self._report, self._left = report, TimeLeft()
        self._expected, self._microseconds = facts.frames, facts.milliseconds * _MICROSECONDS
        self._reached, self._done = [0] * operations, [0] * operations
        self._seen_microseconds = 0

    def reach(self, operation: int, frame: Frame) -> None:
        """A frame has reached an operation, by its number."""
        self._reached[operation] += 1
        if operation == 0:
            self._seen_microseconds += frame.microseconds
        self._tell()

    def leave(self, operation: int) -> None:
        """A frame has left it."""
        self._done[operation] += 1
        self._tell()

    def _tell(self) -> None:
        total = self._total()
        if not total:
            self._report(0, f"Frame {self._reached[0]}")
            return
        done = min(1.0, (sum(self._reached) + sum(self._done)) / (2 * len(self._done) * total))
        number = min(total, self._done[-1] + 1)
        words = self._left.words(done)
        if not self._done[0] and self._reached[0] > number + self._at_once:
            # An operation decides something for all frames first.
            self._report(done, f"Looking at frame {self._reached[0]} of {total}{words}")
        else:
            self._report(done, f"Frame {number} of {total}{words}")

    def _total(self) -> int:
        """How many there are; an estimate, where headers say only how long it takes to show them; 0 if unknown."""
        reached = self._reached[0]
        if self._expected or not self._seen_microseconds:
            return max(self._expected, reached)
        return max(reached, round(self._microseconds * reached / self._seen_microseconds))


class FrameLabels:
    """The labels that the operations add to the result's name: each once, in the order of the operations."""

    def __init__(self, operations: int) -> None:
        self._labels: list[dict[str, None]] = [{} for _ in range(operations)]

    def add(self, operation: int, label: str) -> None:
        """Take a label of an operation, by its number; frames of one size have the same."""
        self._labels[operation][label] = None

    @property
    def all(self) -> list[str]:
        """In order."""
        return [label for labels in self._labels for label in labels]
