"""Pictures of the kinds that users of such tools report as wrongly read, made anew by each run, each with how it must look.

    for file in reported_pictures().values():
        ...

The right look comes from how a file is made, by other libraries than the code under test: never from that code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tests.reported_files import colours, ends, kinds, orientations
from tests.reported_files.making import Made


@dataclass(frozen=True, slots=True)
class ReportedFile:
    """A file, and how it must look."""

    id: str
    extension: str
    content: bytes
    shown: npt.NDArray[np.uint8] | None
    """Height x width x 3 in sRGB, over white; None for a file that must be refused."""
    tolerance: float
    """Most levels that a result is off, on average, before a lossy format adds its own."""
    said: str
    """Part of the notice, or of the refusal, that must come with it."""

    @property
    def name(self) -> str:
        """The name that it is sent under."""
        return f"file.{self.extension}"


@cache
def reported_pictures() -> Mapping[str, ReportedFile]:
    """All of them, by id."""
    return {file.id: file for file in _all()}


def _all() -> Iterator[ReportedFile]:
    for module in (orientations, colours, kinds, ends):
        for name, made in module.files().items():
            yield _reported(name, made)


def _reported(name: str, made: Made) -> ReportedFile:
    return ReportedFile(f"{made.extension}: {name}", made.extension, made.content, made.shown, made.tolerance, made.said)
