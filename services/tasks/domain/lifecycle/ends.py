"""Carries out the ends that workers report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.worker_stream import Answer, End, Failure, WorkerStream
from services.tasks.model.records import Completion

_BATCH = 100
"""Tasks that one statement completes."""

_logger = get_logger()


class Ends:
    """Ends of attempts."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def carry_out(self, speaking: Collection[WorkerStream]) -> None:
        """Carry out and answer what workers have reported on these streams. Raises UNAVAILABLE; the streams then end."""
        await or_end(speaking, self._carry_out(speaking))

    async def _carry_out(self, speaking: Collection[WorkerStream]) -> None:
        ends: list[tuple[WorkerStream, End]] = []
        for stream in speaking:
            reported, stream.ends = stream.ends, []
            if reported and stream.joined is not None:
                reported = await self._held(stream, stream.joined, reported)
            ends += ((stream, end) for end in reported)
        if not ends:
            return
        done = [said for said in ends if isinstance(said[1].how, Completion)]
        groups = [done[first : first + _BATCH] for first in range(0, len(done), _BATCH)]
        groups += ([said] for said in ends if not isinstance(said[1].how, Completion))
        results = await asyncio.gather(*(self._end([end for _, end in group]) for group in groups), return_exceptions=True)
        for group, accepted in zip(groups, results, strict=True):
            if isinstance(accepted, BaseException):
                raise accepted
            for (stream, end), result in zip(group, accepted, strict=True):
                stream.answer(Answer(end.task_id, end.attempt, result))

    async def _held(self, stream: WorkerStream, joined: str, ends: Sequence[End]) -> list[End]:
        """The ends of attempts that the joined worker of a stream was given; the others are refused."""
        held = await self._attempts.held_by(joined, [(end.task_id, end.attempt) for end in ends])
        for end in ends:
            if (end.task_id, end.attempt) not in held:
                _logger.warning("end_by_another_worker", task_id=end.task_id, attempt=end.attempt, worker=joined)
                stream.answer(Answer(end.task_id, end.attempt, is_accepted=False))
        return [end for end in ends if (end.task_id, end.attempt) in held]

    async def _end(self, ends: Sequence[End]) -> list[bool]:
        """Whether each was the end of the current attempt; one that fails does not take others with it. Raises UNAVAILABLE."""
        try:
            return await self._end_together(ends)
        except Exception as error:
            if isinstance(error, DarkroomError) and error.reason is ErrorReason.UNAVAILABLE:
                raise
            if len(ends) > 1:
                return [accepted for end in ends for accepted in await self._end([end])]
            _logger.error("end_failed", task_id=ends[0].task_id, attempt=ends[0].attempt, exc_info=error)
            return [False]

    async def _end_together(self, ends: Sequence[End]) -> list[bool]:
        """One end, or many that are completions."""
        end = ends[0]
        match end.how:
            case Completion():
                return await self._attempts.complete([one.how for one in ends if isinstance(one.how, Completion)])
            case Failure(reason, message, not_before, done):
                return [await self._attempts.fail(end.task_id, end.attempt, reason, message, not_before, done)]
            case back:
                return [await self._attempts.hand_back(end.task_id, end.attempt, back.reason, back.message)]


async def or_end(speaking: Collection[WorkerStream], work: Awaitable[None]) -> None:
    """Do what workers have said, or let their streams end: they repeat it on their next ones."""
    try:
        await work
    except Exception as error:
        failure = error if isinstance(error, DarkroomError) else DarkroomError(ErrorReason.UNAVAILABLE, "The stream cannot continue.")
        for stream in speaking:
            stream.end(failure)
        raise
