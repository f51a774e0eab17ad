"""Memory that two processes share, without a name: it ends with its last descriptor."""

from __future__ import annotations

import math
import mmap
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Area:
    """Shared memory behind the descriptor of a memfd; it grows, and is only ever used by one of the two processes at a time."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._mapped: mmap.mmap | None = None

    @classmethod
    def create(cls) -> Area:
        """An empty area."""
        return cls(os.memfd_create("darkroom-tensors", os.MFD_CLOEXEC))

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """The start of the area as uint8 of this shape. It is valid until an array of another shape is asked for."""
        size = math.prod(shape)
        if os.fstat(self.descriptor).st_size < size:
            os.truncate(self.descriptor, size)
        if self._mapped is None or len(self._mapped) < size:
            self._mapped = mmap.mmap(self.descriptor, os.fstat(self.descriptor).st_size)
        found: NDArray[Any] = np.frombuffer(self._mapped, np.uint8, size).reshape(shape)
        return found
