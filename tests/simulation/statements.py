"""The statements of `services/tasks/store` on the model of the database: those that create tasks, choose, start and end them, or look."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause

from services.tasks.store import creation, due, events, order, tasks
from tests.simulation.tables import OPEN, Row, Tables, Values, by_account

_STATE = ("account_id", "open", "pooled", "available_millicredits", "max_open", "unlimited", "multiplier_permille")


def _lock_accounts(tables: Tables, values: Values) -> list[Row]:
    known: dict[int, list[Row]] = {}
    for asked in json.loads(values["keyed"]):
        if (stored := tables.keys.get((asked["account_id"], asked["method"], asked["key"]))) is not None:
            known.setdefault(asked["account_id"], []).append({**stored, "number": asked["number"], "expired": False})
    nothing = {"number": None, "digest": None, "resource_ids": None, "expired": None}
    locked = [{name: tables.policy(account_id)[name] for name in _STATE} for account_id in values["account_ids"]]
    return [row | one for row in locked for one in known.get(row["account_id"], [nothing])]


def _admitted(tables: Tables, values: Values, asked: Sequence[Row], *, running: bool) -> list[Row]:
    """Those tasks whose accounts have room, and now less of it."""
    tables.check_keys(asked)
    assumed = {row["account_id"]: row for row in json.loads(values["assumed"])}
    admitted: list[Row] = []
    for account_id, own in by_account(asked).items():
        policy, seen, count = tables.policies.get(account_id), assumed.get(account_id), len(own)
        if policy is None:
            continue
        held = sum(task["price_millicredits"] for task in own if not task["unlimited"])
        if seen is not None and (
            policy["open"] > seen["open"]
            or min(policy["pooled"], policy["open"]) > seen["pooled"]
            or (held and policy["available_millicredits"] < seen["available_millicredits"])
            or any(policy[name] != seen[name] for name in ("max_open", "unlimited", "multiplier_permille"))
        ):
            continue
        if running:
            if policy["running"] + count > _limit(policy, values["max_running"]):
                continue
            policy["running"] += count
        policy["open"] += count
        policy["pooled"] += sum(task["pooled"] for task in own)
        policy["available_millicredits"] -= held
        policy["reserved_millicredits"] += held
        assert policy["available_millicredits"] >= 0
        admitted += own
    return sorted(admitted, key=lambda task: task["number"])


def _create(tables: Tables, values: Values) -> list[Row]:
    asked = _admitted(tables, values, tables.asked(values), running=False)
    made = tables.create(asked, {"state": "QUEUED", "last_sequence": 0})
    for row in made:
        tables.lane_account(row["lane"], row["account_id"])["queued"] += 1
    outbox = tables.moved(made) if made else {}
    return [{"number": task["number"], "id": task["id"], **outbox} for task in asked]


def _create_started(tables: Tables, values: Values) -> list[Row]:
    asked = [task for task in tables.asked(values) if not tables.waiting(task["lane"])]
    asked = _admitted(tables, values, asked, running=True)
    made = []
    for task in asked:
        [row] = tables.create([task], {"state": "QUEUED", "last_sequence": 1})
        tables.event(row)
        row |= {"state": "RUNNING", "attempt": 1, "run_id": task["run_id"], "lease_until": task["lease_until"], "last_sequence": 2}
        row |= {"start_time": task["now"]}
        tables.event(row)
        tables.attempt_begins(row, task["worker"])
        made.append(row)
    _turns(tables, made)
    named = [(row["id"], number) for row in sorted(made, key=lambda row: row["id"]) for number in (1, 2)]
    outbox = tables.announce(named, max(row["create_time"] for row in made)) if made else {}
    return [{"number": task["number"], "id": task["id"], **outbox} for task in asked]


def _turns(tables: Tables, made: Sequence[Row]) -> None:
    turns: dict[tuple[str, int], int] = {}
    for row in made:
        turns[row["lane"], row["account_id"]] = turns.get((row["lane"], row["account_id"]), 0) + 1
    starts = []
    for (lane, account_id), count in turns.items():
        policy = tables.policies[account_id]
        known, rank = tables.lane_accounts.get((lane, account_id)), policy["priority_class"]
        start = max(known["virtual_time"] if known else 0.0, tables.class_time(lane, rank))
        starts.append((lane, rank, start, count, policy["weight"]))
        place = tables.lane_account(lane, account_id)
        place["virtual_time"] = max(place["virtual_time"], start + count / policy["weight"])
    for lane, rank, start, count, weight in starts:
        tables.advance_class(lane, rank, start + (count - 1) / weight, count)


def _make_due(tables: Tables, values: Values) -> list[Row]:
    lane, now = values["lane"], values["now"]
    waiting = bool(tables.waiting(lane))
    due = [task for task in tables.tasks.values() if _is_retry(task, lane, now)]
    due = sorted(due, key=lambda task: task["run_at"])[: values["limit"]]
    for task in due:
        task["run_at"] = None
        tables.lane_account(lane, task["account_id"])["queued"] += 1
    return [{"waiting": waiting or bool(due)}]


def _is_retry(task: Row, lane: str, now: datetime) -> bool:
    return task["lane"] == lane and task["state"] == "QUEUED" and task["run_at"] is not None and task["run_at"] <= now


def _limit(policy: Row, default: int) -> int:
    limit: int = policy["max_running"] if policy["max_running"] is not None else default
    return limit


def _take(tables: Tables, values: Values) -> list[Row]:
    lane, places, now, default = values["lane"], values["places"], values["now"], values["max_running"]
    waited = [(row["account_id"], row["queued"]) for row in tables.waiting(lane)[: places + 1]]
    candidates: list[tuple[Row, Row, float, int]] = []
    for row in tables.waiting(lane):
        policy = tables.policies[row["account_id"]]
        if policy["running"] < _limit(policy, default) and len(candidates) < places:
            start = max(row["virtual_time"], tables.class_time(lane, row["priority_class"]))
            most = min(row["queued"], _limit(policy, default) - policy["running"], places)
            candidates.append((row, policy, start, most))
    turns = sorted(
        (-row["priority_class"], start + turn / policy["weight"], row["account_id"])
        for row, policy, start, most in candidates
        for turn in range(most)
    )[:places]
    chosen = []
    for row, policy, start, _ in candidates:
        share = sum(account_id == row["account_id"] for _, _, account_id in turns)
        waits = [task for task in tables.tasks.values() if _waits(task, lane, row["account_id"])]
        unlocked = [task for task in waits if task["id"] not in values.get("locked", ())]
        heads = sorted(unlocked, key=lambda task: (-task["priority"], task["id"]))[:share]
        if policy["running"] + len(heads) <= _limit(policy, default):
            policy["running"] += len(heads)
            chosen += [(row, policy["weight"], start + turn / policy["weight"], task) for turn, task in enumerate(heads)]
    chosen.sort(key=lambda one: (-one[0]["priority_class"], one[2], one[0]["account_id"]))
    for (_, _, _, task), run_id, worker in zip(chosen, values["run_ids"], values["workers"], strict=False):
        at = max(now, task["update_time"])
        task |= {"state": "RUNNING", "attempt": task["attempt"] + 1, "run_id": run_id, "lease_until": values["lease_until"]}
        task |= {"progress": 0.0, "progress_message": "", "start_time": at, "update_time": at}
        tables.attempt_begins(task, worker)
    ranks: dict[int, tuple[float, int]] = {}
    for row, weight, tag, _ in chosen:
        row["queued"], row["virtual_time"] = row["queued"] - 1, tag + 1 / weight
        latest, count = ranks.get(row["priority_class"], (tag, 0))
        ranks[row["priority_class"]] = max(latest, tag), count + 1
    for rank, (latest, count) in ranks.items():
        tables.advance_class(lane, rank, latest, count)
    started = [task for *_, task in chosen]
    more_wait = any(queued > sum(task["account_id"] == account_id for task in started) for account_id, queued in waited)
    if not started:
        return [{"id": None, "more_wait": more_wait}]
    outbox = tables.moved(started)
    return [{**task, **outbox, "more_wait": more_wait} for task in started]


def _waits(task: Row, lane: str, account_id: int) -> bool:
    return bool(task["account_id"] == account_id and task["lane"] == lane and task["state"] == "QUEUED" and task["run_at"] is None)


def _due(tables: Tables, values: Values) -> list[Row]:
    now, rows = values["now"], tables.tasks.values()
    lanes = [lane for lane in values["lanes"] if tables.waiting(lane) or any(_is_retry(task, lane, now) for task in rows)]
    return [
        {
            "lanes": lanes,
            "has_events": any((row["retry_at"] or row["time"]) <= values["events_until"] for row in tables.outbox.values()),
            "has_leases": any(task["state"] == "RUNNING" and task["lease_until"] <= now for task in rows),
            "has_deadlines": any(_is_late(task, now) and task["end_time"] is None for task in rows),
            "has_deliveries": False,
            "has_retries": any(task["state"] == "QUEUED" and task["run_at"] is not None for task in rows),
        }
    ]


def _is_late(task: Row, now: datetime) -> bool:
    return task["deadline"] is not None and task["deadline"] <= now and (task["attempt"] == 0 or not task["deadline_to_start"])


def _overdue(tables: Tables, values: Values) -> list[Row]:
    late = [task for task in tables.tasks.values() if _is_late(task, values["now"]) and task["end_time"] is None]
    late = sorted(late, key=lambda task: task["deadline"])[: values["limit"]]
    return [{"id": task["id"], "to_start": bool(task["deadline_to_start"])} for task in late]


def _end_anywhere(state: str, guard: Callable[[Row, Values], bool]) -> Callable[[Tables, Values], list[Row]]:
    def end(tables: Tables, values: Values) -> list[Row]:
        task = tables.tasks.get(values["id"])
        if task is None or task["state"] not in OPEN or not guard(task, values):
            return []
        was_running, waited = task["state"] == "RUNNING", task["state"] == "QUEUED" and task["run_at"] is None
        at = max(values["now"], task["update_time"])
        task |= {"state": state, "lease_until": None, "run_at": None, "update_time": at, "end_time": at}
        task |= {"error_reason": values["error_reason"], "error_message": values["error_message"]}
        outbox = tables.moved([task])
        tables.attempt_ends(task)
        tables.give_back(task, was_running=was_running)
        if waited:
            tables.lane_account(task["lane"], task["account_id"])["queued"] -= 1
        return [{**task, **outbox}]

    return end


def _get(tables: Tables, values: Values) -> list[Row]:
    task = tables.tasks.get(values["id"])
    return [dict(task)] if task is not None and task["account_id"] == values["account_id"] else []


def _take_events(tables: Tables, values: Values) -> list[Row]:
    due = [row for _, row in sorted(tables.outbox.items()) if (row["retry_at"] or row["time"]) <= values["now"]][: values["limit"]]
    found: list[Row] = []
    for row in due:
        row["retry_at"] = values["retry_at"]
        for task_id, number in row["named"]:
            task = tables.tasks[task_id]
            event = tables.events[task_id, number]
            outputs = task["output_file_ids"] if event["state"] == "SUCCEEDED" else []
            of_task = {"account_id": task["account_id"], "trace_id": task["trace_id"], "output_file_ids": outputs}
            found.append({"outbox_id": row["id"], "outbox_events": len(row["named"]), **event, **of_task})
    return sorted(found, key=lambda row: (row["task_id"], row["sequence"]))


def _events_relayed(tables: Tables, values: Values) -> list[Row]:
    for outbox_id in values["ids"]:
        tables.outbox.pop(outbox_id, None)
    return []


STATEMENTS: Mapping[TextClause, Callable[[Tables, Values], list[Any]]] = {
    creation.NEXT_IDS: lambda tables, values: [{"id": next(tables.ids)} for _ in range(values["count"])],
    creation.LOCK_ACCOUNTS: _lock_accounts,
    creation.CREATE: _create,
    creation.CREATE_STARTED: _create_started,
    order.MAKE_DUE: _make_due,
    order.TAKE: _take,
    due.DUE: _due,
    tasks.OVERDUE: _overdue,
    tasks.CANCEL: _end_anywhere("CANCELLED", lambda task, values: task["account_id"] == values["account_id"]),
    tasks.EXPIRE: _end_anywhere("FAILED", lambda task, values: _is_late(task, values["now"])),
    tasks.GET: _get,
    events.TAKE_EVENTS: _take_events,
    events.EVENTS_RELAYED: _events_relayed,
}
"""Those of attempts are in `attempt_statements.py`."""
