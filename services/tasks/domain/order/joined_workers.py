"""Workers that have joined from other machines: they have no user of NATS, and this service says there for them what others say themselves.

Each may speak for itself alone.
"""

from __future__ import annotations

import time

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import TypeAdapter, ValidationError

from darkroom.internal.system.v1 import part_pb2
from services.pictures.offers import Offers
from services.platform.bundles import STATE_SUBJECT, WORKERS, BundleState, answer
from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.joining import is_process_of, machine_of
from services.platform.worker_board import WorkerBoard

INTERVAL_SECONDS = 10.0
_COUNTS_SECONDS = 60.0
"""How long a report counts, as on the board."""
_bundles = TypeAdapter(list[BundleState])


class JoinedWorkers:
    """Passes on the reports that come to this replica."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._board, self._offers = bus, WorkerBoard(bus), Offers(bus)
        self._answer = b""
        self._answers_until = 0.0
        self._answering: Subscription | None = None

    async def report(self, urn: str, worker: part_pb2.Worker, bundles: str) -> None:
        """Tell others how a worker is, by its full name, and what it offers. Raises FIELD_INVALID, and as `WorkerBoard.tell`."""
        require_own_name(urn, worker.name, "worker.name")
        worker.machine = machine_of(urn)
        try:
            self._board.check(worker)
        except ValueError:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "worker is not a report of a worker.", field="worker") from None
        await self._offers.announce_for(worker)
        await self._board.tell(worker)
        if bundles:
            await self._answer_with(bundles)

    async def leave(self, urn: str, name: str) -> None:
        """Tell others that a worker has ended. Raises as `report`."""
        require_own_name(urn, name, "worker.name")
        await self._board.leave(name)

    async def step(self) -> bool:
        """Answer about bundles no longer once no worker has reported any for a while; there is never more to do right away."""
        if self._answering is not None and time.monotonic() > self._answers_until:
            ended, self._answering = self._answering, None
            await ended.unsubscribe()
        return False

    async def _answer_with(self, bundles: str) -> None:
        try:
            states = _bundles.validate_json(bundles)
        except ValidationError:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "bundles_json is not a list of bundles.", field="bundles_json") from None
        self._answer = answer({"bundles": [one.model_dump() for one in states]})
        self._answers_until = time.monotonic() + _COUNTS_SECONDS
        if self._answering is None:
            self._answering = await self._bus.client.subscribe(STATE_SUBJECT, queue=WORKERS, cb=self._on_request)

    async def _on_request(self, message: Msg) -> None:
        await message.respond(self._answer)


def require_own_name(urn: str, name: str, field: str) -> None:
    """Raise FIELD_INVALID unless a joined worker, by its full name, may call its process so."""
    if not is_process_of(urn, name):
        expected = f"{machine_of(urn)}-PROCESS-RANDOM"
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field} must name the caller: {expected}, such as …-4711-0a1b2c.", field=field)
