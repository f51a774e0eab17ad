"""The context of a plain operation, besides its input and its parameters. It needs nothing that a child process could not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from services.inference.contract.progress import Report
from services.inference.media import Limits

PlaceInPercent = tuple[float, float, float, float]
"""A rectangle by its left, top, right and bottom edge, in per cent of the width and height of the operation's picture."""


class Notify(Protocol):
    """Adds a `darkroom.tasks.v1.Notice`."""

    def __call__(
        self, code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, boxes: Sequence[PlaceInPercent] = (), /
    ) -> None:
        """`details` says the same in machine-readable form; it must be representable as JSON. `boxes` are the places that it is about; a
        child process cannot pass them on."""


@dataclass(frozen=True, slots=True)
class Original:
    """The picture that the first operation got."""

    width: int
    height: int
    transparent: bool
    """Whether anything of it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainStep:
    """One operation on one input, as the operation sees it."""

    source_name: str
    """Name of the input file; empty when there is none."""
    folder: Path
    """For temporary files; emptied when the input is done."""
    report: Report
    """Reports the fraction of this step that is done, 0 to 1, and the current activity; from any thread."""
    check: Callable[[], None]
    """Raises when the attempt must end; to be called at every natural pause, from any thread."""
    label: Callable[[str], None]
    """Adds a word to the result's name: `portrait.jpg` becomes `portrait-<label>.png`."""
    notice: Notify
    """Sends a notice to the task's owner."""
    result_limits: Limits
    """For pictures that are made."""
    color_profiles: Path | None = None
    """A folder with the operator's CMYK profiles."""
    original: Original | None = None
    """None if it was no picture."""
    trusted_certificates: str = ""
    """Root certificates in PEM, whose content credentials are trusted; for operations that take files."""
    whole: tuple[int, int] | None = None
    """Width and height of the picture where the input has been scaled while it was read, which a resize has to do first."""
