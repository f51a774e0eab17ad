"""How much of one kind of work a process does at the same time, in all and for each account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.platform.errors import DarkroomError, ErrorReason

_BUSY_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Slots:
    """Refuses what is too much; nothing waits here."""

    most: int
    each: int
    """For one account."""
    account_is_full: str
    """The message for an account with too many."""
    process_is_full: str
    _taken: Counter[int] = field(default_factory=Counter)

    @contextmanager
    def take(self, account_id: int) -> Iterator[None]:
        """Count one more. Raises RATE_LIMITED for an account with too many, and UNAVAILABLE when there are too many in all."""
        if self._taken[account_id] >= self.each:
            raise DarkroomError(ErrorReason.RATE_LIMITED, self.account_is_full, retry_after=_BUSY_SECONDS)
        if self._taken.total() >= self.most:
            raise DarkroomError(ErrorReason.UNAVAILABLE, self.process_is_full, retry_after=_BUSY_SECONDS)
        self._taken[account_id] += 1
        try:
            yield
        finally:
            self._taken[account_id] -= 1
            if not self._taken[account_id]:
                del self._taken[account_id]
