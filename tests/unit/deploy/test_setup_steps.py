"""deploy/setup.py runs a step when it is due and only then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import setup


class Step:
    """A step that counts its runs and makes a file."""

    def __init__(self, folder: Path) -> None:
        self.input = folder / "input"
        self.input.write_text("one")
        self.result = folder / "result"
        self.runs = 0
        self.fails = False

    def action(self) -> None:
        self.runs += 1
        if self.fails:
            raise setup.SetupError("interrupted")
        self.result.touch()

    def due(self) -> None:
        setup._step("a step", self.action, [self.input], self.result)


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "STAMPS", tmp_path)
    return Step(tmp_path)


def test_a_step_that_is_done_is_not_run_again(step: Step) -> None:
    step.due()
    step.due()
    assert step.runs == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda step: step.input.write_text("two"), id="its input changed"),
        pytest.param(lambda step: step.result.unlink(), id="its result is gone"),
    ],
)
def test_a_step_is_run_again(step: Step, change: Callable[[Step], object]) -> None:
    step.due()
    change(step)
    step.due()
    assert step.runs == 2


def test_an_interrupted_step_is_run_again_though_its_result_is_there(step: Step) -> None:
    step.due()
    step.input.write_text("two")
    step.fails = True
    with pytest.raises(setup.SetupError):
        step.due()
    step.input.write_text("one")
    step.fails = False
    step.due()
    assert step.runs == 3


@pytest.mark.parametrize("developed", [False, True])
@pytest.mark.parametrize("asked", [[], ["development"], ["browser"], ["bench"]], ids=lambda asked: "-".join(asked) or "nothing")
def test_what_checks_and_tests_is_installed_when_it_is_asked_for_and_then_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[str], developed: bool
) -> None:
    installed: dict[str, tuple[str, ...]] = {}
    monkeypatch.setattr(setup, "_step", lambda name, action, inputs, result: action() if name == "packages" else None)
    monkeypatch.setattr(setup, "_install", lambda venv, *requirements: installed.update({venv.name: requirements}))
    monkeypatch.setattr(setup, "_link", lambda: None)
    monkeypatch.setattr(setup, "STAMPS", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "NODE_VENV", tmp_path / "node")
    monkeypatch.setattr(setup, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(sys, "argv", ["setup.py", *asked])
    if developed:
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "pytest").touch()
    setup.main()
    assert installed == {".venv": ("main.txt", "node.txt", "development.txt") if asked or developed else ("main.txt",)}


def test_steps_side_by_side_all_end_before_the_failure_of_one_is_raised() -> None:
    ended: list[str] = []

    def failing() -> None:
        raise setup.SetupError("one failed")

    def lasting() -> None:
        time.sleep(0.1)
        ended.append("lasting")

    with pytest.raises(setup.SetupError, match="one failed"):
        setup._side_by_side(failing, lasting)
    assert ended == ["lasting"]


def test_a_link_is_made_and_follows_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    for name in ("one", "two", "two"):
        (tmp_path / name).write_text(name)
        setup._link_to(name, link)
        assert link.read_text() == name
    link.unlink()
    link.write_text("a file")
    setup._link_to("one", link)
    assert link.is_symlink()
