"""Keeps a simulation apart from everything else in the process that runs it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import structlog

from services.inference.worker import exchange, lane
from services.platform.loop import Loop
from tests.simulation.worker import SeenExchange
from tests.simulation.world import World

_UNEXPECTED = ("loop_failed", "end_failed", "attempt_crashed")
_EXPECTED = ("UNAVAILABLE", "cannot be reached")


@contextmanager
def isolated(world: World, seed: int, problems: list[str]) -> Iterator[None]:
    """The code under test takes its chances and its ids from the seed, and logs into the record."""

    def log(_logger: Any, _method: str, line: Any) -> Any:
        text = str(line.get("error") or line.get("exc_info") or "")
        if line.get("event") in _UNEXPECTED and text and not any(known in text for known in _EXPECTED):
            problems.append(f"{line['event']}: {text}")
        if world.traces:
            world.note(f"  log: {line.pop('event', '')} { {name: value for name, value in line.items() if name != 'exc_info'} }")
        raise structlog.DropEvent

    known, state = structlog.get_config(), random.getstate()
    structlog.configure(processors=[log], cache_logger_on_first_use=False)
    random.seed(seed)
    Loop._unwoken = 0
    Loop._next.clear()
    try:
        with (
            patch.object(lane, "Exchange", SeenExchange),
            patch.object(exchange, "os", SimpleNamespace(urandom=lambda _: world.new_id().bytes)),
        ):
            yield
    finally:
        random.setstate(state)
        structlog.configure(**known)
