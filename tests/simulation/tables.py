"""A model of the tasks database: its tables in memory, and what every transition has in common.

A statement happens at one instant here. `test_simulated_database.py` compares each with PostgreSQL's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg

Row = dict[str, Any]
Values = Mapping[str, Any]

OPEN = ("QUEUED", "RUNNING")
_EMPTY: Row = {
    "output_file_ids": [], "notices": [], "charged_millicredits": 0, "attempt": 0, "handed_back": 0, "run_at": None, "run_id": None,
    "lease_until": None, "progress": 0.0, "progress_message": "", "error_reason": None, "error_message": None, "start_time": None,
    "end_time": None, "operation_bytes": None, "unchanged": False, "deliveries": None,
}  # fmt: skip
_ASKED = (
    "account_id", "lane", "priority", "trace_id", "operations", "input_file_ids", "input_names", "notices", "price_millicredits",
    "multiplier_permille", "unlimited", "expected_outputs", "max_attempts", "deadline", "pooled", "webhook_url", "batch_id", "batch_index",
    "surface", "client_request", "later_inputs", "deadline_to_start", "destination",
)  # fmt: skip


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\x"))


_CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "now": datetime.fromisoformat, "deadline": datetime.fromisoformat, "lease_until": datetime.fromisoformat,
    "idempotency_expire_time": datetime.fromisoformat, "run_id": UUID,
    "operations": lambda texts: [_bytes(text) for text in texts], "notices": lambda texts: [_bytes(text) for text in texts],
    "idempotency_digest": _bytes, "client_request": _bytes,
}  # fmt: skip


class Tables:
    """The rows. Methods are parts of statements, named as in `services/tasks/store`."""

    def __init__(self) -> None:
        self.tasks: dict[int, Row] = {}
        self.events: dict[tuple[int, int], Row] = {}
        self.outbox: dict[int, Row] = {}
        self.attempts: dict[tuple[int, int], Row] = {}
        self.policies: dict[int, Row] = {}
        self.lane_accounts: dict[tuple[str, int], Row] = {}
        self.lane_classes: dict[tuple[str, int], Row] = {}
        self.ledger: dict[tuple[int, str], Row] = {}
        self.keys: dict[tuple[int, str, str], Row] = {}
        self.ids, self._outbox_ids = count(1), count(1)

    def policy(self, account_id: int) -> Row:
        """The account's row, which is made if need be."""
        return self.policies.setdefault(
            account_id,
            {
                "account_id": account_id, "open": 0, "max_open": None, "pooled": 0, "running": 0, "max_running": None, "weight": 1.0,
                "priority_class": 0, "available_millicredits": 0, "reserved_millicredits": 0, "unlimited": None,
                "multiplier_permille": None,
            },
        )  # fmt: skip

    def lane_account(self, lane: str, account_id: int) -> Row:
        """The account's place in a lane, which is made if need be."""
        made = {"lane": lane, "account_id": account_id, "priority_class": self.policies[account_id]["priority_class"]}
        return self.lane_accounts.setdefault((lane, account_id), {**made, "queued": 0, "virtual_time": 0.0})

    def waiting(self, lane: str) -> list[Row]:
        """The accounts whose tasks wait in a lane, in the order of their turns."""
        rows = [row for row in self.lane_accounts.values() if row["lane"] == lane and row["queued"] > 0]
        return sorted(rows, key=lambda row: (-row["priority_class"], row["virtual_time"], row["account_id"]))

    def class_time(self, lane: str, priority_class: int) -> float:
        """The virtual time of a class of accounts."""
        row = self.lane_classes.get((lane, priority_class))
        return row["virtual_time"] if row is not None else 0.0

    def advance_class(self, lane: str, priority_class: int, virtual_time: float, turns: int) -> None:
        """A class of accounts has had turns."""
        row = self.lane_classes.setdefault(
            (lane, priority_class), {"lane": lane, "priority_class": priority_class, "virtual_time": virtual_time, "dispatched": 0}
        )
        row["virtual_time"], row["dispatched"] = max(row["virtual_time"], virtual_time), row["dispatched"] + turns

    def enter(self, task: Row, kind: str, amount: int, time: datetime) -> None:
        """An entry in the ledger: one of a kind for a task."""
        if amount <= 0:
            return
        if (task["id"], kind) in self.ledger:
            raise unique("ledger_entry_once_a_task")
        self.ledger[task["id"], kind] = {"account_id": task["account_id"], "amount_millicredits": amount, "time": time}

    def event(self, task: Row) -> None:
        """The event of a task's newest change."""
        key = task["id"], task["last_sequence"]
        if key in self.events:
            raise unique("task_event_pkey")
        self.events[key] = {
            "task_id": task["id"], "sequence": task["last_sequence"], "state": task["state"], "attempt": task["attempt"],
            "progress": task["progress"], "message": task["progress_message"], "error_reason": task["error_reason"],
            "error_message": task["error_message"], "time": task["update_time"], "unchanged": task["unchanged"],
        }  # fmt: skip

    def announce(self, named: Sequence[tuple[int, int]], time: datetime) -> Row:
        """The row of the outbox that names events."""
        outbox_id = next(self._outbox_ids)
        self.outbox[outbox_id] = {"id": outbox_id, "named": named, "time": time, "retry_at": None}
        return {"outbox_id": outbox_id, "outbox_events": len(named)}

    def moved(self, tasks: Sequence[Row]) -> Row:
        """Tasks have made a transition, or have news: `EVENT`."""
        for task in tasks:
            task["last_sequence"] += 1
            self.event(task)
        return self.announce([(task["id"], task["last_sequence"]) for task in tasks], max(task["update_time"] for task in tasks))

    def attempt_begins(self, task: Row, worker: str) -> None:
        """`ATTEMPT_BEGINS`."""
        key = task["id"], task["attempt"]
        if key in self.attempts:
            raise unique("task_attempt_pkey")
        self.attempts[key] = {
            "task_id": task["id"], "attempt": task["attempt"], "run_id": task["run_id"], "worker": worker,
            "start_time": task["start_time"], "end_time": None, "outcome": None, "error_reason": None,
        }  # fmt: skip

    def attempt_ends(self, task: Row) -> None:
        """`ATTEMPT_ENDS`."""
        if task["attempt"] > 0 and self.attempts[task["id"], task["attempt"]]["end_time"] is None:
            outcome = "FAILED" if task["state"] == "QUEUED" else task["state"]
            self.attempts[task["id"], task["attempt"]] |= {
                "end_time": task["update_time"], "outcome": outcome, "error_reason": task["error_reason"],
            }  # fmt: skip

    def give_back(self, task: Row, *, was_running: bool) -> None:
        """`NO_LONGER_RUNNING` or `NO_LONGER_OPEN`, and `SETTLED`."""
        policy = self.policies[task["account_id"]]
        policy["running"] -= was_running
        if task["end_time"] is None:
            return
        policy["open"] -= 1
        policy["pooled"] -= task["pooled"]
        if not task["unlimited"]:
            policy["reserved_millicredits"] -= task["reserved_millicredits"]
            policy["available_millicredits"] += task["reserved_millicredits"] - task["charged_millicredits"]
        self.enter(task, "SETTLE", task["charged_millicredits"], task["end_time"])
        self.enter(task, "RELEASE", task["reserved_millicredits"] - task["charged_millicredits"], task["end_time"])

    def create(self, asked: Sequence[Row], state: Row) -> list[Row]:
        """Store the tasks, in a state; each with its reservation and its idempotency key."""
        made = []
        for task in asked:
            row = _EMPTY | {name: task.get(name) for name in _ASKED} | {"id": task["id"]}
            row |= {"reserved_millicredits": task["price_millicredits"], "create_time": task["now"], "update_time": task["now"]} | state
            self.tasks[task["id"]] = row
            made.append(row)
            self.enter(row, "RESERVE", row["reserved_millicredits"], task["now"])
            if (key := _key(task)) is not None:
                self.keys[key] = {"digest": task["idempotency_digest"], "resource_ids": [task["id"]]}
        return made

    def check_keys(self, asked: Sequence[Row]) -> None:
        """Refuse all where two have one key."""
        keys = [key for task in asked if (key := _key(task)) is not None]
        if len(set(keys)) < len(keys):
            raise unique("idempotency_pkey")

    def asked(self, values: Values) -> list[Row]:
        """The tasks that a creation asks for, and whose keys are not known."""
        shared = json.loads(values["shared"])
        rows = [{**shared, **{name: value for name, value in own.items() if value is not None}} for own in json.loads(values["asked"])]
        for row in rows:
            row |= {name: convert(row[name]) for name, convert in _CONVERTED.items() if row.get(name) is not None}
        return [{**row, "id": row.get("given_id") or next(self.ids)} for row in rows if _key(row) not in self.keys]


def unique(constraint: str) -> asyncpg.UniqueViolationError:
    """What PostgreSQL raises."""
    error = asyncpg.UniqueViolationError(constraint)
    error.constraint_name = constraint
    return error


def by_account(tasks: Iterable[Row]) -> dict[int, list[Row]]:
    """Tasks by account, in the order of the accounts."""
    accounts: dict[int, list[Row]] = {}
    for task in tasks:
        accounts.setdefault(task["account_id"], []).append(task)
    return dict(sorted(accounts.items()))


def _key(task: Row) -> tuple[int, str, str] | None:
    key = task.get("idempotency_key")
    return (task["account_id"], task["idempotency_method"], key) if key is not None else None
