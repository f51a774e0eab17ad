"""The state module, and what else must agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from darkroom.tasks.v1 import task_pb2
from services.tasks.model.state import OPEN, TERMINAL, TaskState, Transition
from services.tasks.surfaces.rendering import state_number, state_of
from services.tasks.surfaces.rest.status import Status, status_of

TESTS = Path(__file__).resolve().parents[2]
DOCUMENT = TESTS.parent / "docs" / "explanation" / "task-lifecycle.md"


def test_nothing_leaves_a_terminal_state() -> None:
    for transition in Transition:
        assert not transition.value.sources & TERMINAL


def test_every_state_can_be_reached_and_every_open_one_left() -> None:
    assert {transition.value.target for transition in Transition} == set(TaskState)
    assert set().union(*(transition.value.sources for transition in Transition)) == OPEN


def test_the_proto_has_the_same_states() -> None:
    names = {name.removeprefix("TASK_STATE_") for name in task_pb2.TaskState.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}
    assert names == set(TaskState)
    assert [state_of(state_number(state)) for state in TaskState] == list(TaskState)


@pytest.mark.parametrize(
    ("state", "attempt", "status"),
    [
        (TaskState.QUEUED, 0, Status.PENDING),
        (TaskState.RUNNING, 1, Status.PROCESSING),
        (TaskState.QUEUED, 1, Status.PROCESSING),
        (TaskState.RUNNING, 2, Status.PROCESSING),
        (TaskState.SUCCEEDED, 1, Status.SUCCEEDED),
        (TaskState.FAILED, 3, Status.FAILED),
        (TaskState.CANCELLED, 0, Status.FAILED),
        (TaskState.CANCELLED, 1, Status.FAILED),
    ],
)
def test_pilio_sees_four_states(state: TaskState, attempt: int, status: Status) -> None:
    assert status_of(state, attempt) is status


def test_the_document_has_the_same_transitions() -> None:
    text = DOCUMENT.read_text()
    table = re.findall(r"^\| `([A-Z_]+)` \| ([A-Z, ]+) \| ([A-Z]+) \|", text, re.MULTILINE)
    assert {(name, frozenset(sources.split(", ")), target) for name, sources, target in table} == {
        (transition.name, frozenset(transition.value.sources), transition.value.target.value) for transition in Transition
    }
    arrows = re.findall(r"^ +([A-Z]+) --> ([A-Z]+): ([a-z_]+)", text, re.MULTILINE)
    assert {(source, target, name.upper()) for source, target, name in arrows} == {
        (source.value, transition.value.target.value, transition.name) for transition in Transition for source in transition.value.sources
    }


def test_the_document_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text()))
    sources = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)", sources, re.MULTILINE))
    assert len(named) > 20
    assert named <= there
