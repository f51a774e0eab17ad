"""Ends a Triton server that has lost a model's process, so that its supervisor restarts it, and model processes that have lost their
server.

The Python backend runs each model in a process of its own. When one is killed, for example by the kernel when memory runs out, the server
carries on, reports itself and the model as ready, and refuses every further request for that model. A model that is unloaded loses its
process too, but is not reported as ready any more. When the server is killed, a model's process does not always notice, and would keep its
memory while the next server runs.
"""

import http.client
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from models.triton_environment import region_prefix

_CODE = "model.py"
_ASK_SECONDS = 0.5
_LOOK_SECONDS = 1.0
_END_SECONDS = 15.0
_MODEL_END_SECONDS = 5.0


def watch_from_outside(server: int, http_socket: Path) -> None:
    """Starts a process that watches the server with this process id until it has ended; it is not a child of the server."""
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        watch(server, http_socket)
    finally:
        os._exit(0)


def watch(server: int, http_socket: Path) -> None:
    """Returns when the server, by itself or because it lost a model's process, and all its models' processes have ended."""
    models: _Models = {}
    try:
        with suppress(ProcessLookupError):
            _watch(server, os.pidfd_open(server), models, http_socket)
    finally:
        # Also those that the server had started since the last look: nobody is their parent any more.
        _end([*_handles(models), *_started_by(server, models)])


@dataclass(frozen=True)
class _Process:
    """That of a model."""

    handle: int
    """Its pidfd."""
    model: str


_Models = dict[int, _Process]
"""By process id."""


def _watch(server: int, running: int, models: _Models, http_socket: Path) -> None:
    while not _is_ready(http_socket):
        _add_children(models, server)
        if _ended([running], _ASK_SECONDS):
            return
    # Some processes that the server starts properly end before it is ready; another one may have been killed just then.
    ended = _ended(_handles(models), 0)
    while True:
        gone = _forget(models, ended)
        # A server that was asked to stop ends its models' processes and answers no longer.
        ready = _ready_models(http_socket, running) if gone else ()
        if ready is None:
            break
        # Models are loaded and unloaded while the server runs.
        alive = {models[child].model for child in _add_children(models, server)}
        if any(model in ready and model not in alive for model in gone):
            print("models.watch: a model has lost its process; the server ends, to be started again", file=sys.stderr, flush=True)
            signal.pidfd_send_signal(running, signal.SIGTERM)
            break
        ended = _ended([running, *_handles(models)], _LOOK_SECONDS)
        if running in ended:
            return
    if not _ended([running], _END_SECONDS):
        signal.pidfd_send_signal(running, signal.SIGKILL)


def _handles(models: _Models) -> list[int]:
    return [process.handle for process in models.values()]


def _forget(models: _Models, ended: list[int]) -> list[str]:
    """Remove the processes that have ended; returns whose they were."""
    gone = [child for child, process in models.items() if process.handle in ended]
    forgotten = [models.pop(child) for child in gone]
    for process in forgotten:
        os.close(process.handle)
    return [process.model for process in forgotten]


def _ready_models(http_socket: Path, running: int) -> Collection[str] | None:
    """The models that the server reports as ready; None if it has ended, or does not answer for a while."""
    latest = time.monotonic() + _END_SECONDS
    while (body := _ask(http_socket, "POST", "/v2/repository/index")) is None:
        if _ended([running], _ASK_SECONDS) or time.monotonic() > latest:
            return None
    return {str(model["name"]) for model in json.loads(body) if model.get("state") == "READY"}


def _add_children(models: _Models, server: int) -> list[int]:
    """Adds the processes of models that the server has started; their second argument is `<repository>/<model>/<version>/model.py`. Returns
    the ids of those that run now."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(server).children():
            with suppress(ProcessLookupError, psutil.Error, IndexError):
                code = Path(child.cmdline()[1])
                if child.status() == psutil.STATUS_ZOMBIE or code.name != _CODE:
                    continue
                if child.pid not in models:
                    models[child.pid] = _Process(os.pidfd_open(child.pid), code.parts[-3])
                found.append(child.pid)
    return found


def _started_by(server: int, known: Collection[int]) -> list[int]:
    """Pidfds of the processes of models that a server, which may have ended, has started, by the shared memory that it has named to them;
    those that are known are left out."""
    prefix, found = region_prefix(server), []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.Error):
            if process.pid not in known and any(word.startswith(prefix) for word in process.cmdline()):
                found.append(os.pidfd_open(process.pid))
    return found


def _end(processes: list[int]) -> None:
    """Kills processes that do not end by themselves within a few seconds."""
    latest = time.monotonic() + _MODEL_END_SECONDS
    while processes and (ended := _ended(processes, max(0.0, latest - time.monotonic()))):
        processes = [process for process in processes if process not in ended]
    for process in processes:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)


def _ended(processes: list[int], seconds: float | None = None) -> list[int]:
    """The processes that have ended, as soon as one has; none if `seconds` pass first."""
    poll = select.poll()
    for process in processes:
        poll.register(process, select.POLLIN)
    return [process for process, _ in poll.poll(None if seconds is None else seconds * 1000)]


def _is_ready(http_socket: Path) -> bool:
    return _ask(http_socket, "GET", "/v2/health/ready") is not None


def _ask(http_socket: Path, verb: str, path: str) -> bytes | None:
    """The server's answer; None if it does not answer, or refuses."""
    connection = http.client.HTTPConnection("localhost", timeout=_ASK_SECONDS)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ASK_SECONDS)
        connection.sock.connect(os.fspath(http_socket))
        connection.request(verb, path)
        response = connection.getresponse()
        return response.read() if response.status == http.client.OK else None
    return None
