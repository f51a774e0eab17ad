"""Memory that a process has freed stays its own for a while: pages that the kernel takes back, and clears again for the next picture, cost
up to a tenth of the work on one of 2 megapixels.

This is glibc's; with another C library nothing changes.
"""

from __future__ import annotations

import ctypes

OF_PICTURES = 64 << 20
"""Bytes for a process that works on pictures: a few copies of the samples of one of 4 megapixels."""
OF_MESSAGES = 16 << 20
"""Bytes for one that passes small files on."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_libc = ctypes.CDLL(None)


def keep_freed_memory(most_bytes: int) -> None:
    """Let this process keep what it frees, up to so many bytes; a block of half as many, or of 32 MiB, is always handed back."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_TRIM_THRESHOLD, most_bytes)
        _libc.mallopt(_MMAP_THRESHOLD, most_bytes // 2)


def give_freed_memory_back() -> None:
    """Hand to the kernel what this process has freed."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
