"""The first process of a host: starts, signals and watches the others there, as it is told by lines of JSON on its standard input.

Run as `python -m tests.cluster.host NAME ADDRESS` in namespaces of its own. With it ends every process of the host, at once and without
notice, and it ends when its input does: so nothing outlives the tests.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.05


class Init:
    """The processes of a host by name. A name is used again once its process has ended."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._statuses: dict[str, int] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request says."""
        match request["do"]:
            case "start":
                return self._start(request)
            case "signal":
                return self._signal(request["name"], request["signal"])
        return {"running": list(self._pids), "statuses": self._statuses}

    def reap(self) -> None:
        """Take note of the processes that have ended, orphans among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name in [name for name, one in self._pids.items() if one == pid]:
                del self._pids[name]
                self._statuses[name] = os.waitstatus_to_exitcode(status)

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        if name in self._pids:
            return {"error": f"{name} is running"}
        with Path(request["log"]).open("ab") as log:
            process = subprocess.Popen(
                request["command"],
                cwd=request["directory"],
                env=request["environment"],
                user=request["user"],
                group=request["user"] and "nogroup",
                extra_groups=[] if request["user"] else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pids[name] = process.pid
        self._statuses.pop(name, None)
        # It is waited for here, and not by the object.
        process.returncode = 0
        return {}

    def _signal(self, name: str, number: int) -> dict[str, Any]:
        if name not in self._pids:
            return {"error": f"{name} is not running"}
        # What it has started is paused or killed with it; a request to end is for itself.
        send = os.kill if number in (signal.SIGTERM, signal.SIGINT) else os.killpg
        send(self._pids[name], number)
        return {}


def main() -> None:
    """Set the host up, and serve requests until the input ends."""
    name, address = sys.argv[1:]
    socket.sethostname(name)
    # Triton names its regions by process ids, which are unique on a host alone.
    commands = [["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], ["ip", "link", "set", "lo", "up"]]
    commands += [["ip", "address", "add", f"{address}/24", "dev", "eth0"], ["ip", "link", "set", "eth0", "up"]]
    for command in commands:
        subprocess.run(command, check=True)
    init, waiting = Init(), b""
    print(json.dumps({}), flush=True)
    while True:
        init.reap()
        if not select.select([0], [], [], _POLL_SECONDS)[0]:
            continue
        received = os.read(0, 1 << 16)
        if not received:
            return
        *lines, waiting = (waiting + received).split(b"\n")
        for line in lines:
            init.reap()
            try:
                answer = init.answer(json.loads(line))
            except (OSError, ValueError) as error:
                answer = {"error": repr(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
