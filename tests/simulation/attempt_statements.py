"""The statements of `services/tasks/store/attempts.py`, and `HELD`, on the model of the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause

from services.tasks.store import attempts, order
from tests.simulation.tables import Row, Tables, Values


def _current(tables: Tables, values: Values) -> Row | None:
    task = tables.tasks.get(values["id"])
    return task if task is not None and task["state"] == "RUNNING" and task["attempt"] == values["attempt"] else None


def _leased(task: Row, values: Values) -> datetime:
    until: datetime = min(values["lease_until"], task["start_time"] + values["timeout"])
    return until


def _held(tables: Tables, values: Values) -> list[Row]:
    held = [task for _, task in sorted(tables.tasks.items()) if task["state"] == "RUNNING" and task["run_id"] in values["run_ids"]]
    for task in held:
        task["lease_until"] = _leased(task, values)
    return [dict(task) for task in held]


def _progress(tables: Tables, values: Values) -> list[Row]:
    task = _current(tables, values)
    if task is None or (abs(task["progress"] - values["progress"]) < values["step"] and task["progress_message"] == values["message"]):
        return []
    task |= {"lease_until": _leased(task, values), "progress": values["progress"], "progress_message": values["message"]}
    task["update_time"] = max(values["now"], task["update_time"])
    outbox = tables.moved([task])
    return [{**task, **outbox}]


def _renew(tables: Tables, values: Values) -> list[Row]:
    task = _current(tables, values)
    if task is None:
        return []
    task["lease_until"] = _leased(task, values)
    return [{"id": task["id"]}]


def _complete(tables: Tables, values: Values) -> list[Row]:
    moved: list[tuple[int, Row]] = []
    for asked in json.loads(values["asked"]):
        task = _current(tables, asked)
        if task is None:
            continue
        at = max(datetime.fromisoformat(asked["now"]), task["update_time"])
        delivered = len(asked["output_file_ids"]) - asked["copies"]
        unchanged = asked["unchanged"] > 0 and asked["unchanged"] >= delivered
        charged = delivered - asked["unchanged"]
        if unchanged:
            charge = 0
        elif charged < task["expected_outputs"]:
            charge = task["reserved_millicredits"] * charged // task["expected_outputs"]
        else:
            charge = task["reserved_millicredits"]
        notices = [bytes.fromhex(text.removeprefix("\\x")) for text in asked["notices"]]
        task |= {"state": "SUCCEEDED", "output_file_ids": asked["output_file_ids"], "notices": task["notices"] + notices}
        task |= {"lease_until": None, "charged_millicredits": charge, "progress": 1.0, "progress_message": "", "error_reason": None}
        task |= {"error_message": None, "operation_bytes": asked["operation_bytes"], "unchanged": unchanged}
        task |= {"update_time": at, "end_time": at}
        moved.append((asked["number"], task))
    if not moved:
        return []
    outbox = tables.moved([task for _, task in moved])
    for _, task in moved:
        tables.attempt_ends(task)
        tables.give_back(task, was_running=True)
    return [{**task, **outbox, "number": number} for number, task in moved]


def _back(tables: Tables, task: Row, values: Values, change: Row) -> list[Row]:
    """The attempt has ended without a result."""
    at = max(values["now"], task["update_time"])
    task |= {"lease_until": None, "progress": 0.0, "progress_message": "", "update_time": at, **change}
    task |= {"error_reason": values["error_reason"], "error_message": values["error_message"]}
    if task["state"] == "FAILED":
        task["end_time"] = at
    outbox = tables.moved([task])
    tables.attempt_ends(task)
    tables.give_back(task, was_running=True)
    return [{**task, **outbox}]


def _fail(tables: Tables, values: Values) -> list[Row]:
    task, ended_by = _current(tables, values), values["lease_ended_by"]
    if task is None or (ended_by is not None and task["lease_until"] > ended_by):
        return []
    again = task["attempt"] - task["handed_back"] < min(task["max_attempts"], values["attempts_allowed"])
    change = {"state": "QUEUED" if again else "FAILED", "run_at": values["run_at"], "operation_bytes": values["operation_bytes"]}
    return _back(tables, task, values, change)


def _hand_back(tables: Tables, values: Values) -> list[Row]:
    task, leased_until = _current(tables, values), values["leased_until"]
    if task is None or (leased_until is not None and task["lease_until"] != leased_until):
        return []
    return _back(tables, task, values, {"state": "QUEUED", "handed_back": task["handed_back"] + 1, "run_at": values["now"]})


def _completed(tables: Tables, values: Values) -> list[Row]:
    task = tables.tasks.get(values["id"])
    return [{}] if task is not None and task["state"] == "SUCCEEDED" and task["attempt"] == values["attempt"] else []


def _lost(tables: Tables, values: Values) -> list[Row]:
    lost = [task for task in tables.tasks.values() if task["state"] == "RUNNING" and task["lease_until"] <= values["now"]]
    lost = sorted(lost, key=lambda task: task["lease_until"])[: values["limit"]]
    return [
        {"id": task["id"], "attempt": task["attempt"], "timed_out": task["lease_until"] >= task["start_time"] + values["timeout"]}
        for task in lost
    ]


def _lost_before(tables: Tables, values: Values) -> list[Any]:
    ended = (tables.attempts.get((values["id"], attempt)) for attempt in range(1, values["attempt"]))
    return [[sum(row is not None and row["error_reason"] == "WORKER_LOST" for row in ended)]]


STATEMENTS: Mapping[TextClause, Callable[[Tables, Values], list[Any]]] = {
    order.HELD: _held,
    attempts.PROGRESS: _progress,
    attempts.RENEW: _renew,
    attempts.COMPLETE: _complete,
    attempts.FAIL: _fail,
    attempts.HAND_BACK: _hand_back,
    attempts.COMPLETED: _completed,
    attempts.LOST: _lost,
    attempts.LOST_BEFORE: _lost_before,
}
