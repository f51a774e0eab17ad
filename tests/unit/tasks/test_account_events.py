"""What the stream of an account's events is made of: inboxes that keep only the last change, what a watcher knows, and the events' form."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.tasks.domain.owner.account_inboxes import AccountInbox, AccountInboxes, TaskChange
from services.tasks.domain.owner.account_watching import DeletedTask, Ready, Reset, Resumable, SentState, Update, _last_at
from services.tasks.model.deletion import Deletion
from services.tasks.model.state import TaskState
from services.tasks.surfaces.rest.messages import list_item
from services.tasks.surfaces.rest.status import State, Status, state_of, states_like, status_of
from services.tasks.surfaces.rest.tasks import account_event, event_id, moment_of
from tests.unit.tasks.test_task_pi import TASK

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def test_of_a_task_that_changes_often_an_inbox_has_the_last_change() -> None:
    inbox = AccountInbox()
    for sequence in range(1, 101):
        inbox.put(7, sequence, replace(TASK, id=7, last_sequence=sequence))
        inbox.put(8, sequence)
    # NATS brings it again, and late.
    inbox.put(7, 100)
    inbox.put(7, 3)
    news = inbox.take()
    assert news.changes == {7: TaskChange(100, replace(TASK, id=7, last_sequence=100)), 8: TaskChange(100, None)}
    assert (news.deletions, news.has_gap) == ([], False)
    assert inbox.take().changes == {}


def test_what_this_process_knows_of_a_change_is_preferred() -> None:
    inbox = AccountInbox()
    inbox.put(7, 2)
    inbox.put(7, 2, TASK)
    assert inbox.take().changes == {7: TaskChange(2, TASK)}


def test_an_inbox_that_nobody_empties_says_that_it_has_lost_something() -> None:
    inbox = AccountInbox(most=3)
    for task_id in range(4):
        inbox.put(task_id, 1)
    inbox.delete(Deletion(batch_id=9))
    news = inbox.take()
    assert (news.has_gap, news.changes, news.deletions) == (True, {}, [Deletion(batch_id=9)])
    assert not inbox.take().has_gap


async def test_inboxes_are_those_of_an_account() -> None:
    inboxes = AccountInboxes()
    async with inboxes.inbox(1) as first, inboxes.inbox(1) as second, inboxes.inbox(2) as other:
        inboxes.put(1, 7, 1)
        inboxes.delete(2, Deletion(task_id=8))
        assert [list(inbox.take().changes) for inbox in (first, second, other)] == [[7], [7], []]
        assert sorted(inboxes.account_ids()) == [1, 2]
    assert not inboxes and 1 not in inboxes


def test_what_is_known_is_no_news() -> None:
    known = SentState(most=2)
    assert [known.take(7, sequence) for sequence in (2, 2, 1, 3)] == [True, False, False, True]
    assert known.has(7, 3) and not known.has(7, 4)
    assert [known.take_deletion(Deletion(task_id=number)) for number in (1, 1, 2)] == [True, False, True]
    # What is forgotten is told again, which is harmless.
    known.take(8, 1)
    known.take(9, 1)
    assert known.take(7, 3)


async def test_only_after_the_last_of_several_a_watcher_resumes_from_later() -> None:
    async def updates(count: int) -> AsyncIterator[Update | DeletedTask]:
        for number in range(count):
            yield DeletedTask(NOW, Deletion(task_id=number))

    for count in (0, 1, 3):
        moments = [update.moment async for update in _last_at(LATER, updates(count))]
        assert moments == [NOW] * (count - 1) + [LATER] * min(count, 1)


@pytest.mark.parametrize(
    ("update", "kind", "data"),
    [
        (DeletedTask(NOW, Deletion(task_id=5)), "deleted", {"task_id": "5"}),
        (DeletedTask(NOW, Deletion(batch_id=6)), "deleted", {"batch_id": "6"}),
        (Reset(NOW), "reset", {}),
        (Ready(NOW), "ready", {}),
    ],
)
def test_events_besides_tasks_are_named(update: Resumable, kind: str, data: object) -> None:
    number, name, said, *rest = account_event(update).decode().split("\n")
    assert (number, name, rest) == (f"id: {event_id(NOW)}", f"event: {kind}", ["", ""])
    assert json.loads(said.removeprefix("data: ")) == data


def test_a_task_is_told_as_a_list_shows_it() -> None:
    task = replace(TASK, state=TaskState.RUNNING, attempt=1, progress=0.25, progress_message="a\nb", batch_id=3, last_sequence=4)
    number, said, *_ = account_event(Update(NOW, task)).decode().split("\n")
    item = json.loads(said.removeprefix("data: "))
    assert number == f"id: {event_id(NOW)}"
    assert {"task_id": str(task.id), "state": "running", "status": "Processing", "message": "a\nb", "sequence": 4}.items() <= item.items()
    assert {"batch_id": "3", "input_names": ["a.jpg"], "priority": 0, "notice_count": 0}.items() <= item.items()


def test_ids_are_moments_and_never_later_ones() -> None:
    resumed = moment_of(int(event_id(NOW)))
    assert NOW - timedelta(milliseconds=1) < resumed <= NOW
    assert moment_of(10**15 - 1).year == 9999


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("attempt", [0, 2])
def test_every_state_has_a_name_and_its_filter_finds_it(state: TaskState, attempt: int) -> None:
    named = state_of(state, attempt)
    found = {one for one in State if state in states_like(one)[0] and states_like(one)[1] in (None, attempt > 0)}
    assert found == {named}
    expected = {State.SUCCEEDED: Status.SUCCEEDED, State.FAILED: Status.FAILED, State.CANCELLED: Status.FAILED}
    if named in expected:
        assert status_of(state, attempt) is expected[named]


@pytest.mark.parametrize("state", TaskState)
def test_a_message_is_shown_while_a_task_runs_and_only_then(state: TaskState) -> None:
    item = list_item(replace(TASK, state=state, progress_message="half done"))
    assert (item.HasField("message"), item.message) == ((True, "half done") if state is TaskState.RUNNING else (False, ""))


def test_a_task_that_runs_and_says_nothing_has_no_message() -> None:
    assert not list_item(replace(TASK, state=TaskState.RUNNING, progress_message="")).HasField("message")
