"""The installation as `/v1/system` shows it."""

from __future__ import annotations

from darkroom.internal.system.v1 import part_pb2
from services.accounts.surfaces.rest.system_messages import system

LANE = "neural"
HERE = part_pb2.Process(host="one", pid=7, version="0.1.0", needs=[part_pb2.Need(name="nats")])


def worker(name: str, **said: object) -> part_pb2.Worker:
    return part_pb2.Worker(name=name, process=HERE, **said)


def test_an_installation_of_which_nothing_is_known() -> None:
    shown = system({"files": None, "tasks": None})
    assert [(part.name, part.state) for part in shown.parts] == [("files", "unreachable"), ("tasks", "unreachable")]
    assert not (shown.lanes or shown.workers or shown.models or shown.disks)
    assert not shown.HasField("stored")
    assert not shown.parts[0].HasField("pid")


def test_the_state_of_a_service() -> None:
    failing = part_pb2.Process(needs=[part_pb2.Need(name="nats"), part_pb2.Need(name="database", problem="no answer in time")])
    stopping = part_pb2.Process(needs=failing.needs, stopping=True)
    shown = system({name: part_pb2.Part(process=process) for name, process in {"a": HERE, "b": failing, "c": stopping}.items()})
    assert [part.state for part in shown.parts] == ["ok", "failing", "stopping"]
    assert [need.state for need in shown.parts[1].needs] == ["ok", "failing"]
    assert not shown.parts[1].needs[0].HasField("problem")


def test_slots_are_those_of_workers_that_take_tasks() -> None:
    leaving = part_pb2.Worker(name="c", process={"stopping": True}, slots={LANE: 8}, running={LANE: 2})
    silent = part_pb2.Worker(name="d", running={LANE: 1, "pages": 1})
    workers = [
        worker("a", slots={LANE: 2}, running={LANE: 2}),
        worker("b", slots={LANE: 4, "pages": 1}, running={LANE: 1}),
        leaving,
        silent,
    ]
    tasks = part_pb2.Part(
        process=HERE,
        lanes=[part_pb2.Lane(name=LANE, running=6), part_pb2.Lane(name="pages", running=1), part_pb2.Lane(name="system")],
        workers=workers,
    )
    shown = system({"tasks": tasks})
    assert [(lane.name, lane.slots, lane.free_slots, lane.workers) for lane in shown.lanes] == [
        (LANE, 6, 3, 2),
        ("pages", 1, 1, 1),
        ("system", 0, 0, 0),
    ]
    assert [one.state for one in shown.workers] == ["ok", "ok", "stopping", "silent"]
    assert [(lane.name, lane.running, lane.HasField("slots")) for lane in shown.workers[3].lanes] == [(LANE, 1, False), ("pages", 1, False)]
    assert not shown.workers[3].HasField("gpu")
    assert shown.workers[0].HasField("gpu")


def test_more_may_run_than_there_are_slots_for() -> None:
    """A worker that was started again with fewer."""
    tasks = part_pb2.Part(process=HERE, lanes=[part_pb2.Lane(name=LANE)], workers=[worker("a", slots={LANE: 1}, running={LANE: 3})])
    [lane] = system({"tasks": tasks}).lanes
    assert (lane.slots, lane.free_slots) == (1, 0)


def test_what_is_unknown_of_a_lane_is_absent() -> None:
    lanes = [part_pb2.Lane(name="a", waiting=1, oldest_waiting_seconds=0.0, tasks_per_second=0.5), part_pb2.Lane(name="b")]
    first, second = system({"tasks": part_pb2.Part(process=HERE, lanes=lanes)}).lanes
    assert (first.HasField("oldest_waiting_seconds"), first.tasks_per_second) == (True, 0.5)
    assert not second.HasField("oldest_waiting_seconds")
    assert not second.HasField("tasks_per_second")


def test_models_of_several_servers() -> None:
    workers = [
        worker("a", models=[part_pb2.Model(name="isnet", ready=True), part_pb2.Model(name="lama", ready=False)]),
        worker(
            "b",
            models=[
                part_pb2.Model(name="isnet", ready=True),
                part_pb2.Model(name="lama", ready=True),
                part_pb2.Model(name="other", ready=False),
            ],
        ),
    ]
    shown = system({"tasks": part_pb2.Part(process=HERE, workers=workers)})
    assert [(model.name, model.ready, model.workers) for model in shown.models] == [
        ("isnet", True, 2),
        ("lama", True, 1),
        ("other", False, 0),
    ]


def test_the_disks_and_what_is_stored() -> None:
    disk = part_pb2.Disk(free_bytes=1, total_bytes=10, reserve_bytes=2, full=True)
    shown = system(
        {"files": part_pb2.Part(process=HERE, disk=disk, stored={"size_bytes": 5, "files": 3}), "tasks": part_pb2.Part(process=HERE)}
    )
    assert [(one.part, one.free, one.total, one.reserve, one.full) for one in shown.disks] == [("files", 1, 10, 2, True)]
    assert (shown.stored.bytes, shown.stored.files) == (5, 3)


def test_a_machine_that_is_away_is_a_worker_without_slots() -> None:
    slow = worker("small-1", slots={LANE: 1, "system": 2}, standby_lanes=[LANE])
    away = part_pb2.AwayWorker(name="gpu-box", lanes=[LANE, "pages"], operations=["gpt_image_2"], gpu=True)
    away.heard_time.FromSeconds(100)
    away.until_time.FromSeconds(200)
    tasks = part_pb2.Part(process=HERE, lanes=[part_pb2.Lane(name=LANE), part_pb2.Lane(name="pages")], workers=[slow], away_workers=[away])
    shown = system({"tasks": tasks})
    assert [(lane.slots, lane.workers) for lane in shown.lanes] == [(1, 1), (0, 0)]
    here, gone = shown.workers
    assert [(lane.name, lane.standby, lane.HasField("standby")) for lane in here.lanes] == [(LANE, True, True), ("system", False, False)]
    assert (gone.name, gone.state, gone.gpu, list(gone.operations)) == ("gpu-box", "away", True, ["gpt_image_2"])
    assert (gone.heard_at.seconds, gone.awaited_until.seconds, gone.HasField("host")) == (100, 200, False)
    assert [(lane.name, lane.HasField("slots")) for lane in gone.lanes] == [(LANE, False), ("pages", False)]
