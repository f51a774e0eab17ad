"""The process that runs the networks of all models on one GPU: `gpu_process.py LISTENER`, the descriptor of a listening socket.

A process on a GPU has a context of its own there, hundreds of megabytes before the first network is loaded; so all models of a server
share one. Each connection is a model's instance. It sends the descriptors of two areas of memory, for pictures and for results, and what to
load; the answer is None, or an error's text. Then it sends the shape of the pictures that it has put into the first area, and gets
that of the result in the second, or an error's text. The session ends with its connection, and this process with the last one.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

import numpy as np
import onnxruntime
from area import Area  # type: ignore[import-not-found]  # is next to this file in the repository
from cuda_libraries import PROVIDER, load, require_gpu  # type: ignore[import-not-found]
from idle_memory import IdleRelease, release  # type: ignore[import-not-found]
from numpy.typing import NDArray

_IDLE_S = 5.0
"""Idle seconds after which a session gives the memory of its activations back to the GPU."""
_FIRST_SECONDS, _LINGER_SECONDS = 30.0, 2.0
"""For which it waits for the first connection, and after the last one for another, such as that of a model that is replaced."""
_loading = threading.Lock()
_SIGNS = ("Failed to allocate memory", "out of memory", "ALLOC_FAILED", "Available memory of", "BFCArena")


class _Session:
    def __init__(self, order: dict[str, Any]) -> None:
        self._session = loaded(order)
        self._input = self._session.get_inputs()[0].name
        self._place = f"gpu:{order['device']}" if order["provider"] == PROVIDER else "cpu:0"
        self._memory = IdleRelease(self._release, _IDLE_S)
        self._memory.start()

    def run(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The network's output. If memory is short, that of earlier runs is given back first, which may lie in pieces."""
        self._last = pictures[:1].copy()
        with self._memory.running():
            try:
                return self._run(pictures)
            except Exception as error:
                if not _tells_of_memory(error):
                    raise
            self._release()
            return self._run(pictures)

    def close(self) -> None:
        self._memory.close()

    def _run(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        result: NDArray[np.uint8] = self._session.run(None, {self._input: pictures})[0]
        return result

    def _release(self) -> None:
        release(self._session, self._input, self._last, self._place)


def loaded(order: dict[str, Any]) -> onnxruntime.InferenceSession:
    """A session on a GPU: `file`, `device`, `provider`, and `memory_mib` for a run (0: no limit). Raises what onnxruntime raises."""
    options = onnxruntime.SessionOptions()
    # With patterns, a run would take one block for each shape instead of pieces that all shapes share.
    options.enable_mem_pattern = False
    # Weights stay outside of the arena, which can then be given back whole.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    provider = order["provider"]
    settings = {}
    if provider == PROVIDER:
        with _loading:
            load()
        settings = {
            "device_id": str(order["device"]),
            # The default, EXHAUSTIVE, tries all algorithms with each new shape: seconds, and gigabytes of workspace.
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        }
        if order["memory_mib"]:
            settings["gpu_mem_limit"] = str(order["memory_mib"] << 20)
    session = onnxruntime.InferenceSession(order["file"], sess_options=options, providers=[(provider, settings)])
    if provider == PROVIDER:
        require_gpu(session)
    return session


def _tells_of_memory(error: Exception) -> bool:
    return any(sign.lower() in str(error).lower() for sign in _SIGNS)


def _serve(connection: Connection) -> None:
    given, made = (Area(recv_handle(connection)) for _ in range(2))
    try:
        session = _Session(connection.recv())
    # The model's process reports whatever keeps a network from loading.
    except Exception as error:  # noqa: BLE001
        connection.send(f"{type(error).__name__}: {error}")
        return
    connection.send(None)
    try:
        while True:
            shape = connection.recv()
            try:
                result = session.run(given.array(shape))
                made.array(result.shape)[...] = result
                connection.send(result.shape)
            except Exception as error:  # noqa: BLE001
                kind = "OutOfMemory" if _tells_of_memory(error) else type(error).__name__
                connection.send(f"{kind}: {error}")
    except EOFError:
        pass
    finally:
        session.close()


def main(listener: socket.socket) -> None:
    """Serve connections of this user until there is none any more."""
    threads: list[threading.Thread] = []
    listener.settimeout(_FIRST_SECONDS)
    while True:
        try:
            accepted, _ = listener.accept()
        except TimeoutError:
            threads = [thread for thread in threads if thread.is_alive()]
            if not threads:
                return
            continue
        credentials = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[1] != os.geteuid():
            accepted.close()
            continue
        listener.settimeout(_LINGER_SECONDS)
        accepted.settimeout(None)
        threads.append(threading.Thread(target=_serve, args=[Connection(accepted.detach())], daemon=True))
        threads[-1].start()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
