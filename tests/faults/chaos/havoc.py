"""Kills, pauses and restarts parts of a stack and drops connections between them, at random, by a seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping

import asyncpg
import psutil

from deploy.local.errors import NotReady, PartFailed, StackError
from tests.faults.chaos.proxies import Proxy
from tests.stacks import StackUnderTest

# How often each kind of deed is chosen.
KINDS = {"kill": 6, "pause": 2, "restart": 2, "drop": 3}
PARTS = ("inference", "tasks", "files", "accounts", "envoy", "nats", "s3", "postgres", "triton")
# Killed more often: what works on tasks, and what decides about them.
_WEIGHTS = (6, 4, 3, 2, 2, 3, 2, 2, 2)
_MORE_SECONDS = 120
_DATABASES = ("tasks", "files", "accounts")
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


class Havoc:
    """One driver. `log` holds what it did, each with its time since the start in seconds, and `done` how many deeds of each kind succeeded.
    `proxies` are connections that it can drop, by name; those of PostgreSQL it always can."""

    def __init__(self, stack: StackUnderTest, seed: int, proxies: Mapping[str, Proxy]) -> None:
        self._stack, self._random, self._proxies = stack, random.Random(seed), proxies
        self._started = time.monotonic()
        self.log: list[str] = []
        self.done: Counter[str] = Counter()

    def missing(self) -> list[str]:
        """Kinds of deeds that have not succeeded yet."""
        return [kind for kind in KINDS if not self.done[kind]]

    async def wreak(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Do one thing after another for so long, and up to two minutes more until every kind was done and there is `enough` else. Whatever
        was paused runs again at the end; what was killed, the supervisor starts."""
        deeds = {"kill": self._kill, "pause": self._pause, "restart": self._restart, "drop": self._drop}
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end or (now < end + _MORE_SECONDS and (self.missing() or not enough())):
            part = self._random.choices(PARTS, _WEIGHTS)[0]
            kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
            if missing := self.missing():
                kind = self._random.choice(missing)
            try:
                self.done[kind] += await asyncio.to_thread(deeds[kind], part)
            except (StackError, NotReady, PartFailed, OSError, psutil.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                # It was down already, by an earlier deed.
                self._note(f"{part} could not be reached: {error}")
            await asyncio.sleep(self._random.uniform(0.2, 1.5))

    def _kill(self, part: str) -> bool:
        children = psutil.Process(self._stack.pid(part)).children() if part == "triton" else []
        if children and self._random.random() < 0.5:
            # One model alone, as the kernel does when memory runs out.
            self._random.choice(children).kill()
            self._note("a model's process killed")
        else:
            self._stack.kill(part)
            self._note(f"{part} killed")
        return True

    def _pause(self, part: str) -> bool:
        seconds = self._random.uniform(0.5, 3.0)
        pid = self._stack.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            self._wait(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        self._note(f"{part} paused for {seconds:.1f} s")
        return True

    def _restart(self, part: str) -> bool:
        self._stack.restart(part)
        self._note(f"{part} restarted")
        return True

    def _drop(self, _part: str) -> bool:
        name = self._random.choice((*_DATABASES, *self._proxies))
        if name in self._proxies:
            dropped = self._proxies[name].drop()
            self._note(f"{dropped} connections to {name} dropped")
        else:
            dropped = len(self._stack.fetch("postgres", _TERMINATE, name))
            self._note(f"{dropped} connections to the database of {name} dropped")
        return dropped > 0

    def _wait(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        end = clock() + seconds
        while (left := end - clock()) > 0:
            time.sleep(min(left, 0.1))

    def _note(self, text: str) -> None:
        line = f"{time.monotonic() - self._started:6.1f} s  {text}"
        self.log.append(line)
        print(line, flush=True)
