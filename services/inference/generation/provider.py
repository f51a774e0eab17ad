"""Who makes pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.inference.generation.request import GenerationRequest, NotApplied, Reference


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
