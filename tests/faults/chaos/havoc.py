"""Kills, pauses and restarts parts of a stack and drops connections between them, at random, by a seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Mapping

import asyncpg
import psutil

from deploy.local.errors import NotReady, PartFailed, StackError
from tests.faults.chaos.proxies import Proxy
from tests.stacks import StackUnderTest

PARTS = ("inference", "tasks", "files", "accounts", "envoy", "nats", "s3", "postgres", "triton")
# Killed more often: what works on tasks, and what decides about them.
_WEIGHTS = (6, 4, 3, 2, 2, 3, 2, 2, 2)
_DATABASES = ("tasks", "files", "accounts")
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


class Havoc:
    """One driver. `log` holds what it did, each with its time since the start in seconds. `proxies` are connections that it can drop, by
    name; those of PostgreSQL it always can."""

    def __init__(self, stack: StackUnderTest, seed: int, proxies: Mapping[str, Proxy]) -> None:
        self._stack, self._random, self._proxies = stack, random.Random(seed), proxies
        self._started = time.monotonic()
        self.log: list[str] = []

    async def wreak(self, seconds: float) -> None:
        """Do one thing after another for so long. Whatever was paused runs again at the end; what was killed, the supervisor starts."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            part = self._random.choices(PARTS, _WEIGHTS)[0]
            deed = self._random.choices((self._kill, self._pause, self._restart, self._drop), (6, 2, 2, 3))[0]
            try:
                await asyncio.to_thread(deed, part)
            except (StackError, NotReady, PartFailed, OSError, psutil.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                # It was down already, by an earlier deed.
                self._note(f"{part} could not be reached: {error}")
            await asyncio.sleep(self._random.uniform(0.2, 1.5))

    def _kill(self, part: str) -> None:
        children = psutil.Process(self._stack.pid(part)).children() if part == "triton" else []
        if children and self._random.random() < 0.5:
            # One model alone, as the kernel does when memory runs out.
            self._random.choice(children).kill()
            self._note("a model's process killed")
        else:
            self._stack.kill(part)
            self._note(f"{part} killed")

    def _pause(self, part: str) -> None:
        seconds = self._random.uniform(0.5, 3.0)
        pid = self._stack.pid(part)
        os.kill(pid, signal.SIGSTOP)
        try:
            self._wait(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        self._note(f"{part} paused for {seconds:.1f} s")

    def _restart(self, part: str) -> None:
        self._stack.restart(part)
        self._note(f"{part} restarted")

    def _drop(self, _part: str) -> None:
        name = self._random.choice((*_DATABASES, *self._proxies))
        if name in self._proxies:
            self._note(f"{self._proxies[name].drop()} connections to {name} dropped")
        else:
            dropped = len(self._stack.fetch("postgres", _TERMINATE, name))
            self._note(f"{dropped} connections to the database of {name} dropped")

    def _wait(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        end = clock() + seconds
        while (left := end - clock()) > 0:
            time.sleep(min(left, 0.1))

    def _note(self, text: str) -> None:
        line = f"{time.monotonic() - self._started:6.1f} s  {text}"
        self.log.append(line)
        print(line, flush=True)
