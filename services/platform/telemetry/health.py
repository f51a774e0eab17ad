"""Whether a process is ready: what it depends on can be reached, and it is not about to end.

Liveness is separate: whether the event loop turns. A process that is alive but not ready recovers by itself when what it depends on is
back, so it gets no traffic but is not restarted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.platform.loop import Loop
from services.platform.process import background

_INTERVAL_SECONDS = 1.0
_ALL_WELL_SECONDS = 5.0
"""Calls find out for themselves whether something is away. This is for those who choose where to send them."""
_PROBE_SECONDS = 3.0
_FAILURES = 2
"""One failed probe may be chance, and a process that becomes unready too soon passes its load on to others that are just as busy."""
_NO_ANSWER = "no answer in time"
_logger = get_logger()


class NotThereError(ConnectionError):
    """A probe's failure in words that anybody may read: without addresses and secrets."""


@dataclass(frozen=True, slots=True)
class Need:
    """The current state of a dependency of a process."""

    name: str
    problem: str
    """Why it cannot be reached, in words that anybody may read; empty if it is there."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a process needs."""

    name: str
    probe: Callable[[], Awaitable[None]]
    """Raises when the thing cannot be reached."""
    seconds: float = _INTERVAL_SECONDS
    """How often to look, at most."""


class _Tried:
    """The state of one check. It counts as failing until it has succeeded once."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.problem = self.told = "not checked yet"
        self._failures = _FAILURES
        self._due = 0.0

    async def look(self) -> None:
        """Probe, if a probe is due."""
        if time.monotonic() < self._due:
            return
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self.check.probe()
        except Exception as error:  # noqa: BLE001 - whatever a probe raises says that the thing is not there
            self._failures += 1
            self.problem, self.told = _described(error)
            return
        self._failures, self._due = 0, time.monotonic() + self.check.seconds

    @property
    def failed(self) -> bool:
        """Whether it has failed the last time."""
        return self._failures > 0

    @property
    def failing(self) -> bool:
        """Whether it has failed too often to be chance."""
        return self._failures >= _FAILURES


def _described(error: Exception) -> tuple[str, str]:
    """The problem, and the same in words for the public."""
    if isinstance(error, NotThereError):
        return str(error), str(error)
    if isinstance(error, TimeoutError):
        return _NO_ANSWER, _NO_ANSWER
    # The public text does not name the cause.
    cause = error.__cause__ if isinstance(error, DarkroomError) and error.__cause__ is not None else error
    return f"{type(cause).__name__}: {cause}", type(error).__name__


class Health:
    """Runs the checks that are due: about once a second, and every five seconds while all is well. Without any checks, the process is ready
    from the start."""

    def __init__(self, checks: Sequence[Check] = ()) -> None:
        self._tried = [_Tried(check) for check in checks]
        self._draining = False
        self._listeners: list[Callable[[bool], Awaitable[None]]] = []

    @property
    def problems(self) -> Mapping[str, str]:
        """Why the process is not ready, by check; empty when it is. May be read from any thread."""
        found = {tried.check.name: tried.problem for tried in self._tried if tried.failing}
        return {**found, "draining": "the process is about to end"} if self._draining else found

    @property
    def needs(self) -> Sequence[Need]:
        """Everything that is checked."""
        return [Need(tried.check.name, tried.told if tried.failing else "") for tried in self._tried]

    @property
    def draining(self) -> bool:
        """Whether the process is about to end."""
        return self._draining

    @property
    def ready(self) -> bool:
        """Whether the process should be given work."""
        return not self._draining and not any(tried.failing for tried in self._tried)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Run the checks once, so that the very first answer is correct, and then repeatedly until the block ends."""
        await self.step()
        async with background(Loop("health", self._interval, self.step).run()):
            yield

    def _interval(self) -> float:
        return _INTERVAL_SECONDS if any(tried.failed for tried in self._tried) else _ALL_WELL_SECONDS

    async def on_change(self, listener: Callable[[bool], Awaitable[None]]) -> None:
        """Call `listener(ready)` now and whenever that changes."""
        self._listeners.append(listener)
        await listener(self.ready)

    async def step(self) -> bool:
        """Run every check that is due; there is never more to do at once."""
        before = self.ready
        await asyncio.gather(*(tried.look() for tried in self._tried))
        if self.ready != before:
            await self._tell()
        return False

    async def drain(self, notice_seconds: float = 0.0) -> None:
        """Be unready from now on. Returns after `notice_seconds`, so that load balancers can notice."""
        self._draining = True
        await self._tell()
        await asyncio.sleep(notice_seconds)

    async def _tell(self) -> None:
        _logger.info("readiness_changed", ready=self.ready, problems=dict(self.problems))
        for listener in self._listeners:
            await listener(self.ready)
