"""Ends a Triton server that has lost a model's process, so that its supervisor restarts it, and model processes that have lost their
server.

The Python backend runs each model in a process of its own. When one is killed, for example by the kernel when memory runs out, the server
carries on, reports itself and the model as ready, and refuses every further request for that model. When the server is killed, a model's
process does not always notice, and would keep its memory while the next server runs.
"""

import http.client
import os
import select
import signal
import socket
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

_ASK_SECONDS = 0.5
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
    try:
        running = os.pidfd_open(server)
    except ProcessLookupError:
        return
    models: dict[int, int] = {}
    try:
        _watch(server, running, models, http_socket)
    finally:
        _end(list(models.values()))


def _watch(server: int, running: int, models: dict[int, int], http_socket: Path) -> None:
    while not _is_ready(http_socket):
        _add_children(models, server)
        if _ended([running], _ASK_SECONDS):
            return
    # Some processes that the server starts properly end before it is ready.
    ended = _ended(list(models.values()), 0)
    for child in [child for child, process in models.items() if process in ended]:
        del models[child]
    _add_children(models, server)
    if running in _ended([running, *models.values()]):
        return
    # A server that was told to stop ends its models' processes and is no longer ready.
    if _is_ready(http_socket):
        print("models.watch: a model has lost its process; the server ends, to be started again", file=sys.stderr, flush=True)
        signal.pidfd_send_signal(running, signal.SIGTERM)
    if not _ended([running], _END_SECONDS):
        signal.pidfd_send_signal(running, signal.SIGKILL)


def _add_children(models: dict[int, int], server: int) -> None:
    """Adds the pidfd of each process that the server has started, by its id."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(server).children():
            if child.pid not in models:
                with suppress(ProcessLookupError):
                    models[child.pid] = os.pidfd_open(child.pid)


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
    connection = http.client.HTTPConnection("localhost", timeout=_ASK_SECONDS)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ASK_SECONDS)
        connection.sock.connect(os.fspath(http_socket))
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == http.client.OK
    return False
