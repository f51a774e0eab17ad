"""The times of frames in the units of a format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.inference.moving.writing.arriving import Arrived


class Clock:
    """Rounds so that no error adds up, and leaves out frames that would follow too fast for viewers to keep up."""

    def __init__(self, unit: int, least: int, most: int) -> None:
        """`unit` is in microseconds, and `least` and `most` say how many units a frame is shown."""
        self._unit, self._least, self._most = unit, least, most
        self.frames = self.units = self.left_out = 0

    @property
    def milliseconds(self) -> int:
        """How long all frames so far take."""
        return round(self.units * self._unit / 1000)

    def timed(self, frames: Iterable[Arrived]) -> Iterator[tuple[Arrived, int]]:
        """Each frame, and how many units it is shown."""
        held: Arrived | None = None
        since = now = 0
        for frame in frames:
            at = round(now / self._unit)
            now += frame.microseconds
            if held is not None:
                if at - since < self._least:
                    self.left_out += 1
                    continue
                yield self._count(held, at - since)
                since = at
            held = frame
        if held is not None:
            yield self._count(held, round(now / self._unit) - since)

    def _count(self, frame: Arrived, units: int) -> tuple[Arrived, int]:
        shown = min(max(units, self._least), self._most)
        self.frames += 1
        self.units += shown
        return frame, shown
