"""What must be true when the dust has settled, told from databases, event stream and storage, and from what receivers of webhooks have."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from darkroom.tasks.v1 import task_pb2
from deploy.local.programs.object_storage import PLACEHOLDER
from services.tasks.surfaces.rendering import state_of
from tests.component.tasks.receiver import Received
from tests.faults.chaos.load import Accepted, Load
from tests.stacks import Installed

_TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
# A task may use up its attempts when parts are killed faster than it can run; anything else would be a wrong failure.
_PASSING = ("UNAVAILABLE", "WORKER_LOST", "INTERNAL")

# Of the tasks that nobody cancelled, the share that must succeed all the same.
_SUCCEEDING = 0.8


@dataclass(frozen=True)
class Wrong:
    """Something that is not as it must be, and the task that it is about."""

    text: str
    task_id: int | None = None

    def __str__(self) -> str:
        return self.text if self.task_id is None else f"task {self.task_id} {self.text}"


def unsettled(stack: Installed, accounts: Sequence[int]) -> str:
    """What of the accounts is still under way: open tasks, unpublished events, webhooks to be sent. Empty when nothing is."""
    query = """
        SELECT (SELECT count(*) FROM task WHERE account_id = ANY($1) AND end_time IS NULL) AS tasks,
          (SELECT count(*) FROM event_outbox JOIN task ON task.id = ANY(task_ids) WHERE account_id = ANY($1)) AS events,
          (SELECT count(*) FROM webhook_delivery WHERE account_id = ANY($1) AND next_at IS NOT NULL) AS webhooks
    """
    [row] = stack.fetch("tasks", query, list(accounts))
    # What a task has made is hidden until files has heard of its end.
    query = "SELECT count(*) AS outputs FROM file WHERE account_id = ANY($1) AND task_id IS NOT NULL AND NOT visible AND state = 'ready'"
    [hidden] = stack.fetch("files", query, list(accounts))
    return ", ".join(f"{count} {what}" for what, count in (*row.items(), *hidden.items()) if count)


def history(stack: Installed, task_id: int) -> str:
    """Everything that is known about a task, for the report of a failure."""
    parts = []
    for table, order in (
        ("task", "id"),
        ("task_event", "sequence"),
        ("task_attempt", "attempt"),
        ("ledger_entry", "id"),
        ("webhook_delivery", "id"),
    ):
        column = "id" if table == "task" else "task_id"
        rows = stack.fetch("tasks", f"SELECT * FROM {table} WHERE {column} = $1 ORDER BY {order}", task_id)
        parts += [f"{table}: {dict(row)}" for row in rows]
    files = stack.fetch("files", "SELECT * FROM file WHERE task_id = $1", task_id)
    return "\n".join([*parts, *(f"file: {dict(row)}" for row in files)])


def check_load(stack: Installed, load: Load, least: int) -> list[Wrong]:
    """The run proves something: at least so many tasks were accepted, of each kind one succeeded and few failed; clients cancelled and
    watched."""
    wrong = []
    if len(load.accepted) < least:
        wrong.append(Wrong(f"{len(load.accepted)} tasks were accepted, and {least} are the least to prove anything"))
    if not load.varied():
        wrong.append(Wrong("clients have not done everything that they do"))
    kinds = {task.task_id: task.kind for task in load.accepted if task.task_id not in load.cancelled}
    query = "SELECT id FROM task WHERE id = ANY($1) AND state = 'SUCCEEDED'"
    succeeded = Counter(kinds[row["id"]] for row in stack.fetch("tasks", query, list(kinds)))
    wrong += [Wrong(f"no task of the kind {kind} succeeded") for kind in load.kinds if not succeeded[kind]]
    if succeeded.total() < _SUCCEEDING * len(kinds):
        wrong.append(Wrong(f"{succeeded.total()} of {len(kinds)} tasks that were not cancelled succeeded"))
    return wrong


def check_once(stack: Installed, load: Load, accounts: Sequence[int]) -> list[Wrong]:
    """Each accepted call has made one task of its own, and no other call has made one, but those of which the client was not told."""
    ids = Counter(task.task_id for task in load.accepted)
    wrong = [Wrong(f"was accepted {times} times", task_id) for task_id, times in ids.items() if times > 1]
    rows = stack.fetch("tasks", "SELECT id FROM task WHERE account_id = ANY($1)", list(accounts))
    if len(unknown := [row["id"] for row in rows if row["id"] not in ids]) > load.unheard:
        wrong += [Wrong(f"is one of {len(unknown)} that no client was told of; {load.unheard} calls had no reply", unknown[0])]
    return wrong


def check_tasks(stack: Installed, accounts: Sequence[int], load: Load) -> list[Wrong]:
    """Every task has one end and one terminal event, numbered without a gap; nothing that was accepted is missing, and what a client was
    told to be cancelled is."""
    wrong = []
    tasks = {row["id"]: row for row in stack.fetch("tasks", "SELECT * FROM task WHERE account_id = ANY($1)", list(accounts))}
    events: dict[int, list[Any]] = {task_id: [] for task_id in tasks}
    query = "SELECT * FROM task_event WHERE task_id = ANY($1) ORDER BY task_id, sequence"
    for event in stack.fetch("tasks", query, list(tasks)):
        events[event["task_id"]].append(event)
    wrong += [Wrong("was accepted and is gone", task.task_id) for task in load.accepted if task.task_id not in tasks]
    for task_id, task in tasks.items():
        states = [event["state"] for event in events[task_id]]
        if task["state"] not in _TERMINAL:
            wrong.append(Wrong(f"is {task['state']}", task_id))
        if sum(state in _TERMINAL for state in states) != 1 or states[-1] != task["state"]:
            wrong.append(Wrong(f"is {task['state']}, and its events are {states}", task_id))
        if [event["sequence"] for event in events[task_id]] != list(range(1, len(states) + 1)):
            wrong.append(Wrong("has events with a gap", task_id))
        if task["state"] == "FAILED" and task["error_reason"] not in _PASSING:
            wrong.append(Wrong(f"failed with {task['error_reason']}: {task['error_message']}", task_id))
        if task_id in load.cancelled and task["state"] != "CANCELLED":
            wrong.append(Wrong(f"is {task['state']} after its cancellation was confirmed", task_id))
    unfinished = stack.fetch("tasks", "SELECT task_id FROM task_attempt WHERE task_id = ANY($1) AND end_time IS NULL", list(tasks))
    wrong += [Wrong("has an attempt without an end", row["task_id"]) for row in unfinished]
    query = """
        SELECT account_id, open, running, (SELECT sum(queued) FROM lane_account WHERE account_id = account_policy.account_id) AS queued
        FROM account_policy WHERE account_id = ANY($1)
    """
    for row in stack.fetch("tasks", query, list(accounts)):
        if row["open"] or row["running"] or row["queued"]:
            counts = f"{row['open']} open, {row['running']} running, {row['queued']} queued tasks"
            wrong.append(Wrong(f"account {row['account_id']} counts {counts}"))
    return wrong


def check_stream(stack: Installed, accounts: Sequence[int], published: Mapping[int, Mapping[int, int]]) -> list[Wrong]:
    """The event stream has every event of the database. `published`: number and state of the events of each task."""
    query = "SELECT task_id, sequence, task_event.state FROM task_event JOIN task ON task.id = task_id WHERE account_id = ANY($1)"
    stored: dict[int, dict[int, str]] = defaultdict(dict)
    for row in stack.fetch("tasks", query, list(accounts)):
        stored[row["task_id"]][row["sequence"]] = row["state"]
    return [
        Wrong(f"has the events {events}, and published are {published.get(task_id)}", task_id)
        for task_id, events in stored.items()
        if events != {number: state_of(task_pb2.TaskState.ValueType(state)).value for number, state in published.get(task_id, {}).items()}
    ]


def check_watched(watched: Mapping[int, Sequence[task_pb2.TaskEvent]]) -> list[Wrong]:
    """Who watched a task through it all saw each event once, in order, up to the end."""
    wrong = []
    for task_id, events in watched.items():
        if [event.sequence for event in events] != list(range(1, len(events) + 1)):
            wrong.append(Wrong(f"was seen with the events {[event.sequence for event in events]}", task_id))
        if [state_of(event.state).terminal for event in events] != [False] * (len(events) - 1) + [True]:
            wrong.append(Wrong(f"was seen in the states {[event.state for event in events]}", task_id))
    return wrong


def check_webhooks(
    stack: Installed, registered: Mapping[int, str], accepted: Sequence[Accepted], received: Sequence[Received]
) -> list[Wrong]:
    """Every end was told at least once to the webhook of its account (`registered`: URL by account) and to the task's own; each delivery
    was confirmed, and no receiver heard of another end than the one that there is."""
    told: dict[int, set[str]] = defaultdict(set)
    paths: dict[int, set[str]] = defaultdict(set)
    for request in received:
        event = json.loads(request.body)
        task_id = int(event["data"]["id"])
        told[task_id].add(event["type"])
        paths[task_id].add(request.line.split(" ")[1])
    wrong = []
    tasks = stack.fetch("tasks", "SELECT id, account_id, state, webhook_url FROM task WHERE account_id = ANY($1)", list(registered))
    for task in tasks:
        expected = {url for url in (registered[task["account_id"]], task["webhook_url"]) if url}
        if missing := {url for url in expected if "/" + url.split("/", 3)[3] not in paths[task["id"]]}:
            wrong.append(Wrong(f"ended, and {missing} did not hear of it", task["id"]))
        if expected and told[task["id"]] != {f"task.{task['state'].lower()}"}:
            wrong.append(Wrong(f"is {task['state']}, and receivers heard {told[task['id']]}", task["id"]))
    own = {row["id"]: row["webhook_url"] or "" for row in tasks}
    wrong += [Wrong("has lost its webhook", task.task_id) for task in accepted if own.get(task.task_id, "") != task.webhook_url]
    query = "SELECT task_id, state, error FROM webhook_delivery WHERE account_id = ANY($1) AND state <> 'DELIVERED'"
    rows = stack.fetch("tasks", query, list(registered))
    return wrong + [Wrong(f"has a webhook that is {row['state']}: {row['error']}", row["task_id"]) for row in rows]


def check_outputs(stack: Installed, accepted: Sequence[Accepted]) -> list[Wrong]:
    """Every success has its outputs, readable and of the right size."""
    wrong = []
    by_id = {task.task_id: task for task in accepted}
    query = "SELECT id, output_file_ids FROM task WHERE id = ANY($1) AND state = 'SUCCEEDED'"
    rows = stack.fetch("tasks", query, list(by_id))
    files = {
        file["id"]: file
        for file in stack.fetch("files", "SELECT * FROM file WHERE id = ANY($1)", [id for row in rows for id in row["output_file_ids"]])
    }
    for row in rows:
        task = by_id[row["id"]]
        if len(row["output_file_ids"]) != task.outputs:
            wrong.append(Wrong(f"has {len(row['output_file_ids'])} outputs instead of {task.outputs}", task.task_id))
        for file_id in row["output_file_ids"]:
            problem = _unreadable(stack, files[file_id], task) if file_id in files else "has no record"
            wrong += [Wrong(f"has an output, {file_id}, that {problem}", task.task_id)] if problem else []
    return wrong


def check_storage(stack: Installed, accounts: Sequence[int]) -> list[Wrong]:
    """After all sweeps: no object without a record, no accepted file without its object, and of the accounts nothing but accepted files,
    which no task pins."""
    rows = stack.fetch("files", "SELECT id, state, pins FROM file WHERE account_id = ANY($1)", list(accounts))
    left = [Wrong(f"file {row['id']} is {row['state']} with {row['pins']} pins") for row in rows if row["state"] != "ready" or row["pins"]]
    known = {row["object_key"]: row["state"] for row in stack.fetch("files", "SELECT object_key, state FROM file")}
    stored = {path.relative_to(_bucket(stack)).as_posix() for path in _bucket(stack).rglob("*") if path.is_file()} - {PLACEHOLDER}
    orphans = [Wrong(f"object {key} has no record") for key in stored - set(known)]
    missing = [Wrong(f"file {key} is ready and has no object") for key, state in known.items() if state == "ready" and key not in stored]
    return left + orphans + missing


def _unreadable(stack: Installed, file: Any, task: Accepted) -> str | None:
    path = _bucket(stack) / file["object_key"]
    if file["state"] != "ready" or not file["visible"]:
        return f"is {file['state']}, visible: {file['visible']}"
    if not path.is_file() or path.stat().st_size != file["size_bytes"]:
        return "is not stored as recorded"
    if task.pixels is None:
        return None if path.read_bytes().startswith(b"%PDF-") else "is no PDF"
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        picture.load()
        return None if picture.size == task.pixels else f"measures {picture.size}"


def _bucket(stack: Installed) -> Path:
    return stack.dir / "data" / "objects" / stack.settings("files")["DARKROOM_S3_BUCKET"]
