"""Each guarded statement against every state: what the state module allows happens, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.admission import admit_all
from services.tasks.model import Task
from services.tasks.model.records import LostAttempt, NewTask, NewTasks
from services.tasks.model.state import TaskState, Transition
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, DEADLINE, LEASE, PRICE, TIMEOUT, UNLIMITED, Scene

Attempted = Callable[[Scene, Task], Awaitable[Task | None]]


TRY: dict[Transition, Attempted] = {
    Transition.START: lambda scene, task: scene.start(task),
    Transition.COMPLETE: lambda scene, task: scene.complete(task),
    Transition.RETRY: lambda scene, task: scene.fail(task, attempts_allowed=5),
    Transition.FAIL: lambda scene, task: scene.fail(task, attempts_allowed=1),
    Transition.HAND_BACK: lambda scene, task: scene.hand_back(task),
    Transition.CANCEL: lambda scene, task: scene.cancel(task),
    Transition.EXPIRE: lambda scene, task: scene.expire(task),
}


@pytest.mark.cases(20)
@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("transition", Transition)
async def test_guards_follow_the_state_module(scene: Scene, transition: Transition, state: TaskState) -> None:
    before = await scene.in_state(state)
    moved = await TRY[transition](scene, before)
    after = await scene.now(before)
    if state in transition.value.sources:
        assert moved is not None
        assert after.state is moved.state is transition.value.target
        assert after.last_sequence == before.last_sequence + 1
    else:
        assert moved is None
        assert after == before


@pytest.mark.parametrize("state", TaskState)
async def test_events_are_numbered_without_gaps_and_end_with_the_state(scene: Scene, state: TaskState) -> None:
    task = await scene.in_state(state)
    events = await scene.events(task)
    assert [event.sequence for event in events] == list(range(1, task.last_sequence + 1))
    assert events[0].state is TaskState.QUEUED
    assert events[-1].state is state


@pytest.mark.parametrize("end", [Scene.complete, Scene.fail, Scene.hand_back, Scene.cancel])
async def test_no_event_is_older_than_the_one_before_it(scene: Scene, clock: MovableClock, end: Attempted) -> None:
    """An end that came before a progress, but is stored after it."""
    task = await scene.running()
    clock.advance(1)
    progressed = await scene.progress(task, 0.5)
    clock.advance(-0.5)
    ended = await end(scene, task)
    assert progressed is not None
    assert ended is not None
    assert ended.end_time in (None, progressed.update_time)
    times = [event.time for event in await scene.events(task)]
    assert len(times) >= 4
    assert times == sorted(times)


@pytest.mark.parametrize("state", TaskState)
async def test_a_place_is_freed_exactly_when_a_task_ends(scene: Scene, state: TaskState) -> None:
    await scene.in_state(state)
    new_places = 3 if state.terminal else 2
    for _ in range(new_places):
        await scene.create(max_open=3)
    with pytest.raises(AssertionError):
        await scene.create(max_open=3)


async def test_a_retry_keeps_its_place_and_waits_until_it_is_due(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    retried = await scene.fail(task, run_at=clock() + timedelta(seconds=60))
    assert retried is not None
    assert (retried.state, retried.attempt, retried.end_time) == (TaskState.QUEUED, 1, None)
    assert retried.error_reason is ErrorReason.UNAVAILABLE
    assert await scene.take() == []
    clock.advance(60)
    [again] = await scene.take()
    assert (again.id, again.attempt) == (task.id, 2)
    done = await scene.complete(task, attempt=2)
    assert done is not None
    assert done.error_reason is None


async def test_the_last_attempt_fails_for_good(scene: Scene) -> None:
    task = await scene.running(max_attempts=1)
    failed = await scene.fail(task, attempts_allowed=5)
    assert failed is not None
    assert failed.state is TaskState.FAILED
    assert failed.end_time is not None
    assert (failed.error_reason, failed.error_message) == (ErrorReason.UNAVAILABLE, "It did not work.")


async def test_an_attempt_that_was_handed_back_counts_for_no_limit(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running(max_attempts=1)
    for attempt in (1, 2, 3):
        back = await scene.hand_back(task, attempt)
        assert back is not None
        assert (back.state, back.handed_back, back.run_at) == (TaskState.QUEUED, attempt, clock())
        assert [again.id for again in await scene.take()] == [task.id]
    failed = await scene.fail(task, attempt=4)
    assert failed is not None
    assert failed.state is TaskState.FAILED


async def test_reports_of_an_earlier_attempt_change_nothing(scene: Scene) -> None:
    task = await scene.running()
    await scene.fail(task)
    current = await scene.start(task)
    assert current is not None
    assert await scene.progress(task, 0.5, attempt=1) is None
    assert not await scene.renew(task, attempt=1)
    assert await scene.complete(task, attempt=1) is None
    assert await scene.fail(task, attempt=1) is None
    assert await scene.now(task) == current


async def test_a_task_with_a_destination_ends_once_its_results_are_there(scene: Scene, store: TaskStore) -> None:
    """A worker of a version that knows no destinations reports success without them."""
    task, other = await scene.create(destination="storage://shop/"), await scene.create()
    assert {taken.destination for taken in await scene.take()} == {"", "storage://shop/"}
    assert await scene.complete(task) is None
    assert (await scene.now(task)).state is TaskState.RUNNING
    assert not await store.note_deliveries(task.id, 2, [b"late"])
    assert await store.note_deliveries(task.id, 1, [b"delivery"])
    for each in (task, other):
        assert (await scene.complete(each) or each).state is TaskState.SUCCEEDED
    assert ((await scene.now(task)).deliveries, (await scene.now(other)).deliveries) == ([b"delivery"], ())


async def test_progress_is_an_event_only_if_it_is_news(scene: Scene) -> None:
    task = await scene.running()
    moved = [
        await scene.progress(task, progress, message)
        for progress, message in ((0.2, "tile 1"), (0.2, "tile 1"), (0.205, "tile 1"), (0.205, "tile 2"), (0.5, "tile 2"))
    ]
    assert [step is not None for step in moved] == [True, False, False, True, True]
    events = await scene.events(task)
    assert [(event.progress, event.message) for event in events[2:]] == [(0.2, "tile 1"), (0.205, "tile 2"), (0.5, "tile 2")]


async def test_heartbeats_without_news_renew_the_lease(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    clock.advance(29)
    assert await scene.renew(task)
    clock.advance(29)
    assert await scene.lost() == []
    clock.advance(1)
    assert await scene.lost() == [LostAttempt(task.id, 1, timed_out=False)]


async def test_no_heartbeat_renews_a_lease_beyond_the_attempts_time(scene: Scene, clock: MovableClock) -> None:
    timeout = timedelta(seconds=40)
    task = await scene.running()
    clock.advance(29)
    assert await scene.renew(task, timeout=timeout)
    clock.advance(10.9)
    assert await scene.lost(timeout) == []
    clock.advance(0.1)
    assert await scene.renew(task, timeout=timeout)
    assert await scene.lost(timeout) == [LostAttempt(task.id, 1, timed_out=True)]


async def test_a_heartbeat_in_time_saves_the_attempt_from_the_reaper(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    clock.advance(31)
    assert await scene.renew(task)
    assert await scene.fail(task, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock()) is None
    assert (await scene.now(task)).state is TaskState.RUNNING


async def test_the_same_slot_gets_the_same_task_again_with_a_new_lease(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    assert task.run_id is not None
    clock.advance(20)

    async def held(*run_ids: uuid.UUID) -> list[Task]:
        return await scene.store.renew_leases(run_ids, lease_until=clock() + LEASE, timeout=TIMEOUT)

    [again] = await held(uuid.uuid4(), task.run_id)
    assert (again.id, again.attempt, again.lease_until) == (task.id, 1, clock() + LEASE)
    assert await held(uuid.uuid4()) == []
    await scene.complete(task)
    assert await held(task.run_id) == []


async def test_what_was_asked_for_again_is_not_taken_back(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    assert task.run_id is not None
    clock.advance(1)
    await scene.store.renew_leases([task.run_id], lease_until=clock() + LEASE, timeout=TIMEOUT)
    back = {"reason": ErrorReason.UNAVAILABLE, "message": "Not sent.", "now": clock()}
    assert await scene.store.hand_back(task.id, 1, leased_until=task.lease_until, **back) is None
    assert await scene.store.hand_back(task.id, 1, leased_until=clock() + LEASE, **back) is not None


async def test_history_keeps_every_attempt(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    clock.advance(5)
    await scene.fail(task)
    await scene.start(task)
    clock.advance(7)
    await scene.cancel(task)
    first, second = await scene.store.attempts(task.id)
    assert (first.outcome, first.error_reason, first.worker) == (TaskState.FAILED, ErrorReason.UNAVAILABLE, "worker")
    assert first.end_time is not None
    assert first.end_time - first.start_time == timedelta(seconds=5)
    assert (second.attempt, second.outcome, second.error_reason) == (2, TaskState.CANCELLED, ErrorReason.CANCELLED)


async def test_cancelling_between_attempts_leaves_history_alone(scene: Scene) -> None:
    task = await scene.running()
    await scene.fail(task)
    await scene.cancel(task)
    [only] = await scene.store.attempts(task.id)
    assert only.outcome is TaskState.FAILED


async def test_another_accounts_task_is_as_good_as_none(scene: Scene, store: TaskStore) -> None:
    task = await scene.create()
    assert await store.get(ACCOUNT + 1, task.id) is None
    cancelled = await store.cancel(ACCOUNT + 1, task.id, reason=ErrorReason.CANCELLED, message="", now=scene.clock())
    assert cancelled is None
    assert (await scene.now(task)).state is TaskState.QUEUED


@pytest.mark.parametrize("batch_first", [False, True])
async def test_a_creation_returns_what_it_stored(scene: Scene, store: TaskStore, *, batch_first: bool) -> None:
    first = NewTask(
        id=None,
        index=1,
        lane="system",
        operations=[b"\x22\x00"],
        input_file_ids=[1, 2],
        input_names=["a", "b"],
        later_inputs=[b"later"],
        client_request=b"request",
        destination="storage://shop/",
        list_price_millicredits=PRICE,
        expected_outputs=2,
    )
    other = NewTask(id=None, index=3, lane="other", operations=[], input_file_ids=[], list_price_millicredits=0, expected_outputs=0)
    new = NewTasks(
        account_id=ACCOUNT,
        tasks=[first],
        max_open=1000,
        max_pooled=1000,
        priority=3,
        trace_id="trace",
        max_attempts=4,
        deadline=scene.clock() + DEADLINE,
        deadline_to_start=True,
        webhook_url="https://example.com/",
        notices=[b"notice"],
        surface="surface",
    )
    # The first creation locks the account's row; the others assume how it is.
    for batch in (batch_first, not batch_first, batch_first):
        batch_id, other_id = await store.next_ids(2)
        asked = replace(new, batch_id=batch_id, tasks=[first, replace(other, id=other_id)]) if batch else new
        made = await store.create(asked, partial(admit_all, asked.tasks), terms=UNLIMITED, now=scene.clock())
        assert [task.outbox_events for task in made] == [len(asked.tasks)] * len(asked.tasks)
        assert made == [await store.get(ACCOUNT, task.id) for task in made]


async def test_open_tasks_are_limited_by_account(scene: Scene) -> None:
    await scene.create(max_open=1)
    with pytest.raises(DarkroomError) as refused:
        await scene.try_or_raise(max_open=1)
    assert (refused.value.reason, refused.value.metadata) == (ErrorReason.TOO_MANY_TASKS, {"max_open": "1"})
    await scene.create(max_open=1, account_id=ACCOUNT + 1)


async def test_order_is_priority_then_age(scene: Scene) -> None:
    tasks = [await scene.create(priority=priority) for priority in (0, 5, 0, 5, -1)]
    assert [task.id for task in await scene.take(3)] == [tasks[1].id, tasks[3].id, tasks[0].id]
    assert [task.id for task in await scene.take(1)] == [tasks[2].id]
    assert await scene.take(3, "neural") == []


async def test_pages_follow_each_other_without_loss(scene: Scene, store: TaskStore) -> None:
    tasks = [await scene.create() for _ in range(5)]
    await scene.cancel(tasks[1])
    first = await store.page(ACCOUNT, states=[], before_id=10**15, limit=2)
    await scene.create()
    rest = await store.page(ACCOUNT, states=[], before_id=first[-1].id, limit=10)
    assert [task.id for task in [*first, *rest]] == [task.id for task in reversed(tasks)]
    cancelled = await store.page(ACCOUNT, states=[TaskState.CANCELLED], before_id=10**15, limit=10)
    assert [task.id for task in cancelled] == [tasks[1].id]
