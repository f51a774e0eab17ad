"""The part of the prober that runs in a child. The process that children are forked from imports this, so it imports nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any, NoReturn

from services.files.probe.ranges import ReadRange
from services.files.probe.sniff import probe


def probe_ranges(size: int, max_read_bytes: int, head: bytes, name: str, read: ReadRange) -> dict[str, Any]:
    """The fields of the Probe of the object of this name that begins with `head`, and whose rest `read` reads."""
    return dataclasses.asdict(probe(read, size, max_read_bytes, head, name))


def probe_open(file: int, name: str) -> dict[str, Any]:
    """The same of a whole file, given open."""
    with open(file, "rb", closefd=False) as opened:
        content = opened.read()
    return probe_ranges(len(content), 0, content, name, _nothing_more)


def _nothing_more(offset: int, length: int) -> NoReturn:
    raise ValueError(f"nothing is missing, but {length} bytes at {offset} were asked for")
