"""When something that failed is tried again: one policy for calls, streams and transfers."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from darkroom.failures import DarkroomFailure


@dataclass(frozen=True)
class Backoff:
    """How often to try something that fails, and how long to wait between attempts."""

    attempts: int = 9
    """With the pauses below, enough to outlive the restart of a part of the server: about 45 s."""
    attempts_unanswered: int = 5
    """The limit while the server has never answered this client: a wrong URL is reported after 3 s."""
    first_seconds: float = 0.2
    longest_seconds: float = 20.0
    patience_seconds: float = 120.0
    """If the server asks for a longer wait than this, the client gives up at once."""

    def pause(self, failures: int, retry_after: float | None = None, *, answered: bool = True) -> float | None:
        """Seconds to wait after this many failures in a row, or None to give up.

        The pause doubles each time, varies by a quarter, and is never shorter than the server asks for.
        """
        attempts = self.attempts if answered else min(self.attempts, self.attempts_unanswered)
        if failures >= attempts or (retry_after or 0) > self.patience_seconds:
            return None
        pause = min(self.longest_seconds, self.first_seconds * 2.0 ** (failures - 1)) * random.uniform(0.75, 1.25)
        return max(pause, retry_after or 0)


class Retries:
    """Counts the failures in a row of one thing, and waits between its attempts."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0

    def reset(self) -> None:
        """Something worked: the next failure counts as the first."""
        self._failures = 0

    async def wait(self, failure: DarkroomFailure, cause: BaseException | None = None, *, answered: bool = True) -> None:
        """Wait before the next attempt. Raises the failure, from its cause, when it is time to give up."""
        self._failures += 1
        pause = self._backoff.pause(self._failures, failure.retry_after, answered=answered)
        if pause is None:
            raise failure from cause
        await asyncio.sleep(pause)
