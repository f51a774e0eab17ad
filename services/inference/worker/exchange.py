"""A worker's side of its stream on a lane: asks for tasks for free slots, and reports ends until they are answered."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.inference.worker.client import AttemptClient
from services.platform.backoff import Backoff
from services.platform.log import get_logger

_BEAT_SECONDS = 5.0
"""Longest silence: the service gives no tasks to a worker that says nothing for three times as long, and answers an empty message."""
_SILENT_SECONDS = 15.0
"""After so long without an answer the stream is taken for broken."""
_SPACING = 0.001
"""Least time between two messages: short compared with a task, yet attempts that end in it share the next one."""
_LARGEST = 500
"""Most ends, and most slots, in one message."""
_LARGEST_BYTES = 3 << 20
"""Most bytes of results of short runs in one message; one result has fewer."""
_BACKOFF = Backoff(0.2, 2.0)

_logger = get_logger()
_Stream = grpc.aio.StreamStreamCall[pb.ExchangeRequest, pb.ExchangeResponse]


@dataclass(frozen=True, slots=True)
class _Report:
    end: pb.AttemptEnd
    answer: asyncio.Future[bool]


class Exchange:
    """Keeps one stream to the service open, and opens the next when it breaks.

    On a new stream the slots are asked for `again` that got no task on the ones before, and ends that were not answered are repeated. So
    nothing depends on whether a message was lost.

    `admit` gets each task with what the service says about leases and the moment, by the event loop's clock, from which the task's lease
    counts: the service had not begun the lease before it heard of that moment.
    """

    def __init__(
        self,
        lane: str,
        client: AttemptClient,
        admit: Callable[[pb.Admission, pb.ExchangeResponse, float], None],
        take: Callable[[pb.ShortRun], None] | None = None,
        *,
        standby: bool = False,
    ) -> None:
        """`take` gets short runs, each of which ends with `end_short_run`; None: the lane takes none."""
        self._lane, self._client, self._admit, self._take, self._standby = lane, client, admit, take, standby
        self._short_run_ends: deque[pb.ShortRunEnd] = deque()
        self._loop = asyncio.get_running_loop()
        self._free: list[bytes] = []
        self._again: list[bytes] = []
        self._asked: dict[bytes, None] = {}
        """Slots without a task, said or not."""
        self._unsaid: list[tuple[int, int]] = []
        self._reports: dict[tuple[int, int], _Report] = {}
        self._stopping = False
        self._stopped_at: int | None = None
        self._drained = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._heard_at = 0.0
        self._wake = asyncio.Event()

    def ask(self) -> None:
        """A slot is free."""
        run_id = os.urandom(16)
        self._asked[run_id] = None
        self._free.append(run_id)
        self._wake.set()

    async def report(self, end: pb.AttemptEnd) -> bool:
        """Report an end, and return its answer, on whatever stream that comes. Cancelling it withdraws the report."""
        key, answered = self._tell(end)
        try:
            return await answered
        finally:
            self._forget(key)

    def end_short_run(self, end: pb.ShortRunEnd) -> None:
        """Send what has become of a short run, if the stream on which it came is still open; nobody else waits for it."""
        self._short_run_ends.append(end)
        self._wake.set()

    async def drain(self, seconds: float) -> None:
        """Ask for nothing more; returns once no further task can come, or after that long."""
        self._stopping = True
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drained.wait()

    async def settle(self, seconds: float) -> None:
        """Wait until every end has its answer, or that long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    async def run(self) -> None:
        """Keep a stream open until cancelled."""
        failures = 0
        while True:
            self._begin()
            self._heard_at = opened_at = self._loop.time()
            try:
                await self._use(self._client.exchange())
                failures = 0
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                heard = self._heard_at > opened_at
                failures = 1 if heard else failures + 1
                # A stream ends when tasks restarts, and with the delegation of a worker on another machine: all is well if the next works.
                tell = _logger.info if heard else _logger.warning
                tell("exchange_interrupted", lane=self._lane, error=_told(error), failures=failures)
            await asyncio.sleep(_BACKOFF.pause(max(1, failures)))

    def _begin(self) -> None:
        """Repeat everything that has no answer."""
        self._free, self._again = [], list(self._asked)
        self._unsaid = list(self._reports)
        self._short_run_ends.clear()
        self._stopped_at = None
        self._wake.set()

    async def _use(self, stream: _Stream) -> None:
        saying = asyncio.create_task(self._say(stream))
        try:
            async for response in stream:
                self._heard_at = self._loop.time()
                self._hear(response)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            _logger.warning("exchange_silent", lane=self._lane)
        finally:
            stream.cancel()
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)

    async def _say(self, stream: _Stream) -> None:
        """Send what there is to say, until the stream is over or the service silent."""
        first = True
        while True:
            await self._something_to_say()
            if self._loop.time() - self._heard_at > _SILENT_SECONDS:
                stream.cancel()
                return
            message = self._message()
            if first:
                message.lane, message.worker, message.standby, first = self._lane, self._client.worker, self._standby, False
                message.takes_short_runs, message.opens_files = self._take is not None, self._client.on_this_machine
            try:
                await stream.write(message)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # The reader hears why.
            await asyncio.sleep(_SPACING)

    async def _something_to_say(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_SECONDS):
                await self._wake.wait()

    def _message(self) -> pb.ExchangeRequest:
        message = pb.ExchangeRequest(moment=int(self._loop.time() * 1000))
        if self._stopping:
            message.draining = True
            self._stopped_at = self._stopped_at or message.moment
            self._free = []
        message.again.extend(self._again[:_LARGEST])
        message.free.extend(self._free[:_LARGEST])
        message.ends.extend(self._reports[key].end for key in self._unsaid[:_LARGEST] if key in self._reports)
        self._again, self._free, self._unsaid = self._again[_LARGEST:], self._free[_LARGEST:], self._unsaid[_LARGEST:]
        room = _LARGEST_BYTES
        while self._short_run_ends and (room := room - self._short_run_ends[0].ByteSize()) >= 0:
            message.short_run_ends.append(self._short_run_ends.popleft())
        if not (self._again or self._free or self._unsaid or self._short_run_ends):
            self._wake.clear()
        return message

    def _hear(self, response: pb.ExchangeResponse) -> None:
        for answer in response.answers:
            report = self._reports.get((answer.task_id, answer.attempt))
            if report is not None and not report.answer.done():
                report.answer.set_result(answer.accepted)
            self._forget((answer.task_id, answer.attempt))
        for admission in response.admissions:
            if self._stopping or admission.run_id not in self._asked:
                self._hand_back(admission)
                continue
            del self._asked[admission.run_id]
            self._admit(admission, response, response.moment / 1000)
        for run in response.short_runs:
            if self._take is None or self._stopping or run.run_id not in self._asked:
                self.end_short_run(pb.ShortRunEnd(run_id=run.run_id))
                continue
            del self._asked[run.run_id]
            self._take(run)
        if self._stopped_at is not None and response.moment >= self._stopped_at:
            self._drained.set()

    def _hand_back(self, admission: pb.Admission) -> None:
        """A task for which there is no place: it comes too late."""
        _logger.info("admission_handed_back", lane=self._lane, task_id=admission.task_id, attempt=admission.attempt)
        self._tell(self._client.handed_back(admission.task_id, admission.attempt))

    def _tell(self, end: pb.AttemptEnd) -> tuple[tuple[int, int], asyncio.Future[bool]]:
        key = (end.task_id, end.attempt)
        answered: asyncio.Future[bool] = self._loop.create_future()
        self._reports[key] = _Report(end, answered)
        self._settled.clear()
        self._unsaid.append(key)
        self._wake.set()
        return key, answered

    def _forget(self, key: tuple[int, int]) -> None:
        self._reports.pop(key, None)
        if not self._reports:
            self._settled.set()


def _told(error: Exception) -> str:
    return f"{error.code().name}: {error.details()}" if isinstance(error, grpc.aio.AioRpcError) else repr(error)
