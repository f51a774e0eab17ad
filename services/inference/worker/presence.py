"""The worker's report about itself, for operators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import nats.errors

from darkroom.internal.system.v1 import part_pb2
from services.inference.bundles.managing import Bundles
from services.inference.contract.rates import MeasuredRates
from services.inference.generation.assembly import Offering
from services.inference.worker.client import AttemptClient
from services.platform.bundles import BundleState
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.system_part import OwnPart

ReadModels = Callable[[], Awaitable[Mapping[str, bool]]]
"""The models of the model server, and whether each can be used. Raises UNAVAILABLE."""
_LEAVE_SECONDS = 1.0
_logger = get_logger()


class Board(Protocol):
    """Where a worker says how it is: `WorkerBoard`, or `TasksBoard`."""

    async def tell(self, worker: part_pb2.Worker) -> None:
        """Say it."""

    async def leave(self, name: str) -> None:
        """Say that the worker has ended."""


class TasksBoard:
    """Has the tasks service say it, for a worker that has joined from another machine and has no user of NATS.

    The state of the bundles goes with it, for those who ask about them.
    """

    def __init__(self, client: AttemptClient, bundles: Bundles | None) -> None:
        self._client, self._bundles = client, bundles

    async def tell(self, worker: part_pb2.Worker) -> None:
        """Say it. Raises DarkroomError."""
        states: Sequence[BundleState] = ()
        if self._bundles is not None:
            with suppress(DarkroomError):  # the model server is away
                states = await self._bundles.all()
        await self._client.report_worker(worker, json.dumps([one.model_dump() for one in states]) if states else "")

    async def leave(self, name: str) -> None:
        """Say that the worker has ended. Raises DarkroomError."""
        await self._client.report_worker(part_pb2.Worker(name=name), ended=True)


class Presence:
    """The step of a background loop: announces what is offered, and then how the worker is. `itself` is what does not change; `models` is
    None where no lane needs any."""

    def __init__(
        self,
        board: Board,
        itself: part_pb2.Worker,
        own: OwnPart,
        offering: Offering,
        models: ReadModels | None,
        rates: MeasuredRates,
    ) -> None:
        self._board, self._itself, self._own = board, itself, own
        self._offering, self._models, self._rates = offering, models, rates

    async def step(self) -> bool:
        """Report once; there is never more to do right away."""
        await self._offering.step()
        self._rates.gpu = self._offering.gpu
        worker = part_pb2.Worker(
            process=self._own.process(),
            gpu=self._offering.gpu,
            operations=self._offering.ready,
            configured_operations=self._offering.configured,
            seconds_per_megapixel=self._rates.current if self._models is not None else {},
        )
        worker.MergeFrom(self._itself)
        for name, ready in sorted((await self._found()).items()):
            worker.models.add(name=name, ready=ready)
        await self._board.tell(worker)
        return False

    async def leave(self) -> None:
        """Say that the worker has ended, if that can be said quickly."""
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._board.leave(self._itself.name)
        except (nats.errors.Error, TimeoutError, DarkroomError) as error:
            _logger.info("leaving_not_told", error=repr(error))

    async def _found(self) -> Mapping[str, bool]:
        try:
            return await self._models() if self._models is not None else {}
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            return {}
