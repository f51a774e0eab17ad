"""A network on a GPU, in the process that runs the networks of all models there."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path

import numpy as np
from area import Area  # type: ignore[import-not-found]  # is next to this file in the repository
from batching import plan_runs  # type: ignore[import-not-found]
from numpy.typing import NDArray

_PROCESS = Path(__file__).with_name("gpu_process.py")
_START_SECONDS = 30.0
_TRIES = 3
_LACKS_MEMORY = "OutOfMemory"
"""The start of the message of such an error of `gpu_process.py`."""


class GpuError(RuntimeError):
    """The GPU's process has refused or failed."""


class GpuNetwork:
    """A session of `file` on the GPU `device`, which is given `sizes` numbers of rows at a time, and `memory_mib` for a run (0: no limit).

    This process ends together with the GPU's, so that the server is seen to have lost a model, and is started again.
    """

    def __init__(self, file: Path, device: int, provider: str, sizes: Sequence[int], memory_mib: int) -> None:
        self._sizes, self._limit = sizes, sizes[-1]
        self._running = 0
        self._given, self._made = Area.create(), Area.create()
        self._closing = threading.Event()
        order = {"file": str(file), "device": device, "provider": provider, "memory_mib": memory_mib}
        for left in reversed(range(_TRIES)):
            # One that had no models left may be about to end.
            with contextlib.suppress(*((EOFError, ConnectionError) if left else ())):
                self._load(order)
                break
        threading.Thread(target=self._watch, name="gpu", daemon=True).start()

    def _load(self, order: dict[str, object]) -> None:
        self._socket = _connected(int(str(order["device"])))
        self._connection = Connection(os.dup(self._socket.fileno()))
        for area in (self._given, self._made):
            send_handle(self._connection, area.descriptor, 0)
        self._connection.send(order)
        if error := self._connection.recv():
            raise GpuError(error)

    def run(self, pictures: NDArray[np.uint8], abandoned: Callable[[], bool]) -> NDArray[np.uint8]:
        """The network's output. Raises GpuError, also when it is `abandoned` between two runs.

        Where memory is too short for a run, this and all later ones have half as many rows.
        """
        while True:
            try:
                return self._in_runs(pictures, abandoned)
            except GpuError as error:
                if not str(error).startswith(_LACKS_MEMORY) or self._running == 1:
                    raise
                self._limit = max(size for size in self._sizes if size < self._running)

    def close(self) -> None:
        """End the session."""
        self._closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)

    def _in_runs(self, pictures: NDArray[np.uint8], abandoned: Callable[[], bool]) -> NDArray[np.uint8]:
        results = []
        first = 0
        for rows, size in plan_runs(len(pictures), self._sizes, self._limit):
            if abandoned():
                raise GpuError("nobody waits for the result")
            given = self._given.array((size, *pictures.shape[1:]))
            given[:rows] = pictures[first : first + rows]
            given[rows:] = given[:1]
            self._running = size
            results.append(self._run(given.shape)[:rows].copy())
            first += rows
        return results[0] if len(results) == 1 else np.concatenate(results)

    def _run(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        self._connection.send(shape)
        answer = self._connection.recv()
        if isinstance(answer, str):
            raise GpuError(answer)
        made: NDArray[np.uint8] = self._made.array(answer)
        return made

    def _watch(self) -> None:
        watched = select.poll()
        watched.register(self._socket.fileno(), select.POLLRDHUP)
        watched.poll()
        if not self._closing.is_set():
            print("gpu_network: the GPU's process has ended", flush=True)
            os._exit(1)


def _connected(device: int) -> socket.socket:
    """A connection to the GPU's process of this server, which is started if there is none."""
    # Containers that share a network differ in the namespace.
    name = f"\0darkroom-gpu-{Path('/proc/self/ns/pid').stat().st_ino}-{os.getppid()}-{device}"
    with socket.socket(socket.AF_UNIX) as listener:
        # Only one process can have the name: that starts the GPU's process, and the rest finds it.
        try:
            listener.bind(name)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            listener.listen(256)
            _start(listener)
    latest = time.monotonic() + _START_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(name)
        except ConnectionRefusedError:
            connection.close()
            if time.monotonic() > latest:
                raise
            time.sleep(0.05)
            continue
        _check_user(connection)
        return connection


def _start(listener: socket.socket) -> None:
    """Starts the GPU's process, which takes connections from the listener."""
    program = shutil.which("python3")
    if program is None:
        raise GpuError("no python3 on PATH")
    subprocess.Popen(
        [program, str(_PROCESS), str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        # It ends with its last connection, not with a signal to the terminal.
        start_new_session=True,
    )


def _check_user(connection: socket.socket) -> None:
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if user != os.geteuid():
        raise GpuError(f"user {user} has taken the address of the GPU's process")
