"""A lease ends when the tasks service says so, or when it has not answered for as long as the lease lasts."""

import asyncio
import gc
import threading
import weakref

import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from services.inference.contract.progress import AttemptStop
from services.inference.worker.client import Admission
from services.inference.worker.lease import Lease, Outcome
from services.platform.errors import DarkroomError, ErrorReason
from tests.virtual_time import run_in_virtual_time

AWAY = DarkroomError(ErrorReason.UNAVAILABLE, "away")


class Tasks:
    """Answers heartbeats as told, `answer_seconds` after each, and records them. The last answer is repeated."""

    def __init__(self, *answers: bool | DarkroomError, answer_seconds: float = 0) -> None:
        self._answers = list(answers)
        self._answer_seconds = answer_seconds
        self.heartbeats: list[tuple[float, str]] = []
        self.sent_at: list[float] = []
        self.timeouts: list[float] = []

    async def heartbeat(self, _run: Admission, done: float, message: str, timeout: float) -> bool:
        self.heartbeats.append((done, message))
        self.sent_at.append(asyncio.get_running_loop().time())
        self.timeouts.append(timeout)
        await asyncio.sleep(self._answer_seconds)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, DarkroomError):
            raise answer
        return answer


async def _unheard(_: pb.AttemptEnd) -> bool:
    raise AssertionError


def lease_over(tasks: Tasks, *, lease: float = 60, heartbeat: float = 60, admitted_before: float = 0) -> Lease:
    run = Admission(1, 1, 1, (), (), lease_seconds=lease, heartbeat_seconds=heartbeat, report=_unheard)
    return Lease(tasks, run, asyncio.get_running_loop().time() - admitted_before)


def kept(tasks: Tasks, *, lease: float, heartbeat: float, admitted_before: float = 0) -> float:
    """For how many seconds a lease is kept, in virtual time: those that pass between the events, with none for the work itself."""

    async def keep() -> float:
        await lease_over(tasks, lease=lease, heartbeat=heartbeat, admitted_before=admitted_before).keep()
        return asyncio.get_running_loop().time()

    return run_in_virtual_time(keep())


def test_heartbeats_go_on_until_the_attempt_is_not_current() -> None:
    tasks = Tasks(True, True, False)
    assert kept(tasks, lease=30, heartbeat=5) == pytest.approx(15)
    assert tasks.sent_at == pytest.approx([5, 10, 15])


def test_a_failed_heartbeat_is_repeated_while_the_lease_lasts() -> None:
    tasks = Tasks(AWAY, True, False)
    kept(tasks, lease=30, heartbeat=5)
    first, again, next_ = tasks.sent_at
    assert first == pytest.approx(5)
    assert again - first <= 1
    assert next_ - again == pytest.approx(5)


@pytest.mark.parametrize("lease", [20, 60])
def test_the_lease_is_lost_when_nobody_answers_for_as_long_as_it_lasts(lease: float) -> None:
    tasks = Tasks(AWAY)
    assert kept(tasks, lease=lease, heartbeat=5) == pytest.approx(lease)
    assert len(tasks.sent_at) >= lease - 5


def test_the_time_before_the_admission_was_heard_of_counts() -> None:
    tasks = Tasks(AWAY)
    assert kept(tasks, lease=20, heartbeat=5, admitted_before=12) == pytest.approx(8)


def test_a_lease_that_is_nearly_over_at_the_admission_is_renewed_at_once() -> None:
    tasks = Tasks(True, False)
    assert kept(tasks, lease=6, heartbeat=2, admitted_before=5.2) == pytest.approx(2)
    assert tasks.sent_at == pytest.approx([0, 2])


def test_an_answer_renews_the_lease_from_when_it_was_asked_for() -> None:
    tasks = Tasks(True, AWAY, answer_seconds=2)
    assert kept(tasks, lease=20, heartbeat=5) >= 5 + 20
    assert tasks.sent_at[:2] == pytest.approx([5, 10])
    # No answer is waited for longer than the lease lasts.
    ends = [sent + timeout for sent, timeout in zip(tasks.sent_at, tasks.timeouts, strict=True)]
    assert ends == pytest.approx([20, *[25] * (len(ends) - 1)])


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
    assert progress.state == (0.5, "Again")


def protected(tasks: Tasks, seconds: float, *, closing_at: float = 60) -> tuple[Outcome, float, bool]:
    """How the protection of work of so many seconds ends, after how many, and whether the work was stopped."""
    stopped = False

    async def work(lease: Lease) -> None:
        nonlocal stopped
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            with pytest.raises(AttemptStop):
                lease.progress.check()
            stopped = True
            raise

    async def protect() -> tuple[Outcome, float]:
        lease, closing = lease_over(tasks, lease=30, heartbeat=5), asyncio.Event()
        asyncio.get_running_loop().call_later(closing_at, closing.set)
        outcome = await lease.protect(work(lease), closing)
        ended = asyncio.get_running_loop().time()
        await asyncio.sleep(60)  # nothing of it is left that would interrupt what follows
        return outcome, ended

    return *run_in_virtual_time(protect()), stopped


@pytest.mark.parametrize("seconds", [0, 0.01, 12])
def test_work_under_a_lease_that_lasts_is_done(seconds: float) -> None:
    assert protected(Tasks(True), seconds) == (Outcome.DONE, pytest.approx(seconds), False)


def test_work_stops_when_its_lease_is_lost() -> None:
    outcome, ended, stopped = protected(Tasks(True, False), 40)
    assert (outcome, stopped) == (Outcome.LEASE_LOST, True)
    assert ended == pytest.approx(10, abs=1)


def test_doubt_ends_an_attempt_that_has_just_begun() -> None:
    async def protect() -> tuple[Outcome, float]:
        lease = lease_over(Tasks(False))
        asyncio.get_running_loop().call_later(0.01, lease.verify)
        return await lease.protect(asyncio.sleep(40), asyncio.Event()), asyncio.get_running_loop().time()

    assert run_in_virtual_time(protect()) == (Outcome.LEASE_LOST, pytest.approx(0.01))


def test_work_stops_when_the_worker_closes() -> None:
    assert protected(Tasks(True), 40, closing_at=7) == (Outcome.INTERRUPTED, pytest.approx(7), True)


@pytest.mark.parametrize("seconds", [0.01, 8])
def test_the_failure_of_the_work_goes_on(seconds: float) -> None:
    async def fail() -> None:
        await asyncio.sleep(seconds)
        raise ValueError("the work")

    async def protect() -> None:
        await lease_over(Tasks(True)).protect(fail(), asyncio.Event())

    with pytest.raises(ValueError, match="the work"):
        run_in_virtual_time(protect())


@pytest.mark.parametrize("seconds", [0.01, 8])
def test_who_is_cancelled_is_cancelled(seconds: float) -> None:
    async def cancelled() -> bool:
        protecting = asyncio.create_task(lease_over(Tasks(True)).protect(asyncio.sleep(40), asyncio.Event()))
        await asyncio.sleep(seconds)
        protecting.cancel()
        await asyncio.wait({protecting})
        return protecting.cancelled()

    assert run_in_virtual_time(cancelled())


async def test_a_lease_that_is_over_needs_no_collector() -> None:
    lease = lease_over(Tasks(True))
    known = weakref.ref(lease)
    gc.disable()
    try:
        await lease.protect(asyncio.sleep(0), asyncio.Event())
        del lease
        assert known() is None
    finally:
        gc.enable()
