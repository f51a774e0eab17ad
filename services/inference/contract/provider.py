"""Providers of pictures, and the requests they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class GenerationParameters(Protocol):
    """The parameters common to all operations that make pictures; unset ones are empty, as in protobuf."""

    prompt: str
    negative_prompt: str
    aspect_ratio: str
    resolution: str
    count: int
    keep_reference_size: bool
    archive: bool


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """The request of one task, in the operations' own terms. None: not given."""

    prompt: str
    negative_prompt: str = ""
    aspect_ratio: str | None = None
    """Such as `16:9`; `auto` is the same as None."""
    resolution: str | None = None
    """0.5K, 1K, 2K or 4K."""
    quality: str | None = None
    """low, medium or high; `auto` is the same as None."""

    @classmethod
    def of(cls, parameters: GenerationParameters, quality: str = "") -> GenerationRequest:
        """Build a request from an operation's parameters, with `quality` if the operation has it."""
        return cls(
            prompt=parameters.prompt,
            negative_prompt=parameters.negative_prompt.strip(),
            aspect_ratio=_unless_auto(parameters.aspect_ratio),
            resolution=parameters.resolution or None,
            quality=_unless_auto(quality),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture to edit or to draw from, encoded for a provider."""

    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class UnsupportedOption:
    """An option that a provider does not support; the pictures are made without it."""

    parameter: str
    """Its name for the task's owner, such as `resolution`."""
    why: str
    """The reason, for programs: one name for each text."""
    message: str
    details: Mapping[str, str | int] = field(default_factory=dict)
    """The arguments of the message."""


class Provider(Protocol):
    """Makes pictures. One object serves any number of tasks at a time, and delays requests over its own limit.

    `make` raises CONTENT_REFUSED and PROVIDER_REJECTED for failures that a retry does not help, PROVIDER_UNAVAILABLE for temporary ones,
    with the number of seconds to wait if the provider gives it, and OPERATION_UNAVAILABLE for what the operator must fix. Cancelling it
    stops the wait.
    """

    @property
    def model(self) -> str:
        """Name of the model that makes the pictures."""

    @property
    def most_at_once(self) -> int:
        """The largest number of pictures that one call of `make` returns."""

    async def ready(self) -> bool:
        """Whether tasks may be accepted, as far as that can be known before a request."""

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[UnsupportedOption]:
        """The options of the request that `make` ignores."""

    async def make(self, request: GenerationRequest, references: Sequence[Reference], count: int) -> Sequence[bytes]:
        """1 to `count` encoded pictures; `count` is at most `most_at_once`."""


def _unless_auto(value: str) -> str | None:
    return value if value and value != "auto" else None
