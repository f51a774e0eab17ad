"""When a worker's stream sends what there is to send."""

import asyncio
from unittest.mock import Mock

import pytest

from services.tasks.domain.lifecycle.worker_stream import Answer, Outgoing, WorkerStream
from tests.virtual_time import run_in_virtual_time

FIRST, SECOND = Answer(1, 1, is_accepted=True), Answer(2, 1, is_accepted=False)


async def after(stream: WorkerStream) -> tuple[Outgoing, float]:
    """The next message, and when it is sent."""
    sent = await stream.outgoing()
    assert sent is not None
    return sent, asyncio.get_running_loop().time()


def test_answers_wait_a_moment_for_each_other() -> None:
    async def answers() -> tuple[Outgoing, float]:
        stream = WorkerStream(Mock(), "w")
        stream.answer(FIRST)
        asyncio.get_running_loop().call_later(0.01, stream.answer, SECOND)
        return await after(stream)

    sent, at = run_in_virtual_time(answers())
    assert sent.answers == [FIRST, SECOND]
    assert 0.01 < at < 0.05


def test_answers_go_with_the_next_tasks() -> None:
    task = Mock(id=7)

    async def tasks() -> list[tuple[Outgoing, float]]:
        stream = WorkerStream(Mock(), "w")
        stream.answer(FIRST)
        stream.admit(task, 5)
        stream.flush()
        together = await after(stream)
        stream.answer(SECOND)
        return [together, await after(stream)]

    (together, at), (alone, later) = run_in_virtual_time(tasks())
    assert (together.answers, together.admissions, at) == ([FIRST], [task], 0)
    assert (alone.answers, later) == ([SECOND], pytest.approx(0.02))
