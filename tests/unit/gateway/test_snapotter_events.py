"""Events of SnapOtter's jobs: none is too long, and none is lost for that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.gateway.surfaces.snapotter.jobs.events import (
    RESTARTED,
    BatchState,
    complete,
    content,
    cut_off,
    failure_event,
    is_final,
    processing,
)

MOST = 64 << 10


def read(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.mark.parametrize(
    ("event", "final"),
    [
        (processing(), False),
        (processing(5, "half"), False),
        (complete({}), True),
        (failure_event("x"), True),
        (BatchState(2).event(), False),
        (BatchState(2).final_event(), True),
        (BatchState(0).final_event(), True),
        (BatchState(2).broken("x"), True),
    ],
)
def test_final_ones(event: Any, final: bool) -> None:
    assert is_final(content("a", event)) == final


def test_a_batch_counts_those_that_failed_and_tells_them_in_order() -> None:
    state = BatchState(3, completed_files=2, errors={2: ("c", "bad"), 0: ("a", "worse")}, current="b")
    told = read(content("job", state.event()))
    assert told == {
        "jobId": "job",
        "type": "batch",
        "status": "processing",
        "totalFiles": 3,
        "completedFiles": 2,
        "failedFiles": 2,
        "errors": [{"filename": "a", "error": "worse"}, {"filename": "c", "error": "bad"}],
        "currentFile": "b",
    }
    assert read(content("job", state.final_event()))["status"] == "completed"
    state.errors[1] = "b", "bad, too"
    assert read(content("job", state.final_event()))["status"] == "failed"


@pytest.mark.parametrize("name", ["a.png", "界" * 66, "🎉" * 50])
def test_thousands_of_failures_are_counted_where_they_are_not_named(name: str) -> None:
    count = 3000
    state = BatchState(count, count, {number: (name, "e" * 10_000 if number % 2 else "bad") for number in range(count)})
    data = content("job", state.final_event())
    told = read(data)
    assert len(data) <= MOST
    assert (told["status"], told["failedFiles"]) == ("failed", count)
    *named, rest = told["errors"]
    assert named
    assert rest == {"filename": "", "error": f"{count - len(named)} more"}


def test_long_texts_are_cut_and_long_results_lose_what_is_longest() -> None:
    data = content("job", failure_event("é" * 100_000))
    assert len(data) <= MOST
    assert read(data)["error"].startswith("ééé")
    data = content("job", complete({"downloadUrl": "/x", "faces": ["f" * 100] * 5000, "size": 1}))
    assert len(data) <= MOST
    assert read(data)["result"] == {"downloadUrl": "/x", "size": 1}


def test_a_job_that_was_cut_off_keeps_what_it_was() -> None:
    single = read(cut_off(content("a ü", processing(40, "half"))))
    assert single == {"jobId": "a ü", "type": "single", "phase": "failed", "percent": 100, "error": RESTARTED}
    state = BatchState(9, 4, {1: ("b", "bad")}, "e")
    whole = read(cut_off(content("a", state.event())))
    assert (whole["status"], whole["totalFiles"], whole["completedFiles"], whole["failedFiles"]) == ("failed", 9, 4, 1)
    assert whole["errors"] == [{"filename": "b", "error": "bad"}, {"filename": "e", "error": RESTARTED}]
