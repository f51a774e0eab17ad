"""The installation as `/v1/system` shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from darkroom.internal.system.v1 import part_pb2
from darkroom.rest.v1 import system_pb2 as pb

_OK, _FAILING, _STOPPING, _UNREACHABLE, _SILENT, _AWAY = "ok", "failing", "stopping", "unreachable", "silent", "away"


def system(parts: Mapping[str, part_pb2.Part | None]) -> pb.SystemResult:
    """All of it except the time of reading."""
    known = {name: part for name, part in parts.items() if part is not None}
    workers = [worker for part in known.values() for worker in part.workers]
    found = pb.SystemResult(
        parts=[_part(name, part) for name, part in parts.items()],
        lanes=[_lane(lane, workers) for part in known.values() for lane in part.lanes],
        workers=[*map(_worker, workers), *(_away(machine) for part in known.values() for machine in part.away_workers)],
        models=_models(workers),
        disks=[_disk(name, part.disk) for name, part in known.items() if part.HasField("disk")],
    )
    for part in known.values():
        if part.HasField("stored"):
            found.stored.bytes, found.stored.files = part.stored.size_bytes, part.stored.files
    return found


def _part(name: str, part: part_pb2.Part | None) -> pb.SystemPart:
    if part is None:
        return pb.SystemPart(name=name, state=_UNREACHABLE)
    process = part.process
    return pb.SystemPart(
        name=name,
        state=_state(process),
        version=process.version or None,
        host=process.host,
        pid=process.pid,
        started_at=process.start_time,
        needs=_needs(process),
    )


def _state(process: part_pb2.Process) -> str:
    if process.stopping:
        return _STOPPING
    return _FAILING if any(need.problem for need in process.needs) else _OK


def _needs(process: part_pb2.Process) -> Sequence[pb.SystemNeed]:
    return [pb.SystemNeed(name=need.name, state=_FAILING if need.problem else _OK, problem=need.problem or None) for need in process.needs]


def _lane(lane: part_pb2.Lane, workers: Iterable[part_pb2.Worker]) -> pb.SystemLane:
    """A worker that is stopping has no slots any more."""
    serving = [worker for worker in workers if lane.name in worker.slots and not worker.process.stopping]
    return pb.SystemLane(
        name=lane.name,
        waiting=lane.waiting,
        delayed=lane.delayed,
        running=lane.running,
        oldest_waiting_seconds=lane.oldest_waiting_seconds if lane.waiting else None,
        tasks_per_second=lane.tasks_per_second or None,
        slots=sum(worker.slots[lane.name] for worker in serving),
        free_slots=sum(max(0, worker.slots[lane.name] - worker.running.get(lane.name, 0)) for worker in serving),
        workers=len(serving),
    )


def _worker(worker: part_pb2.Worker) -> pb.SystemWorker:
    lanes = [
        pb.SystemWorkerLane(
            name=name,
            slots=worker.slots.get(name),
            running=worker.running.get(name, 0),
            standby=True if name in worker.standby_lanes else None,
        )
        for name in sorted({*worker.slots, *worker.running})
    ]
    if not worker.HasField("process"):
        return pb.SystemWorker(name=worker.name, state=_SILENT, lanes=lanes)
    process = worker.process
    return pb.SystemWorker(
        name=worker.name,
        state=_state(process),
        version=process.version or None,
        host=process.host,
        pid=process.pid,
        started_at=process.start_time,
        heard_at=worker.heard_time,
        gpu=worker.gpu,
        lanes=lanes,
        needs=_needs(process),
        operations=worker.operations,
    )


def _away(machine: part_pb2.AwayWorker) -> pb.SystemWorker:
    return pb.SystemWorker(
        name=machine.name,
        state=_AWAY,
        heard_at=machine.heard_time,
        gpu=machine.gpu,
        lanes=[pb.SystemWorkerLane(name=name, running=0) for name in machine.lanes],
        operations=machine.operations,
        awaited_until=machine.until_time,
    )


def _models(workers: Iterable[part_pb2.Worker]) -> Sequence[pb.SystemModel]:
    using: Counter[str] = Counter()
    for worker in workers:
        for model in worker.models:
            using[model.name] += model.ready
    return [pb.SystemModel(name=name, ready=count > 0, workers=count) for name, count in sorted(using.items())]


def _disk(part: str, disk: part_pb2.Disk) -> pb.SystemDisk:
    return pb.SystemDisk(part=part, free=disk.free_bytes, total=disk.total_bytes, reserve=disk.reserve_bytes, full=disk.full)
