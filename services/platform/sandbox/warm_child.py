"""A warm child's work: one job after the other, on files that it is given open, within one confinement."""

from __future__ import annotations

import functools
import os
import pickle
import select
import socket
from dataclasses import dataclass
from typing import Any

from services.platform.freed_memory import OF_PICTURES, give_freed_memory_back, keep_freed_memory
from services.platform.sandbox.child import answer_of, find, send_progress
from services.platform.sandbox.wire import HEADER, receive_exactly

_BUSY_SECONDS = 1.0
"""With no job for so long, a child keeps no memory for the next one."""
MOST_FILES = 4
"""Open files that come with one job."""


@dataclass(frozen=True, slots=True)
class WarmJob:
    """A job of a warm child: `function` is `module:qualified name`. Its first arguments are the descriptors of the files."""

    function: str
    args: tuple[Any, ...]
    with_progress: bool


def serve(connection: socket.socket) -> None:
    """Do the jobs that come over `connection`, until the host hangs up."""
    keep_freed_memory(OF_PICTURES)
    while True:
        _wait(connection)
        head, files, _, _ = socket.recv_fds(connection, HEADER.size, MOST_FILES)
        if not head:
            return
        _, length = HEADER.unpack(head + receive_exactly(connection, HEADER.size - len(head)))
        job: WarmJob = pickle.loads(receive_exactly(connection, length))  # noqa: S301 - written by the host
        args = (*files, *job.args)
        if job.with_progress:
            args = (*args, functools.partial(send_progress, connection))
        try:
            answer = answer_of(functools.partial(find(job.function), *args))
        finally:
            for file in files:
                os.close(file)
        connection.sendall(answer)


def _wait(connection: socket.socket) -> None:
    """Return once something comes over `connection`, or soon, with no freed memory left."""
    if not select.select([connection], [], [], _BUSY_SECONDS)[0]:
        give_freed_memory_back()
