"""Which failures may be temporary, and how long to wait before a retry."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.platform.errors import ErrorReason


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""

    max_attempts: int
    """Attempts when the platform or a part of it was unavailable."""
    max_attempts_internal: int
    """Attempts when the failure was unexpected: a defect fails again, but a rare condition may not recur. Also when the server of an input
    was out of order."""
    max_lost_workers: int
    """Workers that may be lost to a task before it is given up: so many are no coincidence."""
    base: timedelta
    """Upper bound of the pause after the first attempt."""
    limit: timedelta
    """Upper bound of every pause."""
    uniform: Callable[[float, float], float] = random.uniform

    def attempts_allowed(self, reason: ErrorReason, *, passing: bool = False) -> int:
        """How many attempts a task that has just failed in this way gets in total. 1 means no retry: a failure caused by the input would
        recur. `passing`: the reporter of a URL that cannot be fetched, or of a result that cannot be delivered, expects the failure to be
        temporary."""
        if reason in (ErrorReason.UNAVAILABLE, ErrorReason.PROVIDER_UNAVAILABLE, ErrorReason.WORKER_LOST, ErrorReason.RATE_LIMITED):
            return self.max_attempts
        if reason is ErrorReason.DELIVERY_FAILED and passing:
            return self.max_attempts
        if reason is ErrorReason.INTERNAL or (reason is ErrorReason.URL_FETCH_FAILED and passing):
            return min(self.max_attempts, self.max_attempts_internal)
        return 1

    def pause(self, attempt: int) -> timedelta:
        """The pause after the failed attempt number `attempt`, from 1: anything up to `base` doubled `attempt` - 1 times."""
        # The exponent is bounded so that a large setting of attempts cannot overflow.
        longest = min(self.limit, self.base * float(2 ** min(attempt - 1, 30)))
        return longest * self.uniform(0.0, 1.0)
