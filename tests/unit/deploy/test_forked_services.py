"""A process that the supervisor forks is like one with an interpreter of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.daemon.child import read_environment
from deploy.local.layout import REPOSITORY

pytestmark = pytest.mark.unit

_VALUE = 'it\'s "quoted" $HOME\nand `two` lines'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has the environment file of the part, and a place for modules."""
    (tmp_path / "part.env").write_text(f"VALUE={shlex.quote(_VALUE)}\nTMPDIR={shlex.quote(str(tmp_path))}\n")
    return tmp_path


def forked(folder: Path, module: str, *preloaded: str) -> subprocess.CompletedProcess[str]:
    """Two forks, one after the other."""
    command = [sys.executable, "-m", "tests.unit.deploy.forking", module, str(folder), *preloaded]
    return _finished(command, {**os.environ, "PYTHONPATH": str(folder)})


def _finished(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # Whoever runs the tests may ignore some signals, and the supervisor's handlers would hide which.
    usual = ("env", "--default-signal")
    return subprocess.run([*usual, *command], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60)


def _module(folder: Path, source: str, name: str = "part_of_a_test") -> str:
    (folder / f"{name}.py").write_text(source)
    return name


def test_a_fork_finds_what_a_fresh_interpreter_finds(folder: Path) -> None:
    module = _module(folder, "from tests.unit.deploy.forking import facts\nfacts()\n")
    ran = forked(folder, module, "wave")
    assert ran.stdout.count("status 0\n") == 2, ran.stderr
    one, other = (json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{"))
    environment = {**os.environ, "PYTHONPATH": str(folder), "VALUE": _VALUE, "TMPDIR": str(folder)}
    fresh: dict[str, Any] = json.loads(_finished([sys.executable, "-u", "-m", module], environment).stdout)
    assert one.pop("random") != other.pop("random") != fresh.pop("random")
    assert one == other
    assert one.pop("loaded") and not fresh.pop("loaded")
    assert one == fresh


@pytest.mark.parametrize(
    ("source", "status", "output", "problem"),
    [
        ("print('done', end='')", 0, "done", ""),
        ("import sys; sys.exit(3)", 3, "", ""),
        ("raise SystemExit('what is wrong')", 1, "", "what is wrong\n"),
        ("1 / 0", 1, "", "ZeroDivisionError: division by zero\n"),
        ("import atexit; atexit.register(print, 'at its end')", 0, "at its end\n", ""),
        ("import threading; threading.Timer(0.01, print, ['from a thread']).start()", 0, "from a thread\n", ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, "", ""),
    ],
)
def test_it_ends_as_one_does(folder: Path, source: str, status: int, output: str, problem: str) -> None:
    ran = forked(folder, _module(folder, source), "wave")
    assert ran.stdout == 2 * f"{output}status {status}\n"
    assert ran.stderr.endswith(problem) and bool(ran.stderr) == bool(problem)


def test_a_package_that_is_loaded_runs_anew(folder: Path) -> None:
    (folder / "package_of_a_test").mkdir()
    (folder / "package_of_a_test" / "__init__.py").touch()
    (folder / "package_of_a_test" / "__main__.py").write_text("print(__name__)")
    ran = forked(folder, "package_of_a_test", "package_of_a_test.__main__")
    assert ran.stdout == "package_of_a_test.__main__\n" + 2 * "__main__\nstatus 0\n"
    assert not ran.stderr


def test_changed_code_gets_an_interpreter_of_its_own(folder: Path) -> None:
    """The first fork changes what has been loaded, the second must not run it."""
    shared = _module(folder, "VALUE = 'old'", "shared_by_parts")
    source = f"""
import sys, {shared}
from pathlib import Path
print({shared}.VALUE, flush=True)
Path({shared}.__file__).write_text("VALUE = 'changed'")
"""
    ran = forked(folder, _module(folder, source), shared)
    assert ran.stdout == "old\nstatus 0\nchanged\nstatus 0\n", ran.stderr


def test_nothing_is_shared_when_threads_were_started(folder: Path) -> None:
    starting = _module(folder, "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    source = f"from deploy.local.daemon.child import Preloader\none = Preloader(['{starting}'])\nprint(one.load(), one.is_current())"
    ran = _finished([sys.executable, "-c", source], {**os.environ, "PYTHONPATH": str(folder)})
    assert ran.stdout == "a module started threads while it was loaded False\n", ran.stderr


def test_nothing_is_shared_when_a_module_cannot_be_loaded() -> None:
    source = "from deploy.local.daemon.child import Preloader\none = Preloader(['nowhere'])\nprint(one.load(), one.is_current())"
    ran = _finished([sys.executable, "-c", source], dict(os.environ))
    assert ran.stdout == "ModuleNotFoundError(\"No module named 'nowhere'\") False\n", ran.stderr


def test_a_file_that_is_more_than_an_environment_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "part.env"
    file.write_text("VALUE=1\nrm -rf /\n")
    with pytest.raises(ValueError, match="NAME=value"):
        read_environment(file)
