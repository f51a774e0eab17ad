"""Alarms are told once, and their end, too; backups are kept by number."""

from __future__ import annotations

import os
import shutil
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local.errors import NotReady, PartFailed, StackError
from deploy.local.stack import PartStatus
from deploy.service import backups, looking
from deploy.service.errors import ServiceError
from deploy.service.plan import Plan

Usage = namedtuple("Usage", "total used free")
NEARLY_FULL = Usage(100 << 30, 97 << 30, 3 << 30)
ROOMY = Usage(100 << 30, 50 << 30, 50 << 30)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(backups=tmp_path / "backups", alarm=f"cat >> {tmp_path / 'told'}", keep=2)


async def looked(monkeypatch: pytest.MonkeyPatch, stack: Path, plan: Plan, usage: Usage, *parts: str) -> list[str]:
    async def found(_stack: Path) -> list[str]:
        return list(parts)

    monkeypatch.setattr(looking, "_parts", found)
    monkeypatch.setattr(looking, "_certificate", lambda _stack: [])
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    return list(await looking.look(stack, plan))


async def test_a_problem_is_told_once_and_so_is_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan: Plan) -> None:
    stack, told = tmp_path / "stack", tmp_path / "told"
    stack.mkdir()
    assert plan.backups is not None
    plan.backups.mkdir()
    (plan.backups / "darkroom-1.tar").touch()
    assert await looked(monkeypatch, stack, plan, ROOMY) == []
    assert not told.exists()
    for free in (3, 2):
        # The figure changes, the problem does not.
        assert len(await looked(monkeypatch, stack, plan, Usage(100 << 30, 0, free << 30), "tasks is not ready: nats: no answer")) == 2
    assert told.read_text().splitlines() == [
        "Darkroom on this machine",
        "problem: tasks is not ready: nats: no answer",
        f"problem: the disk of {stack} has 3.0 GiB left of 100.0",
    ]
    await looked(monkeypatch, stack, plan, ROOMY)
    assert told.read_text().splitlines()[3:] == [
        "Darkroom on this machine",
        "over: tasks is not ready: nats: no answer",
        f"over: the disk of {stack} has 2.0 GiB left of 100.0",
    ]


async def test_an_alarm_that_failed_is_told_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stack, told = tmp_path / "stack", tmp_path / "told"
    stack.mkdir()
    # As a power cut may leave it.
    (stack / "alarms.json").touch()
    for alarm in ("exit 1", f"cat >> {told}", f"cat >> {told}"):
        await looked(monkeypatch, stack, Plan(alarm=alarm), ROOMY, "tasks is not ready: nats: no answer")
    assert told.read_text().splitlines() == ["Darkroom on this machine", "problem: tasks is not ready: nats: no answer"]


async def test_a_certificate_that_cannot_be_read_hides_no_other_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = SimpleNamespace(config=SimpleNamespace(settings=SimpleNamespace(tls_dir=tmp_path)))
    monkeypatch.setattr(looking, "open_stack", lambda _stack: opened)
    assert looking._certificate(tmp_path)[0].startswith(f"the certificate in {tmp_path} cannot be read: ")
    (tmp_path / "tls.crt").write_text("no certificate")
    assert looking._certificate(tmp_path)[0].startswith(f"the certificate in {tmp_path} cannot be read: ")


class Stack:
    """A stack whose supervisor does not answer."""

    def __init__(self, run: Path) -> None:
        self.config = SimpleNamespace(layout=SimpleNamespace(run=run))
        self.supervisor = self
        self.answering = False
        self.ups = 0
        self.failure: StackError | None = None

    async def status(self) -> list[PartStatus]:
        raise NotReady("no answer")

    async def answers(self) -> bool:
        return self.answering

    async def up(self) -> None:
        self.ups += 1
        if self.failure:
            raise self.failure


async def test_a_stack_whose_supervisor_was_killed_is_started_and_one_that_was_stopped_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "run")
    monkeypatch.setattr(looking, "open_stack", lambda _stack: stack)
    # `down` has deleted the folder of sockets. Its data may be on their way to another disk.
    assert await looking._parts(tmp_path) == [f"the stack in {tmp_path} was stopped; `make up` starts it again"]
    assert stack.ups == 0
    (tmp_path / "run").mkdir()
    assert await looking._parts(tmp_path) == [f"the supervisor of {tmp_path} was gone; the stack has been started again"]
    assert stack.ups == 1
    stack.failure = PartFailed("triton", "failed to load")
    (problem,) = await looking._parts(tmp_path)
    assert problem.endswith("the stack does not start: triton: failed to load")
    # Another command has just started it.
    stack.answering = True
    assert await looking._parts(tmp_path) == []
    assert stack.ups == 2


async def test_a_missing_or_old_backup_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan: Plan) -> None:
    stack = tmp_path / "stack"
    stack.mkdir()
    assert plan.backups is not None
    plan.backups.mkdir()
    expected = [f"{plan.backups} has no backup from the last two days"]
    assert await looked(monkeypatch, stack, plan, ROOMY) == expected
    made = plan.backups / "darkroom-1.tar.age"
    made.touch()
    assert await looked(monkeypatch, stack, plan, ROOMY) == []
    os.utime(made, (time.time() - 3 * 86_400,) * 2)
    assert await looked(monkeypatch, stack, plan, ROOMY) == expected
    # An operator who wants none hears of none.
    assert await looked(monkeypatch, stack, Plan(), ROOMY) == []


def test_a_small_disk_may_be_fuller_than_a_large_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for total, free, full in ((20, 1, True), (20, 3, False), (1000, 4, True), (1000, 6, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder, total=total, free=free: Usage(total << 30, 0, free << 30))
        assert bool(looking.disk(tmp_path)) is full, (total, free)


def test_the_newest_backups_are_kept_and_one_that_failed_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan: Plan) -> None:
    assert plan.backups is not None
    plan.backups.mkdir()
    for day in (1, 2, 3):
        (plan.backups / f"darkroom-2026-01-0{day}T03-17-00.tar").touch()
    (plan.backups / "notes.txt").touch()
    with pytest.raises(ServiceError, match="no backup was made"):
        backups.back_up(tmp_path, Plan(backups=plan.backups / "notes.txt" / "below"))

    def interrupted(_stack: Path, _command: str, file: str, *_keys: str) -> None:
        # As archive.write does.
        Path(file).with_name(f".{Path(file).name}.part").touch()
        raise KeyboardInterrupt

    for _ in range(2):
        monkeypatch.setattr(backups, "local", interrupted)
        with pytest.raises(KeyboardInterrupt):
            backups.back_up(tmp_path, plan)
    # What they leave takes the room of one.
    (left,) = plan.backups.glob("*.part")

    def complete(_stack: Path, _command: str, file: str, *_keys: str) -> None:
        assert left.name == f".{Path(file).name}.part"
        left.rename(file)

    monkeypatch.setattr(backups, "local", complete)
    newest = backups.back_up(tmp_path, plan)
    assert [path.name for path in backups.list_backups(plan.backups)] == ["darkroom-2026-01-03T03-17-00.tar", newest.name]
    assert {path.name for path in plan.backups.iterdir()} == {"darkroom-2026-01-03T03-17-00.tar", newest.name, "notes.txt"}
