"""The lease on an attempt: renewed by heartbeats, which also carry the progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum, auto
from threading import get_ident
from typing import Any

from services.inference.contract.progress import Progress
from services.inference.worker.client import Admission, AttemptClient
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError
from services.platform.log import get_logger

_NEWS_SECONDS = 1.0
"""Heartbeats that only report progress are at least this far apart."""
_SHORT_SECONDS = 0.25
"""A lease needs no care for so long, unless there is doubt."""
_BACKOFF = Backoff(0.5, 1.0)

_logger = get_logger()


class Outcome(Enum):
    """How the work under a lease has ended."""

    DONE = auto()
    LEASE_LOST = auto()
    INTERRUPTED = auto()


class Lease:
    """Keeps an attempt alive for as long as `keep` runs.

    `admitted_at` is a time of the event loop before the lease began: the lease is counted from there, so that this worker never considers
    it valid for longer than the tasks service does.
    """

    def __init__(self, client: AttemptClient, admission: Admission, admitted_at: float) -> None:
        self._client = client
        self._admission = admission
        self._renewed_at = admitted_at
        self._loop, self._thread = asyncio.get_running_loop(), get_ident()
        self._news = asyncio.Event()
        self._doubt = asyncio.Event()
        self._care: Callable[[], None] | None = None
        self.progress = Progress(self._changed)

    def verify(self) -> None:
        """Ask at once whether the attempt must go on: its task may have been cancelled."""
        self._doubt.set()
        if self._care is not None:
            self._care()

    async def protect(self, work: Coroutine[Any, Any, None], closing: asyncio.Event) -> Outcome:
        """Keep the lease while `work` runs, and stop the work when the lease is lost or `closing` is set. Raises what `work` raises."""
        working = asyncio.current_task()
        assert working is not None
        watching: asyncio.Task[Outcome] | None = None
        over = False

        def watch() -> None:
            nonlocal watching
            self._care = None
            beginning.cancel()
            # A short attempt has only the line of its end.
            _logger.info("attempt_lasts")
            watching = asyncio.create_task(self._watch(closing))
            watching.add_done_callback(interrupt)

        def interrupt(_: object) -> None:
            if not over:
                self.progress.stop()
                working.cancel()

        # Most short tasks end before their lease needs any care.
        beginning = self._loop.call_later(_SHORT_SECONDS, watch)
        self._care = watch
        try:
            await work
            return Outcome.DONE
        except asyncio.CancelledError:
            if watching is None or not watching.done() or working.uncancel():
                raise
            return watching.result()
        finally:
            over = True
            self._care = None
            self.progress.stop()
            beginning.cancel()
            if watching is not None:
                await _stop(watching)

    async def _watch(self, closing: asyncio.Event) -> Outcome:
        """Keep the lease until it is lost or `closing` is set."""
        keeping, closed = asyncio.create_task(self.keep()), asyncio.create_task(_wait(closing))
        try:
            await asyncio.wait((keeping, closed), return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
                return Outcome.LEASE_LOST
            return Outcome.INTERRUPTED
        finally:
            await _stop(keeping, closed)

    async def keep(self) -> None:
        """Send heartbeats; returns when the attempt must stop because it was cancelled or taken over, or the lease expired."""
        await self._pause()
        while await self._renew():
            await self._pause()

    async def _renew(self) -> bool:
        failures = 0
        while True:
            self._doubt.clear()
            sent_at = self._loop.time()
            try:
                current = await self._client.heartbeat(self._admission, *self.progress.state, timeout=self._remaining())
            except DarkroomError as error:
                remaining = self._remaining()
                _logger.warning("heartbeat_failed", reason=error.reason.value, remaining_seconds=round(remaining, 1))
                if remaining <= 0:
                    return False
                failures += 1
                await asyncio.sleep(min(remaining, _BACKOFF.pause(failures)))
                continue
            self._renewed_at = sent_at
            return current

    def _changed(self) -> None:
        if get_ident() == self._thread:
            self._news.set()
        else:
            self._loop.call_soon_threadsafe(self._news.set)

    def _remaining(self) -> float:
        return max(0.0, self._renewed_at + self._admission.lease_seconds - self._loop.time())

    async def _pause(self) -> None:
        """Wait until the next heartbeat is due: sooner if there is progress to report, at once if the attempt may have been cancelled.

        The first may be due already: the lease counts from the last message before the admission, which is up to five seconds old.
        """
        due = self._renewed_at + self._admission.heartbeat_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(due, self._loop.time() + _NEWS_SECONDS)):
                await self._doubt.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._doubt_or_news()
        self._news.clear()

    async def _doubt_or_news(self) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._doubt, self._news)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
