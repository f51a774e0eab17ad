"""Another version of this repository, which runs on a stack of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.errors import NotReady
from deploy.local.health import check_health
from deploy.local.layout import REPOSITORY
from tests.stacks import StackUnderTest

PARTS = ("accounts", "files", "tasks", "inference", "gateway")
_BUILT = (Path(".cache/swagger-ui"), Path(".cache/console"))
"""What set-up makes, and the edge serves."""
_ONLY_BEFORE = Path(".cache/swagger-ui/favicon-32x32.png")
"""Served by the edge of 0.1.0, and not made by this version's set-up."""
_START = """
import sys
from pathlib import Path
from deploy.local.scratch.stack import ScratchStack
folder, *parts = sys.argv[1:]
stack = ScratchStack(Path(folder), guarded=False)
stack.up(parts)
stack.start("envoy")
print(stack.url)
"""
_STOP = """
import asyncio, sys
from pathlib import Path
from deploy.local.assembly import open_stack
asyncio.run(open_stack(Path(sys.argv[1])).down())
"""


@dataclass(frozen=True)
class Replica:
    """A process of one of its services, beside or in place of this version's."""

    service: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it as a supervisor does."""
        self.process.terminate()
        assert self.process.wait(60) == 0, f"{self.service} of the previous version ended with {self.process.returncode}"


class Version:
    """The code of a commit in a folder of its own, with a virtual environment that has this version's packages and that code."""

    def __init__(self, revision: str) -> None:
        commit = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        if not commit:
            pytest.skip(
                f"{revision} is not released yet, or this clone lacks it: `git fetch --unshallow --tags`, or name another (PREVIOUS=TAG)"
            )
        self._folder = REPOSITORY / ".cache" / "previous" / commit
        self._python = self._folder / ".venv" / "bin" / "python"
        if not (self._folder / "gen").exists():
            self._check_out(commit)

    def _check_out(self, commit: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(["git", "archive", commit], cwd=REPOSITORY, stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", self._folder], stdin=archive.stdout, check=True)
        own = self._folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", own], check=True)
        [installed] = own.glob("lib/*/site-packages")
        paths = (self._folder, self._folder / "gen", self._folder / "clients" / "python", Path(pytest.__file__).parents[1])
        (installed / "code.pth").write_text("".join(f"{path}\n" for path in paths))
        for program in Path(sys.executable).parent.iterdir():
            if not (own / "bin" / program.name).exists():
                (own / "bin" / program.name).symlink_to(program)
        for built in _BUILT:
            (self._folder / built.parent).mkdir(exist_ok=True)
            (self._folder / built).symlink_to(REPOSITORY / built)
        (self._folder / _ONLY_BEFORE).touch()
        self._run("protos/generate.py")

    def up(self, stack: StackUnderTest) -> str:
        """Start the stack with this version's own `deploy.local`, without what needs models; returns its URL."""
        return self._run("-c", _START, str(stack.dir), *PARTS).splitlines()[-1]

    def down(self, stack: StackUnderTest) -> None:
        """Stop it, likewise."""
        self._run("-c", _STOP, str(stack.dir))

    def admin(self, stack: StackUnderTest, service: str, *arguments: str) -> str:
        """What an administration command prints."""
        return self._run("-m", "deploy.local", "--dir", str(stack.dir), "admin", service, *arguments)

    def replica(self, stack: StackUnderTest, service: str, instead: bool = True, **settings: str) -> Replica:
        """Run a service with the settings that the stack's has: in its place, or beside it with listeners of its own."""
        environment = {**stack.settings(service), "TMPDIR": str(stack.stack.config.layout.tmp), "PATH": os.environ["PATH"], **settings}
        if instead:
            stack.stop(service)
        log = (stack.dir / "logs" / f"{service}-of-the-previous-version.log").open("ab")
        command = [self._python, "-m", f"services.{service}"]
        with log:
            process = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        replica = Replica(service, process)
        _wait_until_ready(stack, replica, environment)
        return replica

    def _run(self, *arguments: str) -> str:
        # Not what the shell has set for this version.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DARKROOM_", "PYTHON"))}
        result = subprocess.run(
            [self._python, *arguments], cwd=self._folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert result.returncode == 0, f"{self._folder}: {result.stdout}{result.stderr}"
        return result.stdout


def _wait_until_ready(stack: StackUnderTest, replica: Replica, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 180
    while True:
        assert replica.process.poll() is None, f"{replica.service} of the previous version has ended"
        try:
            check_health(environment["DARKROOM_INTERNAL_LISTEN"], replica.service, None)
            return
        except NotReady as problem:
            assert time.monotonic() < deadline, problem
            time.sleep(0.1)
