"""`roll-out` applies every object once, in an order in which versions may take each other's place."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.unit.deploy.kubernetes.manifests import FOLDER, OVERLAY_FOLDERS, overlay

RECORDER = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in *"$FAILING"*) [ -z "$FAILING" ] || exit 1 ;; esac
"""
STEP = "darkroom/step"


def run(tmp_path: Path, *arguments: str, failing: str = "") -> tuple[int, list[list[str]]]:
    """The exit status, and how kubectl was called."""
    program, calls = tmp_path / "bin" / "kubectl", tmp_path / "calls"
    program.parent.mkdir(exist_ok=True)
    program.write_text(RECORDER)
    program.chmod(0o755)
    calls.write_text("")
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "CALLS": str(calls), "FAILING": failing}
    done = subprocess.run([FOLDER / "roll-out", *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, [shlex.split(line) for line in calls.read_text().splitlines()]


def applied(calls: list[list[str]]) -> list[str]:
    return [call[call.index("--selector") + 1] for call in calls if call[0] == "apply"]


@pytest.mark.parametrize("name", OVERLAY_FOLDERS)
def test_every_object_is_applied_once(name: str, tmp_path: Path) -> None:
    status, calls = run(tmp_path, str(FOLDER / "overlays" / name))
    assert status == 0
    first, *steps = applied(calls)
    assert first == f"!{STEP}"
    labelled = {one["metadata"]["labels"][STEP] for one in overlay(name) if STEP in one["metadata"].get("labels", {})}
    assert sorted(steps) == sorted(f"{STEP}={step}" for step in labelled)


def test_the_order_is_that_of_the_upgrade(tmp_path: Path) -> None:
    _, calls = run(tmp_path, str(FOLDER / "overlays" / "laptop"))
    _assert_order(applied(calls), "migrate", "accounts", "envoy")
    _assert_order(applied(calls), "migrate", "tasks", "inference")
    _assert_order(applied(calls), "files", "gateway")
    _assert_order(applied(calls), "files", "inference")


def test_the_way_back_is_the_other_way_round_and_leaves_the_databases(tmp_path: Path) -> None:
    _, calls = run(tmp_path, "--back", str(FOLDER / "overlays" / "laptop"))
    assert not any("migrate" in word for call in calls for word in call)
    _assert_order(applied(calls), "envoy", "accounts")
    _assert_order(applied(calls), "inference", "tasks")
    _assert_order(applied(calls), "gateway", "files")


def test_a_step_that_fails_is_the_last(tmp_path: Path) -> None:
    status, calls = run(tmp_path, str(FOLDER / "overlays" / "laptop"), failing=f"rollout status deployment --selector {STEP}=tasks")
    assert status != 0
    assert applied(calls)[-1] == f"{STEP}=tasks"


def test_an_overlay_must_be_named(tmp_path: Path) -> None:
    assert run(tmp_path, str(tmp_path)) == (2, [])
    assert run(tmp_path) == (2, [])


def _assert_order(selectors: list[str], *steps: str) -> None:
    places = [selectors.index(f"{STEP}={step}") for step in steps]
    assert places == sorted(places), selectors
