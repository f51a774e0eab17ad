"""Process-wide settings of libvips, set once by the composition root before the first picture."""

from __future__ import annotations

import pyvips


def configure_libvips(threads: int) -> None:
    """Bounds the threads a libvips pipeline may use, and keeps it from caching users' pictures between tasks."""
    pyvips.concurrency_set(threads)
    pyvips.cache_set_max(0)
