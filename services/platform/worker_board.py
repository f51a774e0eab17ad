"""The reports of workers about themselves: the newest message of each, on `OFFERS.worker-<name>`, for a minute."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence

import nats.errors
import nats.js.errors
from google.protobuf.message import DecodeError

from darkroom.internal.system.v1 import part_pb2
from services.platform.bus import OFFER_BYTES, OFFERS_STREAM, Bus, offer_subject
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_logger = get_logger()
_PREFIX = offer_subject("worker-")
_LONGEST = 200
_MOST_KINDS = 100
MOST_AWAY_DAYS = 3650
"""For how long the tasks of a machine may wait for it."""
_NO_PART_OF_A_SUBJECT = re.compile(r"[^A-Za-z0-9_-]")


class WorkerBoard:
    """Workers write here, and the tasks service reads."""

    def __init__(self, bus: Bus) -> None:
        self._jetstream = bus.jetstream

    async def tell(self, worker: part_pb2.Worker) -> None:
        """Say how a worker is. Raises nats.errors.Error while NATS is unreachable."""
        await self._jetstream.publish(_subject(worker.name), worker.SerializeToString())

    @staticmethod
    def check(worker: part_pb2.Worker) -> None:
        """Raise ValueError for a report that no worker of ours makes, which readers would leave out."""
        _check(worker, _subject(worker.name))
        if worker.ByteSize() > OFFER_BYTES:
            raise ValueError("too long a report")

    async def leave(self, name: str) -> None:
        """Say that a worker has ended. Raises as `tell`."""
        await self._jetstream.publish(_subject(name), b"")

    async def read(self) -> Sequence[part_pb2.Worker]:
        """The workers that have reported within the last minute and have not ended. Raises UNAVAILABLE while NATS is unreachable."""
        try:
            info = await self._jetstream.stream_info(OFFERS_STREAM, subjects_filter=offer_subject("*"))
            subjects = [subject for subject in info.state.subjects or {} if subject.startswith(_PREFIX)]
            found = await asyncio.gather(*map(self._last, subjects))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.") from error
        return sorted((worker for worker in found if worker is not None), key=lambda worker: worker.name)

    async def _last(self, subject: str) -> part_pb2.Worker | None:
        try:
            message = await self._jetstream.get_last_msg(OFFERS_STREAM, subject)
        except nats.js.errors.NotFoundError:
            return None
        if not message.data:
            return None
        try:
            worker = part_pb2.Worker.FromString(message.data)
            _check(worker, subject)
        except (DecodeError, ValueError):
            # None must hide the others.
            _logger.warning("worker_unreadable", subject=subject, size=len(message.data))
            return None
        if message.time is not None:
            worker.heard_time.FromDatetime(message.time)
        return worker


def _check(worker: part_pb2.Worker, subject: str) -> None:
    """Raise ValueError if our workers send no such report."""
    texts = (worker.name, worker.machine, *worker.slots, *worker.operations, *worker.configured_operations, *worker.seconds_per_megapixel)
    if not (
        _subject(worker.name) == subject
        and 0 <= worker.away_days <= MOST_AWAY_DAYS
        and len(worker.seconds_per_megapixel) <= _MOST_KINDS
        and all(math.isfinite(seconds) and seconds >= 0 for seconds in worker.seconds_per_megapixel.values())
        and all(text.isprintable() and len(text) <= _LONGEST for text in texts)
    ):
        raise ValueError("not a worker's report")


def _subject(name: str) -> str:
    return f"{_PREFIX}{_NO_PART_OF_A_SUBJECT.sub('_', name)}"
