"""Samples of large pictures in files of the working folder, so that memory holds only what is being worked on."""

from __future__ import annotations

import itertools
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyvips

IN_MEMORY_BYTES = 64 << 20
"""Size up to which samples stay in memory."""


class Spool:
    """Arrays for one piece of work. Those larger than `in_memory_bytes` are mapped files in `folder`.

    The system writes changes to the files by itself and reclaims their memory when it is needed elsewhere; `let_go` returns it at once.
    The files stay until the folder is emptied.
    """

    def __init__(self, folder: Path, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._folder, self._in_memory_bytes = folder, in_memory_bytes
        self._maps: list[mmap.mmap] = []
        self._numbers = itertools.count(1)

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array of undefined samples. Raises OSError (ENOSPC) if the disk has no room for it: writing to it later cannot fail."""
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size <= self._in_memory_bytes:
            return np.empty(shape, dtype)
        path = self._new_file()
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        return self._mapped(path, shape, dtype)

    def compute(self, image: pyvips.Image) -> npt.NDArray[Any]:
        """The samples of a libvips image, height x width x bands, computed here. Raises `pyvips.Error`."""
        shape = image.height, image.width, image.bands
        dtype = np.dtype(np.uint16 if image.format == "ushort" else np.uint8)
        if int(np.prod(shape, dtype=np.int64)) * dtype.itemsize <= self._in_memory_bytes:
            return np.asarray(image.numpy()).reshape(shape)
        path = self._new_file()
        image.rawsave(str(path))
        return self._mapped(path, shape, dtype)

    def let_go(self) -> None:
        """Give back the memory that the mapped files occupy; their contents do not change."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)

    def after(self, check: Callable[[], None]) -> Callable[[], None]:
        """`check`, which is called between two strips of a picture, followed by `let_go`."""

        def check_and_let_go() -> None:
            check()
            self.let_go()

        return check_and_let_go

    def _new_file(self) -> Path:
        return self._folder / f"spool-{next(self._numbers)}"

    def _mapped(self, path: Path, shape: Sequence[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        array = np.memmap(path, dtype, "r+", shape=tuple(shape))
        self._maps.append(cast(mmap.mmap, array.base))
        return array


def file_of(samples: npt.NDArray[Any]) -> Path | None:
    """The file that holds exactly these samples, in row-major order; None for an array in memory or a part of one in a file."""
    if not isinstance(samples, np.memmap) or not samples.filename or not samples.flags.c_contiguous:
        return None
    # A part of a mapped array, or a copy of one, has an array as its base, or nothing.
    base: object = samples.base
    path = Path(samples.filename)
    return path if isinstance(base, mmap.mmap) and path.exists() else None
