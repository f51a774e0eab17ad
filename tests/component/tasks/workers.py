"""A worker as tasks sees it: one stream on a lane, with everything that has come over it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1.attempt_service_pb2_grpc import AttemptServiceStub


class WorkerDouble:
    """Says what a test tells it to say."""

    def __init__(
        self,
        stream: grpc.aio.StreamStreamCall[pb.ExchangeRequest, pb.ExchangeResponse],
        lane: str,
        name: str,
        *,
        standby: bool,
        takes_short_runs: bool,
        opens_files: bool,
    ) -> None:
        self.stream, self._lane, self._name, self._standby = stream, lane, name, standby
        self._takes_short_runs, self._opens_files = takes_short_runs, opens_files
        self._moment = 0
        self._changed = asyncio.Condition()
        self.responses: list[pb.ExchangeResponse] = []
        self.code: grpc.StatusCode | None = None

    @property
    def admissions(self) -> list[pb.Admission]:
        """What it was given, in order."""
        return [admission for response in self.responses for admission in response.admissions]

    @property
    def short_runs(self) -> list[pb.ShortRun]:
        """Short work that it was given, in order."""
        return [run for response in self.responses for run in response.short_runs]

    async def given_short_runs(self, count: int = 1) -> list[pb.ShortRun]:
        """Wait until it has had so many."""
        await self._until(lambda: len(self.short_runs) >= count)
        return self.short_runs

    @property
    def answers(self) -> dict[int, bool]:
        """By task."""
        return {answer.task_id: answer.accepted for response in self.responses for answer in response.answers}

    async def say(self, **said: object) -> int:
        """Send a message; returns its moment. A stream that has been refused takes none: `over` says why."""
        self._moment += 1
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            message = pb.ExchangeRequest(
                lane=self._lane,
                worker=self._name,
                standby=self._standby,
                takes_short_runs=self._takes_short_runs,
                opens_files=self._opens_files,
                moment=self._moment,
                **said,
            )
            await self.stream.write(message)
        return self._moment

    async def ask(self, slots: int = 1) -> list[bytes]:
        """Say that slots are free."""
        run_ids = [uuid.uuid4().bytes for _ in range(slots)]
        await self.say(free=run_ids)
        return run_ids

    async def given(self, count: int = 1) -> list[pb.Admission]:
        """Wait until it has had so many tasks."""
        await self._until(lambda: len(self.admissions) >= count)
        return self.admissions

    async def succeed(self, *admissions: pb.Admission, slots: int = 0, outputs: tuple[int, ...] = ()) -> None:
        """Report success, and that slots are free."""
        success = pb.AttemptSuccess(output_file_ids=outputs)
        ends = [pb.AttemptEnd(task_id=one.task_id, attempt=one.attempt, success=success) for one in admissions]
        await self.say(ends=ends, free=[uuid.uuid4().bytes for _ in range(slots)])

    async def answered(self, *task_ids: int) -> dict[int, bool]:
        """Wait for the answers about tasks."""
        await self._until(lambda: self.answers.keys() >= set(task_ids))
        return self.answers

    async def heard(self, moment: int) -> None:
        """Wait until the service has heard what was said at a moment, if that was empty or the last."""
        await self._until(lambda: bool(self.responses) and self.responses[-1].moment >= moment)

    async def over(self) -> grpc.StatusCode:
        """Wait until the service has ended the stream, and return how."""
        await self._until(lambda: self.code is not None)
        assert self.code is not None
        return self.code

    async def read(self) -> None:
        """Take in what comes."""
        try:
            async for response in self.stream:
                await self._told(response)
        except grpc.aio.AioRpcError:
            pass
        self.code = await self.stream.code()
        await self._told(None)

    async def _told(self, response: pb.ExchangeResponse | None) -> None:
        async with self._changed:
            if response is not None:
                self.responses.append(response)
            self._changed.notify_all()

    async def _until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(true)


@asynccontextmanager
async def worker_on(
    attempts: AttemptServiceStub,
    metadata: tuple[tuple[str, str], ...],
    lane: str = "system",
    name: str = "w1",
    *,
    standby: bool = False,
    takes_short_runs: bool = False,
    opens_files: bool = False,
) -> AsyncIterator[WorkerDouble]:
    """A worker whose stream is cut when the block ends."""
    stream = attempts.Exchange(metadata=metadata, wait_for_ready=True)
    worker = WorkerDouble(stream, lane, name, standby=standby, takes_short_runs=takes_short_runs, opens_files=opens_files)
    reading = asyncio.create_task(worker.read())
    try:
        yield worker
    finally:
        worker.stream.cancel()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
