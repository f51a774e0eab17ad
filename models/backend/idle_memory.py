"""Releases a session's memory after an idle period; installed next to model.py in the repository."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnxruntime

Wait = Callable[[threading.Event, float], bool]
"""Waits until an event is set, at most for the given seconds. Returns whether it is set."""


class IdleRelease:
    """Calls `release` once whenever no run has started for `idle_seconds` after others; never during a run."""

    def __init__(self, release: Callable[[], None], idle_seconds: float, wait: Wait = threading.Event.wait) -> None:
        self._release, self._idle_seconds, self._wait = release, idle_seconds, wait
        self._running = threading.Lock()
        self._used = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def start(self) -> None:
        """Start watching, in a separate thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching and wait for the thread to end."""
        self._ended.set()
        self._used.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Context manager around a run."""
        self._used.set()
        with self._running:
            yield

    def _watch(self) -> None:
        while True:
            self._used.wait()
            self._used.clear()
            while not self._ended.is_set() and self._wait(self._used, self._idle_seconds):
                self._used.clear()
            if self._ended.is_set():
                return
            if self._running.acquire(blocking=False):
                try:
                    self._release()
                finally:
                    self._running.release()
            else:
                # A run is taking longer than the idle period.
                self._used.set()


def release(session: onnxruntime.InferenceSession, name: str, picture: NDArray[np.uint8], place: str) -> None:
    """Frees the memory that a session holds for activations in `place`, "cpu:0" or "gpu:N", with a run of its input `name` that terminates
    before its first operator and shrinks the memory as it ends."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", place)
    options.terminate = True
    # The early termination is reported as an error.
    with suppress(Exception):
        session.run(None, {name: picture}, options)
