"""Background work that repeats: dispatchers, relays, reapers, sweepers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from prometheus_client import Counter, Gauge

from services.platform.backoff import Backoff
from services.platform.log import get_logger

Result = TypeVar("Result")
_logger = get_logger()
# Tasks of a lane, and all else that has waited for a loop, go on so soon after an outage, however long that was.
_BACKOFF = Backoff(0.4, 3.0)
_LAST_STEP_SECONDS = 2.0
# A share of the interval. Replicas that began together would otherwise go on looking together.
_SHORTEST_PAUSE = 0.92
# Long pauses end on a whole second, so that the loops of an idle process wake it together: most of a short step's cost is that of waking.
_LONG_SECONDS = 1.5
# How long a step that nothing has woken lets other such steps go first.
_ASIDE_SECONDS = 0.05
_STEPS = Counter("darkroom_loop_steps", "Steps of background loops, by outcome.", ["loop", "outcome"])
_SUCCEEDED = Gauge("darkroom_loop_last_success_timestamp_seconds", "When a loop's last step ended well.", ["loop"])


class Loop:
    """Calls `step` again and again: at once while it returns True (more to do), else after `interval` seconds or when woken. `interval` may
    be a function of the state that the last step has found.

    Steps that nothing has woken take turns if each takes but a moment: what an idle process looks at in the database then takes one
    connection.

    Steps begin at least `spacing` seconds apart, unless there is more to do: a busy loop then handles many wake-ups in fewer steps, while
    an idle one runs at once, `burst` more times if need be.

    When the loop is cancelled, a step under way has a moment to finish. A step that mostly `waits` for something is cancelled at once
    instead, and protects what must be finished with `to_its_end`.

    A step that raises is logged and tried again after a growing pause, of three seconds at most; the loop never ends by itself. Any number
    of replicas may run the same loop, so a step must claim what it works on.
    """

    _unwoken = 0
    """Steps under way, of all loops, that nothing has woken."""
    _next: ClassVar[deque[Loop]] = deque()
    """Those that wait for their turn."""

    def __init__(
        self,
        name: str,
        interval: float | Callable[[], float],
        step: Callable[[], Awaitable[bool]],
        spacing: float = 0.0,
        *,
        burst: int = 0,
        waits: bool = False,
    ) -> None:
        self._name, self._step, self._waits = name, step, waits
        self._interval = interval if callable(interval) else lambda: interval
        self._spacing, self._ahead = spacing, burst * spacing
        self._woken = asyncio.Event()
        self._steps, self._failed_steps = _STEPS.labels(name, "ok"), _STEPS.labels(name, "failed")
        self._succeeded = _SUCCEEDED.labels(name)

    def wake(self) -> None:
        """Run the step soon."""
        self._woken.set()

    async def run(self) -> None:
        """Run until cancelled."""
        failures, next_at, now, unwoken = 0, 0.0, asyncio.get_running_loop().time, False
        while True:
            self._woken.clear()
            next_at = min(max(next_at, now()), now() + self._ahead) + self._spacing
            Loop._unwoken += unwoken
            try:
                more = await (self._step() if self._waits else to_its_end(self._step()))
                failures = 0
                self._steps.inc()
                self._succeeded.set(time.time())
            except Exception as error:
                failures += 1
                self._failed_steps.inc()
                more = False
                # The first, second, fourth and so on: all loops fail while the database is away.
                if failures & (failures - 1) == 0:
                    _logger.warning("loop_failed", loop=self._name, failures=failures, error=repr(error), exc_info=failures == 1)
            finally:
                Loop._unwoken -= unwoken
                if unwoken and Loop._next:
                    Loop._next[0].wake()
            if more:
                continue
            unwoken = await self._pause(failures) and not self._waits
            if (left := next_at - self._ahead - now()) > 0:
                await asyncio.sleep(left)

    async def _pause(self, failures: int) -> bool:
        """Wait until it is time for the next step; whether nothing has woken the loop meanwhile."""
        if failures:
            await asyncio.sleep(_BACKOFF.pause(failures))
            return True
        if await self._woken_within(_until_tick(self._interval() * random.uniform(_SHORTEST_PAUSE, 1.0))):
            return False
        if Loop._unwoken and not self._waits:
            Loop._next.append(self)
            try:
                await self._woken_within(_ASIDE_SECONDS)
            finally:
                Loop._next.remove(self)
        return True

    async def _woken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._woken.wait()
        except TimeoutError:
            return False


def _until_tick(pause: float) -> float:
    """The pause, or one up to the whole second nearest to the end of a long one."""
    now = asyncio.get_running_loop().time()
    return pause if pause < _LONG_SECONDS else round(now + pause) - now


async def to_its_end(work: Awaitable[Result]) -> Result:
    """Run `work`. When cancelled, give it a moment to finish, so that it need not leave what it has claimed to others."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running}, timeout=_LAST_STEP_SECONDS)
        running.cancel()
        raise
