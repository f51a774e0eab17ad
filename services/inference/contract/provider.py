"""Providers of pictures, and what any of them is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class GenerationParameters(Protocol):
    """The parameters that all operations which make pictures have in common; unset ones are empty, as protobuf gives them."""

    prompt: str
    negative_prompt: str
    aspect_ratio: str
    resolution: str
    count: int
    keep_reference_size: bool


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What one task asks for, in the words of the operations. None: not given."""

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
        """From the parameters of an operation, and `quality` of one that has it."""
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
class NotApplied:
    """An option that a provider does not have; the pictures are made without it."""

    parameter: str
    """As the owner of the task knows it, such as `resolution`."""
    message: str


class Provider(Protocol):
    """Makes pictures. The same object serves any number of tasks at a time, and holds back what is over its own limit of requests.

    `make` raises CONTENT_REFUSED and PROVIDER_REJECTED for what repeating does not help, PROVIDER_UNAVAILABLE, with the number of seconds
    after which to come back if the provider says it, for what may pass, and OPERATION_UNAVAILABLE for what the operator must repair.
    Cancelling it stops waiting.
    """

    @property
    def most_at_once(self) -> int:
        """The largest number of pictures that one call of `make` gives."""

    async def ready(self) -> bool:
        """Whether tasks may be accepted: everything that can be known before a request is there."""

    def not_applied(self, request: GenerationRequest, references: Sequence[Reference]) -> Sequence[NotApplied]:
        """What of the request `make` leaves out."""

    async def make(self, request: GenerationRequest, references: Sequence[Reference], count: int) -> Sequence[bytes]:
        """1 to `count` encoded pictures; `count` is at most `most_at_once`."""


def _unless_auto(value: str) -> str | None:
    return value if value and value != "auto" else None
