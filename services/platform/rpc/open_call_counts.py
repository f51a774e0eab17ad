"""How many calls accounts have open at the other replicas of a service: each reports its own over NATS.

A replica reports changes at once, at most twenty times a second, and all its counts every two seconds while it has any calls. One that has
reported nothing for seven seconds is taken for dead, and its calls have ended with it. While NATS is away, each replica counts its own.

Calls that begin at several replicas within the same moment do not know of each other: an account may then have a few more open than it may.
"""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from services.platform.bus import Bus, open_calls_subject
from services.platform.log import get_logger
from services.platform.loop import Loop
from services.platform.rpc.open_calls import OpenCalls

_SECONDS, _SPACING, _LIFE_SECONDS = 2.0, 0.05, 7.0
# A little less than the loop's pauses, so that each reports everything.
_COMPLETE_SECONDS = 1.5
# Accounts in a message: some 300 kB.
_MOST = 10_000
_logger = get_logger()


@dataclass(slots=True)
class _Replica:
    heard_at: float
    open: dict[int, int] = field(default_factory=dict)


class OpenCallCounts:
    """Reports to the other replicas of `service` how many calls each account has open in `calls`, and adds theirs to it. `clock` returns
    seconds."""

    def __init__(self, bus: Bus, service: str, calls: OpenCalls, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._subject, self._calls, self._clock = bus, open_calls_subject(service), calls, clock
        self._name = secrets.token_hex(8)
        self._replicas: dict[str, _Replica] = {}
        self._changed: set[int] = set()
        self._complete_at = 0.0
        self.loop = Loop("open_calls", _SECONDS, self.step, _SPACING)
        calls.share(self.elsewhere, self._note)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[OpenCallCounts]:
        """Listen to the others until the block ends, and then report that nothing is open here. `loop` has to run meanwhile."""
        subscription = await self._bus.client.subscribe(self._subject, cb=self._hear)
        try:
            yield self
        finally:
            if not self._bus.client.is_closed:
                await subscription.unsubscribe()
                await self._report({}, complete=True)

    def elsewhere(self, account_id: int) -> int:
        """How many calls an account has open at other replicas, as far as they have said."""
        oldest = self._clock() - _LIFE_SECONDS
        return sum(replica.open.get(account_id, 0) for replica in self._replicas.values() if replica.heard_at > oldest)

    async def step(self) -> bool:
        """Report what has changed, or everything; there is never more to do at once."""
        if not self._bus.client.is_connected:
            return False
        now, here = self._clock(), self._calls.here
        complete = now >= self._complete_at
        if complete:
            self._complete_at = now + _COMPLETE_SECONDS
            self._replicas = {name: one for name, one in self._replicas.items() if one.heard_at > now - _LIFE_SECONDS}
        accounts, self._changed = self._changed | (here.keys() if complete else set()), set()
        if accounts:
            await self._report({account_id: here.get(account_id, 0) for account_id in accounts}, complete=complete)
        return False

    def _note(self, account_id: int) -> None:
        self._changed.add(account_id)
        self.loop.wake()

    async def _report(self, counts: Mapping[int, int], *, complete: bool) -> None:
        items = iter(counts.items())
        while (some := dict(itertools.islice(items, _MOST))) or complete:
            message = {"replica": self._name, "complete": complete, "open": some}
            await self._bus.client.publish(self._subject, json.dumps(message).encode())
            complete = False

    async def _hear(self, message: Msg) -> None:
        try:
            said = json.loads(message.data)
            name, counts = str(said["replica"]), {int(account_id): int(count) for account_id, count in said["open"].items()}
            complete = bool(said["complete"])
        except (ValueError, KeyError, TypeError, AttributeError):
            _logger.warning("open_calls_unreadable", size=len(message.data))
            return
        if name == self._name:
            return
        replica = self._replicas.setdefault(name, _Replica(0.0))
        replica.heard_at = self._clock()
        if complete:
            replica.open.clear()
        for account_id, count in counts.items():
            if count > 0:
                replica.open[account_id] = count
            else:
                replica.open.pop(account_id, None)
