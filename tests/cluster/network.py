"""The network of a test: three hosts, each with network, processes and mounts of its own, on one switch with the test itself.

Everything is in the network namespace that the test runs in; `test_three_hosts.py` makes it. Nothing outside can be reached from it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deploy.local.layout import REPOSITORY

CLIENT = "10.77.0.9"
"""The test's own address."""
VIRTUAL = "10.77.0.100"
"""The address of the edge: it is at one of those that have one, as keepalived does it."""
_SWITCH = "switch"
_NAMESPACES = ("--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
_POLL_SECONDS = 0.05


class HostError(Exception):
    """A host could not do what it was told."""


def _ip(*arguments: str, host: int | None = None) -> None:
    prefix = ["nsenter", f"--target={host}", "--net"] if host is not None else []
    done = subprocess.run([*prefix, "ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def why_not_here(isolated: Sequence[str]) -> str:
    """Why there can be no hosts in the network that the command `isolated` starts another one in; empty if there can be."""
    trial = [*isolated, "unshare", "--mount", "--pid", "--fork", "ip", "link", "add", "x", "type", "bridge"]
    try:
        done = subprocess.run(trial, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return f"network namespaces cannot be made here: {done.stderr.strip()}" if done.returncode != 0 else ""


def make_switch() -> None:
    """Lay the switch, with the test on it."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", _SWITCH, "type", "bridge")
    _ip("address", "add", f"{CLIENT}/24", "dev", _SWITCH)
    _ip("link", "set", _SWITCH, "up")


def lead_virtual_address_to(host: Host) -> None:
    """From now on it is that host's."""
    _ip("route", "replace", f"{VIRTUAL}/32", "via", host.address)


class Host:
    """One host. Its processes write to `<folder>/logs/<name>.log`."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.name, self.address, self.folder = f"host{number}", f"10.77.0.{number}", folder
        self._link = f"port{number}"
        self._lock = threading.Lock()
        self._init: subprocess.Popen[bytes] | None = None
        for name in ("logs", "run", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def is_up(self) -> bool:
        """Whether it has processes."""
        return self._init is not None

    def boot(self) -> None:
        """Start the host, with nothing on it yet."""
        first = [sys.executable, "-m", "tests.cluster.host", self.name, self.address]
        # It waits for its network.
        command = ["unshare", *_NAMESPACES, "sh", "-c", 'read _; exec "$@"', "sh", *first]
        self._init = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._wait_for_namespace()
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", str(self._init.pid))
        _ip("link", "set", self._link, "master", _SWITCH, "up")
        assert self._init.stdin is not None
        self._init.stdin.write(b"\n")
        self._ask_nothing()
        _ip("address", "add", f"{VIRTUAL}/32", "dev", "lo", host=self._init.pid)

    def die(self) -> None:
        """End every process at once. Nothing is heard of it any more, not even that connections are closed, as when the power fails."""
        assert self._init is not None
        self.cut_off()
        self._init.kill()
        self._init.wait()
        self._init = None
        # The kernel takes the other end away in its own time.
        with suppress(HostError):
            _ip("link", "delete", self._link)

    def cut_off(self) -> None:
        """Let nothing through any more, in either direction."""
        _ip("link", "set", self._link, "down")

    def reconnect(self) -> None:
        """Let everything through again."""
        _ip("link", "set", self._link, "up")

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, directory: Path = REPOSITORY, user: str | None = None
    ) -> None:
        """Start a process."""
        self._ask(
            do="start",
            name=name,
            command=list(command),
            environment=dict(environment),
            directory=str(directory),
            user=user,
            log=str(self.log(name)),
        )

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        self._ask(do="signal", name=name, signal=int(number))

    def running(self) -> Sequence[str]:
        """Names of the processes that run."""
        names: list[str] = self._ask(do="look")["running"] if self.is_up else []
        return names

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, seconds: float = 60) -> None:
        """Ask a process to end, or make it, and wait until it has."""
        self.send(name, number)
        deadline = time.monotonic() + seconds
        while name in self.running():
            if time.monotonic() > deadline:
                raise HostError(f"{name} on {self.name} has not ended within {seconds} s")
            time.sleep(_POLL_SECONDS)

    def log(self, name: str) -> Path:
        """What a process has written."""
        return self.folder / "logs" / f"{name}.log"

    def _wait_for_namespace(self) -> None:
        """Until `unshare` has left the test's own namespace."""
        assert self._init is not None
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self._init.pid}/ns/net").readlink() == own:
            time.sleep(0.001)

    def _ask(self, **request: object) -> dict[str, Any]:
        if self._init is None or self._init.stdin is None:
            raise HostError(f"{self.name} is down")
        with self._lock:
            self._init.stdin.write(json.dumps(request).encode() + b"\n")
            return self._ask_nothing()

    def _ask_nothing(self) -> dict[str, Any]:
        assert self._init is not None
        assert self._init.stdin is not None
        assert self._init.stdout is not None
        self._init.stdin.flush()
        line = self._init.stdout.readline()
        if not line:
            raise HostError(f"{self.name} has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise HostError(f"{self.name}: {answer['error']}")
        return answer
