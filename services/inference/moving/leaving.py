"""How a child that reads leaves each frame to the worker: its samples as a file, and their description as a question.

The answer comes when the worker has room for one more frame.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.uint8]
Ask = Callable[..., bytes]


def frame_file(folder: Path, number: int) -> Path:
    """The file of a frame: its pixels, height x width x 3, and then its alpha, if it has any."""
    return folder / f"frame-{number}"


class Leaving:
    """The frames that were left so far."""

    def __init__(self, folder: Path, ask: Ask) -> None:
        self._folder, self._ask = folder, ask
        self.count = 0

    def leave(self, pixels: Samples, alpha: Samples | None, microseconds: int) -> None:
        """Leave one frame, and wait until the worker has room for the next one."""
        with frame_file(self._folder, self.count).open("wb") as file:
            np.ascontiguousarray(pixels).tofile(file)
            if alpha is not None:
                np.ascontiguousarray(alpha).tofile(file)
        self.count += 1
        self._ask(pixels.shape[1], pixels.shape[0], alpha is not None, microseconds)
