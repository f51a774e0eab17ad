"""A network on the processor, in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from idle_memory import IdleRelease, release  # type: ignore[import-not-found]
from numpy.typing import NDArray

_CANCELLATION_POLL_S = 0.25
_IDLE_S = 5.0
"""Idle seconds after which the memory of activations is released: IS-Net then rests at 0.5 GB instead of 0.9 GB. Releasing it after each
run would cost 5 % of the run time, since the next run must allocate it all again."""


class CpuNetwork:
    """One session of `file`; it uses `threads` threads, or with 0 one for each core that this process may use."""

    def __init__(self, file: Path, threads: int) -> None:
        self._session = onnxruntime.InferenceSession(file, sess_options=_session_options(threads), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._memory = IdleRelease(lambda: release(self._session, self._input, self._last, "cpu:0"), _IDLE_S)
        self._memory.start()

    def run(self, pictures: NDArray[np.uint8], abandoned: Callable[[], bool]) -> NDArray[np.uint8]:
        """The network's output. The run ends at its next operator, with an exception, once it is `abandoned`."""
        options = onnxruntime.RunOptions()
        self._last = pictures[:1]
        with self._memory.running(), _ended_by_cancellation(abandoned, options):
            (result,) = self._session.run(None, {self._input: pictures}, options)
        answer: NDArray[np.uint8] = result
        return answer

    def close(self) -> None:
        """End the thread that watches the memory."""
        self._memory.close()


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # Without an explicit number onnxruntime counts the machine's cores and pins threads to them, even in a container or
    # under an affinity mask that grants fewer.
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    # Threads that spin between operators take cores from the machine's other processes and gain nothing measurable here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


@contextmanager
def _ended_by_cancellation(abandoned: Callable[[], bool], options: onnxruntime.RunOptions) -> Iterator[None]:
    """Stops the run at its next operator once no client is waiting for it; the session then raises."""
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(_CANCELLATION_POLL_S):
            if abandoned():
                options.terminate = True
                return

    watcher = threading.Thread(target=watch, name="cancellation")
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
