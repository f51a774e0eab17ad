"""The worker's folder for files of running tasks."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.platform.log import get_logger

_logger = get_logger()


@contextmanager
def work_folder(parent: Path, worker: str) -> Iterator[Path]:
    """An empty folder for this worker alone, removed when the block ends.

    Several workers may share `parent`. Each holds a lock on its folder, which the kernel releases however the process ends, so an unlocked
    folder was left by a killed worker, and is removed here.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = parent / worker
    with _locked(parent):
        for left in parent.iterdir():
            if left.is_dir():
                _remove_if_unlocked(left)
        folder.mkdir(mode=0o700)
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _remove_if_unlocked(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
            _logger.info("left_folder_removed", folder=folder.name)
    finally:
        os.close(held)
