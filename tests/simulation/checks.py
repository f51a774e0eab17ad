"""Whether a simulated system keeps its promises, at every moment and at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from services.tasks.model.state import TERMINAL, TaskState
from tests.simulation.network import Bus
from tests.simulation.replica import LEASE, MAX_RUNNING, PRICE, Replica
from tests.simulation.tables import Row, Tables
from tests.simulation.worker import DRAIN_SECONDS, AttemptLog, Worker
from tests.simulation.world import World

CONNECTED_SECONDS = 4.0
"""How long a task may wait while a slot is free whose stream is open at both ends, and nothing is out of order: the interval of the look
for due work at rest, and the time of statements and messages."""
PRESENT_SECONDS = 24.0
"""The same for a slot of a worker that is there, whose stream may have to be found broken, and opened again; or of one on standby, until
the others are known to be gone."""
CALM_SECONDS = 0.15
"""The same while nothing goes wrong for a task that is new, or was handed back by a worker that is stopping: it wakes who can start it."""
STOPPING_SECONDS = DRAIN_SECONDS + 0.5
"""How long a worker that is stopping may be at work."""
UNATTENDED_SECONDS = LEASE + 4.0
"""How long a task may be RUNNING without an attempt at work."""


class Broken(AssertionError):
    """A promise is not kept."""


def check_limits(tables: Tables, held: set[int]) -> None:
    """No account has more tasks under way than it may; those that have as many are added to `held`."""
    running = Counter(task["account_id"] for task in tables.tasks.values() if task["state"] == "RUNNING")
    for account_id, count in running.items():
        if count > MAX_RUNNING:
            raise Broken(f"account {account_id} has {count} tasks under way")
        if count == MAX_RUNNING:
            held.add(account_id)


class Waiting:
    """Looks, every now and then, for a task that waits although a slot is free."""

    def __init__(self, world: World, tables: Tables, log: AttemptLog, held: set[int]) -> None:
        """`held` are the accounts that have been at their limit: if another replica ends what they run, nobody says so."""
        self._world, self._tables, self._log, self._held = world, tables, log, held
        self._slots: dict[bytes, float] = {}
        self._connected: dict[bytes, float] = {}
        self._ready: dict[int, float] = {}
        self._unattended: dict[int, float] = {}

    def look(self, replicas: Sequence[Replica], workers: Sequence[Worker], *, healthy_since: float) -> None:
        """Raise if a task and a slot have been waiting for one another for too long."""
        now = self._world.now
        self._ready = {task["id"]: self._ready.get(task["id"], now) for task in self._startable()}
        there = [worker for worker in workers if worker.takes_tasks]
        # Those on standby do not help the others.
        serving = [worker for worker in there if not worker.standby] or there
        lanes = {run_id: lane for worker in serving for lane in worker.slots for run_id in worker.free_slots(lane)}
        self._slots = {run_id: self._slots.get(run_id, now) for run_id in lanes}
        first = [worker for worker in serving if not worker.standby]
        known = {run_id for replica in replicas if replica.is_open for run_id in replica.free_slots()}
        connected = [run_id for worker in first for lane in worker.slots for run_id in worker.free_slots(lane) if run_id in known]
        self._connected = {run_id: self._connected.get(run_id, now) for run_id in connected}
        for task_id, ready in self._ready.items():
            for slots, seconds in ((self._connected, self._connected_seconds(task_id)), (self._slots, PRESENT_SECONDS)):
                for run_id, free in slots.items():
                    waited = now - max(ready, free, healthy_since)
                    if waited > seconds and lanes[run_id] == self._tables.tasks[task_id]["lane"]:
                        raise Broken(f"task {task_id} has waited for {waited:.2f} s with the slot {run_id.hex()[-4:]} free")
        self._look_at_running(now, healthy_since)
        for task_id, (worker, _, _) in self._log.leased.items():
            if worker.process.is_alive and now - worker.stopped_at > STOPPING_SECONDS:
                raise Broken(f"{worker.process} has been stopping for {now - worker.stopped_at:.1f} s, and still runs task {task_id}")

    def _connected_seconds(self, task_id: int) -> float:
        task = self._tables.tasks[task_id]
        wakes = task["attempt"] in (0, self._log.handed_back.get(task_id))
        wakes &= task["account_id"] not in self._held or self._world.is_alone
        return CALM_SECONDS if self._world.is_calm and wakes else CONNECTED_SECONDS

    def _look_at_running(self, now: float, healthy_since: float) -> None:
        running = [task for task in self._tables.tasks.values() if task["state"] == "RUNNING"]
        unattended = [task["id"] for task in running if not self._log.attends(task["id"], task["attempt"])]
        self._unattended = {task_id: self._unattended.get(task_id, now) for task_id in unattended}
        for task_id, since in self._unattended.items():
            if now - max(since, healthy_since) > UNATTENDED_SECONDS:
                raise Broken(f"task {task_id} has been RUNNING for {now - since:.1f} s, and nobody works on it")

    def _startable(self) -> Iterable[Row]:
        tables, moment = self._tables, self._world.moment()
        for task in tables.tasks.values():
            is_due = task["run_at"] is None or task["run_at"] <= moment
            if task["state"] == "QUEUED" and is_due and tables.policies[task["account_id"]]["running"] < MAX_RUNNING:
                yield task


def check_end(tables: Tables, bus: Bus, log: AttemptLog, accepted: Iterable[int], cancelled: Iterable[int]) -> None:
    """Every accepted task has exactly one end, is paid for once, and its events are out; and no counter is off."""
    problems = list(log.problems)
    for task_id in accepted:
        task = tables.tasks[task_id]
        events = sorted((number, row["state"]) for (of, number), row in tables.events.items() if of == task_id)
        ends = [state for _, state in events if TaskState(state) in TERMINAL]
        if ends != [task["state"]] or [number for number, _ in events] != list(range(1, len(events) + 1)):
            problems.append(f"task {task_id} is {task['state']} with the events {events}")
        entries = {kind: row["amount_millicredits"] for (of, kind), row in tables.ledger.items() if of == task_id}
        charged = {"SETTLE": PRICE} if task["state"] == "SUCCEEDED" else {"RELEASE": PRICE}
        if entries != {"RESERVE": PRICE, **charged}:
            problems.append(f"task {task_id} is {task['state']} with the entries {entries}")
        if missing := [number for number, _ in events if (task_id, number) not in bus.published]:
            problems.append(f"the events {missing} of task {task_id} were not published")
        if task_id in log.accepted and (task["state"] != "SUCCEEDED" or task["attempt"] != log.accepted[task_id]):
            problems.append(f"the result of task {task_id} was accepted, and it is {task['state']}")
    problems += [f"task {one} was cancelled, and is {state}" for one in cancelled if (state := tables.tasks[one]["state"]) != "CANCELLED"]
    if extra := set(tables.tasks) - set(accepted):
        problems.append(f"the tasks {sorted(extra)} were stored, and nobody knows of them")
    if tables.outbox:
        problems.append(f"{len(tables.outbox)} rows are left in the outbox")
    for policy in tables.policies.values():
        if policy["running"] or policy["open"] or policy["reserved_millicredits"]:
            problems.append(f"nothing is under way, and the account has {policy}")
    problems += [f"nothing waits, and the lane has {row}" for row in tables.lane_accounts.values() if row["queued"]]
    if problems:
        raise Broken("; ".join(problems))


def check_slots(replicas: Iterable[Replica], workers: Iterable[Worker]) -> None:
    """Every slot of every worker is free, and the replica of its stream knows."""
    there: set[bytes] = set()
    for replica in replicas:
        there |= replica.free_slots()
    for worker in workers:
        for lane, count in worker.slots.items():
            free = worker.free_slots(lane)
            if len(free) != count or not there >= set(free):
                known = len(there & set(free))
                raise Broken(f"{worker.process} has {count} slots for {lane}, of which {len(free)} are free, and {known} known to be")
