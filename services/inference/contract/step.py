"""What an operation is given beside its input and its parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from services.common.errors import DarkroomError, ErrorReason
from services.common.sandbox import Limits as SandboxLimits
from services.common.sandbox import Sandbox
from services.inference.contract.flow import Keeping
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.progress import Report
from services.inference.contract.provider import Provider
from services.inference.media import Image, Limits
from services.inference.model_server.triton import Triton


@dataclass(frozen=True, slots=True)
class Models:
    """Which model does which job."""

    cutout: str
    """Empty: whichever is installed and suits the device."""
    text: str
    """Finds text."""
    upscale: dict[int, str]
    """By factor, 2 to 4."""
    upscale_tile: int
    """Longest side of a tile, in input pixels."""
    inpaint: str = ""
    """Fills what marks have hidden; empty: whichever is installed, and none where none is."""
    upscale_batch: int = 1
    """Tiles in one request."""
    upscale_fine: str = ""
    """A slower one for every factor, where it is quick enough; empty: none."""
    upscale_fine_megapixels: float = 0.0
    """Largest picture that it is given on a processor, in millions of pixels of the input."""
    upscale_face_megapixels: float = 0.0
    """What it is given of a picture's faces on a processor at most, in millions of pixels."""
    reading: str = ""
    """Reads a line of text."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all operations of a worker share."""

    triton: Triton
    sandbox: Sandbox
    models: Models
    picture_limits: Limits
    """Of pictures that are read."""
    picture_resources: SandboxLimits
    """Of the child process that reads one."""
    result_limits: Limits
    """Of pictures that are made."""
    memory: MemoryBudget
    """What all tasks of the worker may take together."""
    document_bytes: int
    """Memory that the process which works on one document may use."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """Who makes pictures, by operation; those that are configured."""

    def provider(self, operation: str) -> Provider:
        """Who serves an operation. Raises OPERATION_UNAVAILABLE if nobody does: the settings have changed since the task was accepted."""
        if operation not in self.providers:
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"{operation} is not configured on this installation any more.")
        return self.providers[operation]


class Notify(Protocol):
    """Adds a `darkroom.tasks.v1.Notice`."""

    def __call__(self, code: str, subject: str, message: str, details: Mapping[str, Any] | None = None, /) -> None:
        """`details` says the same to a program; JSON must be able to hold it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one input, as the operation sees it."""

    tools: Tools
    source_name: str
    """Name of the input file; empty when there is none."""
    folder: Path
    """For temporary files; emptied when the input is done."""
    report: Report
    """Tells the done part of this step, 0 to 1, and what is being done; from any thread."""
    check: Callable[[], None]
    """Raises when the attempt is to end; from any thread, at every natural pause."""
    label: Callable[[str], None]
    """Adds a word to the result's name: `portrait.jpg` becomes `portrait-<label>.png`."""
    notice: Notify
    """Tells the task's owner something."""
    keeping: Keeping
    """For results that are too expensive to make twice."""
    last: bool
    """No further attempt follows this one."""
    auxiliary: Callable[[int], Awaitable[Image]]
    """Decodes a picture that the operation's parameters name beside what it works on, by its file id. Raises as `picture_job.read_picture`,
    with the file's name."""
