"""Runs the `darkroom` command in forks of a process that has imported it: a test that runs it twenty times waits for its imports once.

`python -m tests.harness.command_server SOCKET` serves until its standard input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from darkroom.cli import app

_REPOSITORY = Path(__file__).resolve().parents[2]
_LONGEST = 1 << 20
WIDTH = "120"
"""Of tables, in columns: read when the command is imported."""


class CommandServer:
    """The process, started by the first run. It ends when this one does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._path = ""
        self._lock = threading.Lock()

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Exit status, standard output and errors of one run. It has no standard input."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._listening())
            asked = json.dumps({"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)})
            socket.send_fds(connection, [asked.encode()], [out.fileno(), err.fileno()])
            connection.shutdown(socket.SHUT_WR)
            status = int(connection.recv(16))
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return status, texts[0], texts[1]

    def _listening(self) -> str:
        with self._lock:
            if self._process is None:
                self._path = str(Path(tempfile.mkdtemp(prefix="darkroom-command-")) / "socket")
                command = [sys.executable, "-m", "tests.harness.command_server", self._path]
                pipe, environment = subprocess.PIPE, {**os.environ, "COLUMNS": WIDTH}
                self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=_REPOSITORY, env=environment)
                assert self._process.stdout is not None
                self._process.stdout.readline()
            return self._path


def _serve(path: str) -> None:
    # What commands import once they need it.
    for module in ("darkroom.client", "httpx", "typer.rich_utils"):
        import_module(module)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("listening", flush=True)
        threading.Thread(target=_end_with_caller, args=[path], daemon=True).start()
        # Nobody waits for the processes that wait for the runs.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _supervise(connection)


def _supervise(connection: socket.socket) -> None:
    """Run the command in another fork, and tell how it ended."""
    content, (out, err), _, _ = socket.recv_fds(connection, _LONGEST, 2)
    while chunk := connection.recv(_LONGEST):
        content += chunk
    asked = json.loads(content)
    child = os.fork()
    if child == 0:
        _become(asked["arguments"], asked["folder"], asked["environment"], out, err)
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(arguments: Sequence[str], folder: str, environment: Mapping[str, str], out: int, err: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((null, out, err)):
        os.dup2(descriptor, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["darkroom", *arguments]
    status = 0
    try:
        app.main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _end_with_caller(path: str) -> None:
    sys.stdin.buffer.read()
    with contextlib.suppress(OSError):
        Path(path).unlink()
        Path(path).parent.rmdir()
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
