"""Kills, freezes, pauses and restarts parts of a stack, drops connections between them, fills its disk and steps its clock, by a plan."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import asyncpg
import psutil

from deploy.local.errors import NotReady, PartFailed, StackError
from tests.faults.chaos.machine import SmallDisk, SteppedClock
from tests.faults.chaos.minimums import FREEZE_SECONDS, MODEL, SUPERVISOR, Deed
from tests.faults.chaos.proxies import Proxy
from tests.faults.chaos.recovery import Recovery
from tests.stacks import StackUnderTest

_DATABASES = ("tasks", "files", "accounts")
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
_FULL_SECONDS = 20.0
# Leases and sessions end early or late by it; a machine whose time was wrong by more is set when it starts, before the stack.
_STEP_SECONDS = 30
_STEPPED_SECONDS = 8.0
_AGAIN_SECONDS = 0.3
_PATIENCE_SECONDS = 300.0
_CANNOT = (StackError, NotReady, PartFailed, OSError, psutil.Error, asyncpg.PostgresError, asyncpg.InterfaceError)


class Havoc:
    """One driver. `log` holds what it did, each with its time since the start in seconds. `done` counts the deeds, `kills` those of each
    process, `seconds` how long parts were frozen and the disk was full."""

    def __init__(
        self, stack: StackUnderTest, seed: int, proxies: Mapping[str, Proxy], disk: SmallDisk, clock: SteppedClock, recovery: Recovery
    ) -> None:
        self._stack, self._random, self._proxies = stack, random.Random(seed), proxies
        self._disk, self._clock, self._recovery = disk, clock, recovery
        self._started = time.monotonic()
        self.log: list[str] = []
        self.done: Counter[Deed] = Counter()
        self.kills: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()

    async def wreak(self, deeds: Collection[Deed], done: Callable[[], float]) -> None:
        """Do one after the other. After about half of them the system may recover, and clients go on until as much of their work is done as
        of the deeds; the others come on top."""
        for number, deed in enumerate(deeds, 1):
            await self._insist(deed)
            self.done[deed] += 1
            if self._random.random() < 0.5:
                await self._recovery.measure(" and ".join((deed.kind, *deed.parts)))
                await _until(lambda number=number: done() >= number / len(deeds))
            else:
                await asyncio.sleep(self._random.uniform(0.2, 1.5))

    async def _insist(self, deed: Deed) -> None:
        """Until it is done: what it is done to may be down, by an earlier deed."""
        deeds: Mapping[str, Callable[[Deed], None]] = {
            "kill": self._kill,
            "pair": self._kill,
            "freeze": self._freeze,
            "pause": self._pause,
            "restart": self._restart,
            "drop": self._drop,
            "disk": self._fill,
            "clock": self._step,
        }
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await asyncio.to_thread(deeds[deed.kind], deed)
            except _CANNOT as error:
                if time.monotonic() > end:
                    self._note(f"{deed} cannot be done: {error}")
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)

    def _kill(self, deed: Deed) -> None:
        # All are found before the first is killed.
        for process in [self._process(part) for part in deed.parts]:
            process.kill()
        self.kills.update(deed.parts)
        self._note(f"{' and '.join(deed.parts)} killed")
        if SUPERVISOR in deed.parts:
            # Nothing starts it again here; on a machine of an operator's, systemd does.
            self._stack.up()

    def _process(self, part: str) -> psutil.Process:
        if part == SUPERVISOR:
            return psutil.Process(self._stack.run(self._stack.stack.supervisor.pid()))
        if part != MODEL:
            return psutil.Process(self._stack.pid(part))
        children = psutil.Process(self._stack.pid("triton")).children()
        if not children:
            raise StackError("Triton has no models yet")
        return self._random.choice(children)

    def _freeze(self, deed: Deed) -> None:
        [part] = deed.parts
        process = psutil.Process(self._stack.pid(part))
        # PostgreSQL's sessions are processes of their own.
        with _stopped(process):
            time.sleep(FREEZE_SECONDS)
        self.seconds[f"{part} frozen"] += int(FREEZE_SECONDS)
        self._note(f"{part} frozen for {FREEZE_SECONDS:.0f} s")

    def _pause(self, deed: Deed) -> None:
        [part] = deed.parts
        seconds = self._random.uniform(0.5, 3.0)
        with _stopped(psutil.Process(self._stack.pid(part))):
            time.sleep(seconds)
        self._note(f"{part} paused for {seconds:.1f} s")

    def _restart(self, deed: Deed) -> None:
        [part] = deed.parts
        self._stack.restart(part)
        self._note(f"{part} restarted")

    def _drop(self, deed: Deed) -> None:
        names = (*_DATABASES, *self._proxies)
        name = names[int(deed.parts[0]) % len(names)]
        dropped = self._proxies[name].drop() if name in self._proxies else len(self._stack.fetch("postgres", _TERMINATE, name))
        if not dropped:
            raise StackError(f"{name} has no connections")
        self._note(f"{dropped} connections to {name} dropped")

    def _fill(self, _deed: Deed) -> None:
        end = time.monotonic() + _FULL_SECONDS
        try:
            while time.monotonic() < end:
                self._disk.fill()
                time.sleep(0.2)
        finally:
            self._disk.empty()
        self.seconds["disk full"] += int(_FULL_SECONDS)
        self._note(f"the disk was full for {_FULL_SECONDS:.0f} s")

    def _step(self, deed: Deed) -> None:
        seconds = int(f"{deed.parts[0]}{_STEP_SECONDS}")
        self._clock.step(seconds)
        time.sleep(_STEPPED_SECONDS)
        self._clock.step(0)
        self._note(f"the clock was {seconds:+d} s for {_STEPPED_SECONDS:.0f} s")

    def _note(self, text: str) -> None:
        line = f"{time.monotonic() - self._started:6.1f} s  {text}"
        self.log.append(line)
        print(line, flush=True)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.1)


@contextmanager
def _stopped(process: psutil.Process) -> Iterator[None]:
    """With its children, if it is PostgreSQL, whose sessions they are; those of others go on, as they do where a process hangs."""
    stopped = [process]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        if process.name() == "postgres":
            for child in process.children(recursive=True):
                os.kill(child.pid, signal.SIGSTOP)
                stopped.append(child)
        yield
    finally:
        for one in reversed(stopped):
            os.kill(one.pid, signal.SIGCONT)
