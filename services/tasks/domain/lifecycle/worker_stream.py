"""One worker's stream on a lane, as this replica sees it: free slots and ends come in, tasks and answers go out."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model import Task
from services.tasks.model.records import Completion

SILENT_SECONDS = 15.0
"""A worker that has said nothing for so long gets no tasks: three times the interval at which it speaks."""
_ANSWER_SECONDS = 0.02
"""Longest time that answers wait for the next message: nobody but the worker's ended attempts waits for them, and a message of their own
would cost as much as that with the next tasks."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempt has failed."""

    reason: ErrorReason
    message: str
    not_before: timedelta
    """Least pause before the next attempt."""
    operation_bytes: Sequence[int] = ()
    """As in `Task`."""


@dataclass(frozen=True, slots=True)
class HandBack:
    """The worker cannot go on."""

    reason: ErrorReason
    message: str


@dataclass(frozen=True, slots=True)
class End:
    """A worker's report about an attempt."""

    task_id: int
    attempt: int
    how: Completion | Failure | HandBack


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an end was that of the current attempt."""

    task_id: int
    attempt: int
    is_accepted: bool


@dataclass(slots=True)
class Outgoing:
    """The content of the next message to the worker."""

    admissions: list[Task] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    standby: dict[int, str] = field(default_factory=dict)
    """Why a worker on standby runs them, by task."""
    short_runs: list[pb.ExchangeResponse] = field(default_factory=list)
    """Messages that hold one each: it would be copied into another."""
    moment: int = 0
    """The newest moment of the worker's clock that had arrived before the leases of the admissions began."""

    def __bool__(self) -> bool:
        return bool(self.admissions or self.answers or self.short_runs or self.moment)


class StreamOwner(Protocol):
    """A stream's requests to its lane."""

    def hear(self, stream: WorkerStream) -> None:
        """Serve the stream: its worker has free slots or ends."""

    def end_earlier(self, stream: WorkerStream, slots: Collection[UUID]) -> None:
        """End the other streams that have these slots: their worker has opened this one, since they are broken."""

    def leave_to_others(self, unsent: Sequence[Task]) -> None:
        """Take back tasks that have not been sent."""

    def forget(self, stream: WorkerStream) -> None:
        """Forget the stream, which has ended."""


class WorkerStream:
    """Opened by the surface, served by the steps of its lane."""

    def __init__(self, lane: StreamOwner, worker: str, *, standby: bool = False, takes_short_runs: bool = False) -> None:
        self._lane, self.worker, self.standby, self.takes_short_runs = lane, worker, standby, takes_short_runs
        self.joined: str | None = None
        """The full name of its worker, if that has joined from another machine."""
        self.opens_files = False
        """Whether its worker can open what this process has open."""
        self._short_runs: dict[bytes, asyncio.Future[pb.ShortRunResult | None]] = {}
        self._loop = asyncio.get_running_loop()
        self.free: deque[UUID] = deque()
        self.again: list[UUID] = []
        """Slots that may have a task already."""
        self.slots: set[UUID] = set()
        """All that have been asked for and got no task, whoever holds them now."""
        self.ends: list[End] = []
        self.moment = 0
        self.draining = self.ended = False
        self._failure: DarkroomError | None = None
        self.heard_at = self._loop.time()
        self.ended_at = math.inf
        self._outgoing = Outgoing()
        self._wake = asyncio.Event()
        self._answering: asyncio.TimerHandle | None = None

    @property
    def takes_tasks(self) -> bool:
        """Whether its worker can be given tasks."""
        return self.present and not self.ended

    @property
    def present(self) -> bool:
        """Whether its worker counts as one that serves the lane: it may open another stream."""
        return not self.draining and self.silence < SILENT_SECONDS

    @property
    def silence(self) -> float:
        """Seconds since its worker's last word."""
        return self._loop.time() - self.heard_at

    async def run(self, message: pb.ExchangeResponse) -> pb.ShortRunResult | None:
        """The result of the one short run in a message; None if the worker has none, or the stream ends first."""
        result: asyncio.Future[pb.ShortRunResult | None] = self._loop.create_future()
        run_id = message.short_runs[0].run_id
        self.slots.discard(UUID(bytes=run_id))
        self._short_runs[run_id] = result
        self._outgoing.short_runs.append(message)
        self._wake.set()
        try:
            return await result
        finally:
            self._short_runs.pop(run_id, None)

    def hear(
        self,
        *,
        free: Sequence[UUID],
        again: Sequence[UUID],
        ends: Sequence[End],
        draining: bool,
        moment: int,
        short_run_ends: Sequence[pb.ShortRunEnd] = (),
    ) -> None:
        """Take in a message of the worker."""
        for short in short_run_ends:
            # One that nobody waits for any more is closed.
            self.opens_files &= not (short.not_opened and short.run_id in self._short_runs)
            self._end_short_run(short.run_id, short.result if short.HasField("result") else None)
        self.heard_at, self.moment = self._loop.time(), moment
        self.ends += ends
        if draining and not self.draining:
            self.draining = True
            self.free.clear()
            self._lane.leave_to_others(self._unsent())
            self._say_nothing()
        if again:
            self._lane.end_earlier(self, again)
        # Tasks given to the slots of a stopping worker are found, and left to others.
        self.again += again
        if not self.draining:
            self.free += free
        self.slots.update(again, free)
        if free or again or ends:
            self._lane.hear(self)
        elif not short_run_ends:
            # It wants to know whether the stream is alive.
            self._say_nothing()

    def give_back(self, run_id: UUID) -> None:
        """A slot that was taken is free after all."""
        self.free.appendleft(run_id)
        self._lane.hear(self)

    def ask_again(self, run_id: UUID) -> None:
        """A slot may have a task, which is found in the database; once the stream has ended, only for the worker's next one."""
        if not self.ended:
            self.again.append(run_id)
            self._lane.hear(self)

    def admit(self, task: Task, moment: int, standby: str = "") -> None:
        """Send a task that one of its slots was given, unless it is too late; `flush` lets it go. `standby`: why it is for a worker on
        standby, if it is."""
        if self.draining or self.ended:
            self._lane.leave_to_others([task])
            return
        if task.run_id is not None:
            self.slots.discard(task.run_id)
        self._outgoing.admissions.append(task)
        if standby:
            self._outgoing.standby[task.id] = standby
        self._outgoing.moment = min(moment, self._outgoing.moment or moment)

    def answer(self, answer: Answer) -> None:
        """Send an answer, with the next message or soon."""
        self._outgoing.answers.append(answer)
        if self._answering is None:
            self._answering = self._loop.call_later(_ANSWER_SECONDS, self.flush)

    def flush(self) -> None:
        """Let everything go that there is to send."""
        if self._outgoing:
            self._wake.set()

    async def outgoing(self) -> Outgoing | None:
        """The next message; None once the stream has ended. Raises what ended it, if that was a failure."""
        while not self.ended:
            await self._wake.wait()
            self._wake.clear()
            if self._outgoing:
                sending, self._outgoing = self._outgoing, Outgoing()
                if self._answering is not None:
                    self._answering.cancel()
                    self._answering = None
                sending.moment = sending.moment or self.moment
                return sending
        if self._failure is not None:
            raise self._failure
        return None

    def end(self, failure: DarkroomError | None = None) -> None:
        """Let the stream end. Unsent tasks are left to others; received ends are still carried out."""
        if self.ended:
            return
        self.ended, self.ended_at, self._failure = True, self._loop.time(), failure
        self._lane.leave_to_others(self._unsent())
        self._lane.forget(self)
        for run_id in self._short_runs:
            self._end_short_run(run_id, None)
        self._wake.set()

    def _end_short_run(self, run_id: bytes, result: pb.ShortRunResult | None) -> None:
        waiting = self._short_runs.get(run_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def _say_nothing(self) -> None:
        """Send a message at once, whatever there is to send."""
        self._outgoing.moment = self._outgoing.moment or self.moment
        self._wake.set()

    def _unsent(self) -> list[Task]:
        unsent, self._outgoing.admissions = self._outgoing.admissions, []
        return unsent


class ReservedSlot:
    """A free slot that is its holder's until one of these methods is called."""

    def __init__(self, stream: WorkerStream, run_id: UUID) -> None:
        self._stream, self.run_id = stream, run_id
        self.worker, self._moment = stream.worker, stream.moment

    def admit(self, task: Task) -> None:
        """Send the worker the task, which has been stored as RUNNING in the slot."""
        self._stream.admit(task, self._moment)
        self._stream.flush()

    def give_back(self) -> None:
        """No task has been stored in the slot."""
        self._stream.give_back(self.run_id)

    def ask_again(self) -> None:
        """Nobody knows whether one has been."""
        self._stream.ask_again(self.run_id)
