"""Operations that work only where the operator has configured something: workers say what they can do, and creation asks.

An offer is the newest message on `OFFERS.<operation>`, which goes by itself when no worker has repeated it for a minute. Both survive a
restart of NATS, so a task is refused because nothing is configured, and not because a process has just started.
"""

from __future__ import annotations

from collections.abc import Collection

import nats.errors
import nats.js.errors

from services.common.bus import OFFERS_STREAM, Bus, offer_subject
from services.common.errors import DarkroomError, ErrorReason
from services.common.operations import OperationSpec

REPEAT_SECONDS = 10.0
"""Pause between two announcements: several fit into an offer's life, so that a busy worker's are not missed."""


class Offers:
    """Announces and looks up offers."""

    def __init__(self, bus: Bus) -> None:
        self._jetstream = bus.jetstream

    async def announce(self, operations: Collection[str]) -> None:
        """Say that this process works on the operations, for the next minute. Raises nats.errors.Error while NATS is away."""
        for name in operations:
            await self._jetstream.publish(offer_subject(name), b"")

    async def require(self, specs: Collection[OperationSpec]) -> None:
        """Raises OPERATION_UNAVAILABLE, saying what to configure, for an operation that needs it and that no worker offers; UNAVAILABLE
        while NATS is away."""
        for spec in specs:
            if spec.needs and not await self._offered(spec.name):
                raise DarkroomError(
                    ErrorReason.OPERATION_UNAVAILABLE,
                    f"{spec.name} is not available on this installation. It needs {spec.needs}, set for the inference service; its workers "
                    "announce it within seconds of their start.",
                )

    async def _offered(self, name: str) -> bool:
        try:
            await self._jetstream.get_last_msg(OFFERS_STREAM, offer_subject(name))
        except nats.js.errors.NotFoundError:
            return False
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.") from error
        return True
