"""The context of an operation, besides its input and its parameters."""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.inference.contract.flow import Keeping, NewFile
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.plain_step import PlainStep
from services.inference.contract.provider import Provider
from services.inference.contract.rates import MeasuredRates
from services.inference.credentials.signer import Signer
from services.inference.media import Image, Limits
from services.inference.model_server.triton import Triton
from services.inference.moving.limits import MovingLimits
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, WarmChildren


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The limits of the processes that read one document."""

    memory_bytes: int
    seconds: float
    """For one process: time, and at most as much processor time."""
    page_seconds: float
    """Processor time for each of its pages, and once more for the document. A few kilobytes of forms within forms draw for hours."""

    def of(self, pages: int) -> SandboxLimits:
        """For a process that works on this many pages of a document."""
        processor = min(self.seconds, self.page_seconds * (pages + 1))
        return SandboxLimits(memory_bytes=self.memory_bytes, cpu_seconds=max(1, round(processor)), wall_seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Tools:
    """The shared parts of all operations of a worker."""

    triton: Triton
    sandbox: Sandbox
    models: Models
    picture_limits: Limits
    """For pictures that are read."""
    picture_resources: SandboxLimits
    """For the child process that reads one."""
    result_limits: Limits
    """For pictures that are made."""
    memory: MemoryBudget
    """Memory that all tasks of the worker may use together."""
    documents: DocumentLimits
    rates: MeasuredRates = field(default_factory=lambda: MeasuredRates(os.cpu_count() or 1, math.inf))
    """How long pictures take here, and may take."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    """The configured picture providers, by operation."""
    color_profiles: Path | None = None
    """A folder with the operator's CMYK profiles."""
    credentials: Signer | None = None
    """Signs content credentials; None where nobody does."""
    trusted_certificates: str = ""
    """Root certificates in PEM, whose content credentials are trusted."""
    moving_limits: MovingLimits = field(default_factory=MovingLimits)
    """For animations and videos that are read, and that are made."""
    frames_at_once: int = 0
    """Frames of one that are worked on at the same time; 0: as many as suit the device."""
    warm: WarmChildren | None = None
    """Where short picture work is done; None where all of it is done here."""

    def provider(self, operation: str) -> Provider:
        """The provider of an operation. Raises OPERATION_UNAVAILABLE if there is none: settings changed after the task was accepted."""
        if operation not in self.providers:
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"{operation} is not configured on this installation any more.")
        return self.providers[operation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(PlainStep):
    """One operation on one input, as an operation sees it that is not plain."""

    tools: Tools
    keeping: Keeping
    """Keeps results that are too expensive to make twice."""
    last: bool
    """No further attempt follows this one."""
    auxiliary: Callable[[int], Awaitable[Image]]
    """Decodes an additional picture that the operation's parameters name, by its file id. Raises as reading an input, with the file's
    name."""
    attach: Callable[[NewFile], None] = lambda _file: None
    """Adds a file after the result of an operation on all frames of an animation or a video."""
