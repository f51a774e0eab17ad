"""A lease ends when the tasks service says so, or when it has not answered for as long as the lease lasts."""

import asyncio
import threading

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.common.errors import DarkroomError, ErrorReason
from services.inference.worker.client import Admission
from services.inference.worker.lease import Lease


class Tasks:
    """Answers heartbeats as told, and records them."""

    def __init__(self, *answers: bool | DarkroomError) -> None:
        self._answers = list(answers)
        self.heartbeats: list[tuple[float, str]] = []

    async def heartbeat(self, _run: Admission, done: float, message: str, timeout: float) -> bool:
        assert timeout >= 0
        self.heartbeats.append((done, message))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, DarkroomError):
            raise answer
        return answer


async def _unheard(_: pb.AttemptEnd) -> bool:
    raise AssertionError


def lease_over(tasks: Tasks, *, lease: float = 60, heartbeat: float = 60) -> Lease:
    run = Admission(1, 1, 1, (), (), lease_seconds=lease, heartbeat_seconds=heartbeat, report=_unheard)
    return Lease(tasks, run, asyncio.get_running_loop().time())


async def test_heartbeats_go_on_until_the_attempt_is_not_current() -> None:
    tasks = Tasks(True, True, False)
    await lease_over(tasks, heartbeat=0.01).keep()
    assert len(tasks.heartbeats) == 3


async def test_a_failed_heartbeat_is_repeated_while_the_lease_lasts() -> None:
    tasks = Tasks(DarkroomError(ErrorReason.UNAVAILABLE, "away"), True, False)
    await lease_over(tasks, heartbeat=0.01).keep()
    assert len(tasks.heartbeats) == 3


async def test_the_lease_is_lost_when_nobody_answers_for_as_long_as_it_lasts() -> None:
    tasks = Tasks(DarkroomError(ErrorReason.UNAVAILABLE, "away"))
    async with asyncio.timeout(30):
        await lease_over(tasks, lease=0.5, heartbeat=0.01).keep()
    assert len(tasks.heartbeats) >= 2


async def test_doubt_is_resolved_at_once() -> None:
    tasks = Tasks(False)
    lease = lease_over(tasks)
    keeping = asyncio.create_task(lease.keep())
    lease.verify()
    async with asyncio.timeout(30):
        await keeping


async def test_news_from_a_thread_are_told_before_the_next_heartbeat_is_due() -> None:
    tasks = Tasks(False)
    lease = lease_over(tasks)
    keeping = asyncio.create_task(lease.keep())
    thread = threading.Thread(target=lambda: lease.progress.report(0.4, "Upscaling tile 4 of 10"))
    thread.start()
    async with asyncio.timeout(30):
        await keeping
    assert tasks.heartbeats == [(0.4, "Upscaling tile 4 of 10")]


async def test_progress_never_goes_back() -> None:
    progress = lease_over(Tasks(True)).progress
    progress.report(0.5, "Half")
    progress.report(0.2, "Again")
    assert progress.told == (0.5, "Again")
