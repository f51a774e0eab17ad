"""A sandboxed child's work: take one job, confine itself to it, run the function, answer, exit."""

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import pickle
import socket
import struct
import traceback
from collections.abc import Callable
from typing import Any

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox.confinement import Confinement
from services.platform.sandbox.wire import HEADER, Job, Kind, frame, receive_exactly

_TRACEBACK_CHARACTERS = 8_000


def work(connection: socket.socket, confinement: Confinement) -> None:
    """Serve the one job that comes over `connection`; returns when its answer has been sent."""
    connection.sendall(frame(Kind.STARTED, struct.pack("!I", os.getpid())))
    job = _received(connection)
    connection.sendall(answer_of(lambda: _run(connection, job, confinement)))


def _received(connection: socket.socket) -> Job:
    _, length = HEADER.unpack(receive_exactly(connection, HEADER.size))
    return pickle.loads(receive_exactly(connection, length))  # type: ignore[no-any-return] # noqa: S301 - written by the host


def _run(connection: socket.socket, job: Job, confinement: Confinement) -> Any:
    function = find(job.function)
    args = confinement.enter(job).args
    if job.with_connection:
        args = (*args, connection)
    if job.with_answers:
        args = (*args, functools.partial(_ask, connection))
    if job.with_progress:
        args = (*args, functools.partial(send_progress, connection))
    return function(*args)


def answer_of(call: Callable[[], Any]) -> bytes:
    """The frame that reports to the host what a call returned or raised."""
    out_of_memory = frame(Kind.OUT_OF_MEMORY)  # created while there is still memory for it
    try:
        return _answer(call)
    except MemoryError:
        return out_of_memory


def _answer(call: Callable[[], Any]) -> bytes:
    try:
        result = call()
        if isinstance(result, bytes):
            return frame(Kind.RESULT_BYTES, result)
        return frame(Kind.RESULT, json.dumps(result).encode())
    except MemoryError:
        raise
    except DarkroomError as error:
        return _error(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the host must learn of it: SandboxFailed there
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _error(DarkroomError(ErrorReason.UNAVAILABLE, "There is no disk space left for the work."))
        text = "".join(traceback.format_exception(error))[-_TRACEBACK_CHARACTERS:]
        return frame(Kind.EXCEPTION, json.dumps({"type": type(error).__qualname__, "traceback": text}).encode())


def _error(error: DarkroomError) -> bytes:
    described = {
        "reason": error.reason.value,
        "message": error.message,
        "field": error.field,
        "allowed": error.allowed,
        "metadata": error.metadata,
    }
    return frame(Kind.ERROR, json.dumps(described).encode())


def find(path: str) -> Callable[..., Any]:
    """The function `module:qualified name`."""
    module, _, qualified_name = path.partition(":")
    function: Any = importlib.import_module(module)
    for name in qualified_name.split("."):
        function = getattr(function, name)
    if not callable(function):
        raise TypeError(f"{path} is not callable")
    return function  # type: ignore[no-any-return]


def send_progress(connection: socket.socket, *values: float | str) -> None:
    """Report to the host how far a job is."""
    connection.sendall(frame(Kind.PROGRESS, json.dumps(values).encode()))


def _ask(connection: socket.socket, *question: float | str) -> bytes:
    connection.sendall(frame(Kind.ASK, json.dumps(question).encode()))
    _, given = HEADER.unpack(receive_exactly(connection, HEADER.size))
    return receive_exactly(connection, given)
