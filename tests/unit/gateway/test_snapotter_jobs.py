"""What is told of SnapOtter's jobs: named ones again and again, and running tasks as they say it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.tasks.v1 import task_pb2
from services.gateway.contents import Contents
from services.gateway.surfaces.snapotter.calls import task_events
from services.gateway.surfaces.snapotter.calls.task_events import TaskEvents
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.jobs import progress
from services.gateway.surfaces.snapotter.jobs.events import RESTARTED, Event, complete, content, failure_event, processing
from services.gateway.surfaces.snapotter.jobs.ids import JobIds, JobKind
from services.gateway.surfaces.snapotter.jobs.jobs import Jobs, NamedTask
from services.gateway.surfaces.snapotter.jobs.jobs import ReportedEvent as Kept
from services.gateway.surfaces.snapotter.runs import Runs
from services.platform.bus import Bus
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Client, Identity
from services.platform.rpc.open_calls import OpenCalls
from tests.harness.callers import calling
from tests.harness.open_calls import Replica, Wire

IDS = JobIds(bytes(32))


class Told:
    """A bus that notes what is published, and what has been waited for until it was kept."""

    def __init__(self) -> None:
        self.client = self.jetstream = self
        self.events, self.kept = list[tuple[int, bytes]](), list[bytes]()

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str], timeout: float | None = None) -> None:
        self.events.append((int(headers["Order"]), data))
        if timeout is not None:
            self.kept.append(data)


class Script:
    """Tasks that are read as a script says."""

    def __init__(self, *steps: run_service_pb2.Run | DarkroomError) -> None:
        self.steps, self.asked = list(steps), list[int | None]()

    async def open(self, account_id: int, task_id: int, wait_seconds: int, after: int | None) -> run_service_pb2.Run:
        self.asked.append(after)
        step = self.steps.pop(0)
        if isinstance(step, DarkroomError):
            raise step
        return step


def run(state: task_pb2.TaskState.ValueType, sequence: int, progress: float = 0, message: str = "") -> run_service_pb2.Run:
    return run_service_pb2.Run(task_id=7, state=state, last_sequence=sequence, progress=progress, progress_message=message)


async def events_of(job_id: str, *steps: run_service_pb2.Run | DarkroomError) -> tuple[Sequence[Any], Script]:
    script = Script(*steps)
    return [event async for event in TaskEvents(IDS, cast("Runs", script), cast("Contents", None), {}).of(job_id)], script


async def test_the_last_event_is_repeated_until_the_job_ends() -> None:
    bus = Told()
    async with Jobs(cast("Bus", bus), 0.001).begin("a", processing(), lambda _: failure_event("x")) as job:
        while len(bus.events) < 4:
            await asyncio.sleep(0.001)
        assert len(set(bus.events)) == 1
        await job.tell(processing(50))
        while len(bus.events) < 8:
            await asyncio.sleep(0.001)
        await job.tell(complete({}))
        assert b"complete" in bus.events[-1][1]
        count = len(bus.events)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    # One that was already on its way at the end may follow, and is the same.
    assert len(set(bus.events[count - 1 :])) == 1
    orders = [order for order, _ in bus.events]
    assert orders == sorted(orders)
    assert len(set(bus.events)) == len(set(orders)) == 3
    assert set(bus.kept) == {bus.events[-1][1]}


async def test_what_is_raised_is_told_and_nothing_after_it() -> None:
    bus = Told()
    with pytest.raises(ZeroDivisionError):
        async with Jobs(cast("Bus", bus), 0.001).begin("a", processing(), lambda raised: failure_event(type(raised).__name__)):
            raise ZeroDivisionError
    count = len(bus.events)
    await asyncio.sleep(0.01)
    assert len(bus.events) == count
    assert b'"error":"ZeroDivisionError"' in bus.events[-1][1]


async def test_without_a_name_nobody_is_told() -> None:
    bus = Told()
    async with Jobs(cast("Bus", bus), 0.001).begin("", processing(), lambda _: failure_event("x")) as job:
        await job.tell(complete({}))
    assert bus.events == []


class Quiet:
    """Jobs of which nothing is heard, and the last event of which is kept sooner or later."""

    is_connected = True

    def __init__(self, *kept: Kept | None, names: Sequence[NamedTask | None] = ()) -> None:
        self.readings, self.published, self.names = list(kept), list[bytes](), list(names)

    def news(self, job_id: str) -> Quiet:
        return self

    async def __aenter__(self) -> Quiet:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def next(self) -> Kept:
        return await asyncio.get_running_loop().create_future()

    async def last_event(self, job_id: str) -> Kept | None:
        return self.readings.pop(0) if self.readings else None

    async def find_task(self, job_id: str) -> NamedTask | None:
        return self.names.pop(0) if self.names else None

    async def publish(self, job_id: str, told: Kept) -> None:
        self.published.append(told.data)


class Tasks:
    """One task that is under way and then ends."""

    async def of_task(self, account_id: int, task_id: int) -> AsyncIterator[Event]:
        yield processing(task_id)
        yield complete({"account": account_id})


def kept(order: int, event: Event) -> Kept:
    return Kept(content("a", event), order)


@pytest.mark.parametrize(
    ("readings", "ends"),
    [
        ([None, None, kept(5, complete({}))], [complete({})]),
        ([kept(5, processing()), kept(6, complete({}))], [processing(), complete({})]),
        ([kept(5, processing()), kept(5, processing())], [processing(), failure_event(RESTARTED)]),
        ([None, kept(5, processing()), None], [processing(), failure_event(RESTARTED)]),
    ],
    ids=["missed", "last one missed", "lost", "missed and lost"],
)
async def test_what_was_missed_is_read_later(
    monkeypatch: pytest.MonkeyPatch, readings: Sequence[Kept | None], ends: Sequence[Event]
) -> None:
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.001)
    jobs = Quiet(*readings)
    assert await told_of(jobs) == [*ends]
    assert jobs.published == ([content("a", ends[-1])] if ends[-1] == failure_event(RESTARTED) else [])


@pytest.mark.parametrize(
    ("readings", "names", "follows"),
    [
        ([None], [NamedTask(5, 7, 1)], True),
        ([kept(3, complete({}))], [NamedTask(5, 7, 4)], True),
        ([kept(5, complete({}))], [NamedTask(5, 7, 4)], False),
        ([None, None], [None, NamedTask(5, 7, 9)], True),
        ([kept(3, processing()), kept(3, processing())], [None, NamedTask(5, 7, 9)], True),
    ],
    ids=["before", "again, as a task", "again, as a call", "missed", "begun anew"],
)
async def test_a_task_that_was_named_is_followed_unless_the_name_was_used_again(
    monkeypatch: pytest.MonkeyPatch, readings: Sequence[Kept | None], names: Sequence[NamedTask | None], *, follows: bool
) -> None:
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.001)
    told = await told_of(Quiet(*readings, names=names))
    assert (told[-2:] == [processing(7), complete({"account": 5})]) is follows
    assert told[-1]["phase"] == "complete"


def asked() -> Request:
    path = "/api/v1/jobs/a/progress"
    return Request({"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": []})


async def test_an_address_has_one_limit_at_all_replicas() -> None:
    wire = Wire()
    replicas = [await Replica(wire, 2).started() for _ in range(2)]
    watching = [progress.Progress(cast("Jobs", Quiet()), Tasks(), [], 60, 5, replica.calls) for replica in replicas]

    async def watch(number: int, identity: Identity | None = None) -> AsyncIterator[Any] | None:
        """An open stream of a replica; None if it is refused."""
        try:
            reply = await watching[number].watch(asked(), identity)
        except Refusal as refused:
            assert (refused.status, refused.retry_after) == (503, 5)
            return None
        assert isinstance(reply, StreamingResponse)
        stream = aiter(reply.body_iterator)
        assert await anext(stream) == b":\n\n"
        for replica in replicas:
            await replica.counts.step()
        return stream

    with calling(Identity(0), Client("2001:db8::1")):
        streams = [await watch(0), await watch(1)]
        assert None not in streams
    with calling(Identity(0), Client("2001:db8::2")):
        assert [await watch(0), await watch(1)] == [None, None], "the same network"
    with calling(Identity(0), Client("203.0.113.9")):
        known, raised = Identity(3), Identity(3, max_streams=3)
        streams += [await watch(0), await watch(0, known), await watch(1, known), await watch(1, raised)]
        assert None not in streams
        assert [await watch(0, known), await watch(0, raised)] == [None, None]
    for stream in streams:
        assert isinstance(stream, AsyncGenerator)
        await stream.aclose()
    assert all(not replica.calls.here for replica in replicas)


async def told_of(jobs: Quiet) -> Sequence[Event]:
    """Every event that a watcher of the job `a` gets."""
    reply = await progress.Progress(cast("Jobs", jobs), Tasks(), [], 60, 5, OpenCalls()).watch(asked(), None)
    assert isinstance(reply, StreamingResponse)
    chunks = [chunk async for chunk in reply.body_iterator if isinstance(chunk, bytes)]
    assert chunks[0] == b":\n\n"
    assert all(chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") for chunk in chunks[1:])
    events = [json.loads(chunk[6:]) for chunk in chunks[1:]]
    assert all(event.pop("jobId") == "a" and event.pop("type") == "single" for event in events)
    return events


async def test_a_running_task_is_told_of_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_events, "_AWAY_SECONDS", 0)
    found, script = await events_of(
        IDS.of(5, 7),
        run(task_pb2.TASK_STATE_QUEUED, 1),
        run(task_pb2.TASK_STATE_RUNNING, 3, 0.404, "Downloading"),
        DarkroomError(ErrorReason.UNAVAILABLE, "Away."),
        run(task_pb2.TASK_STATE_RUNNING, 4, 1, "Writing"),
        run(task_pb2.TASK_STATE_FAILED, 5),
    )
    assert found == [processing(0), processing(40, "Downloading"), processing(99, "Writing"), failure_event("The task was cancelled.")]
    assert script.asked == [None, 1, 3, 3, 4]


@pytest.mark.parametrize("job_id", ["x", "00000000-0000-4000-8000-000000000000", IDS.of(5, 7, JobKind.BUNDLE), IDS.of(5, 8)])
async def test_other_ids_are_no_tasks(job_id: str) -> None:
    found, _ = await events_of(job_id, DarkroomError(ErrorReason.TASK_NOT_FOUND, "No such task."))
    assert found == []
