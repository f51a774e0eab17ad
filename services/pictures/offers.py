"""The announcements of workers: operations that need the operator to configure something, and the lanes that workers may not know yet.

An offer is the newest message on `OFFERS.<operation>` or `OFFERS.lane-<lane>`; it expires when no worker has repeated it for a minute. Both
survive a restart of NATS, so a task is refused only because nothing is configured, not because a process has just started.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors

from darkroom.internal.system.v1 import part_pb2
from services.pictures.operations import LANES_BEFORE, Need, offers_known
from services.platform.bus import OFFERS_STREAM, Bus, offer_subject
from services.platform.errors import DarkroomError, ErrorReason

GPU = "gpu"
"""The part of a worker's announcement, besides operations, about operations whose models run on a GPU."""
REPEAT_SECONDS = 10.0
"""Pause between two announcements: several fit into an offer's lifetime, so that a busy worker's offer does not expire."""


class Offers:
    """Announces and looks up offers."""

    def __init__(self, bus: Bus) -> None:
        self._jetstream = bus.jetstream

    async def announce(self, operations: Collection[str], lanes: Collection[str] = ()) -> None:
        """Offer the operations, and to serve the lanes, for the next minute. Raises nats.errors.Error while NATS is unreachable."""
        for name in (*operations, *map(_of_lane, lanes)):
            await self._jetstream.publish(offer_subject(name), b"")

    async def announce_for(self, worker: part_pb2.Worker) -> None:
        """The same by what a worker says about itself; names that are none are left out."""
        known = [name for name in worker.operations if name in offers_known()]
        await self.announce([*known, *([GPU] if worker.gpu else [])], [lane for lane in worker.slots if lane in LANES_BEFORE])

    async def gpu(self) -> bool:
        """Whether a worker's models run on a GPU. Raises UNAVAILABLE while NATS is unreachable."""
        return await self._offered(GPU)

    async def served(self, lanes: Collection[str]) -> frozenset[str]:
        """Those of the lanes that a worker offers to serve. Raises UNAVAILABLE while NATS is unreachable."""
        with _reaching_nats():
            info = await self._jetstream.stream_info(OFFERS_STREAM, subjects_filter=offer_subject("*"))
        return frozenset(lane for lane in lanes if offer_subject(_of_lane(lane)) in (info.state.subjects or {}))

    async def require(self, name: str, need: Need) -> None:
        """Raise OPERATION_UNAVAILABLE, saying what to configure, unless there is an offer of this name; UNAVAILABLE while NATS is
        unreachable."""
        if not await self._offered(name):
            raise DarkroomError(
                ErrorReason.OPERATION_UNAVAILABLE,
                f"{need.subject} is not available on this installation. It needs {need.text}, set for the inference service; its workers "
                "announce it within seconds of their start.",
            )

    async def _offered(self, name: str) -> bool:
        with _reaching_nats():
            try:
                await self._jetstream.get_last_msg(OFFERS_STREAM, offer_subject(name))
            except nats.js.errors.NotFoundError:
                return False
        return True


@contextmanager
def _reaching_nats() -> Iterator[None]:
    try:
        yield
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
        raise DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.") from error


def _of_lane(lane: str) -> str:
    return f"lane-{lane}"
