"""Which failures are tried again, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle.retry import RetryPolicy

SECOND = timedelta(seconds=1)


def policy(fraction: float = 1.0, max_attempts: int = 5) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=max_attempts,
        max_attempts_internal=2,
        max_lost_workers=3,
        base=2 * SECOND,
        limit=60 * SECOND,
        uniform=lambda low, high: low + fraction * (high - low),
    )


def test_only_what_may_pass_is_tried_again() -> None:
    allowed = {reason: policy().attempts_allowed(reason) for reason in ErrorReason}
    assert {reason: count for reason, count in allowed.items() if count > 1} == {
        ErrorReason.UNAVAILABLE: 5,
        ErrorReason.PROVIDER_UNAVAILABLE: 5,
        ErrorReason.WORKER_LOST: 5,
        ErrorReason.RATE_LIMITED: 5,
        ErrorReason.INTERNAL: 2,
    }
    assert set(allowed.values()) == {1, 2, 5}


def test_an_unexpected_failure_never_gets_more_attempts_than_the_others() -> None:
    assert policy(max_attempts=1).attempts_allowed(ErrorReason.INTERNAL) == 1


def test_the_longest_pause_doubles_up_to_the_limit() -> None:
    assert [policy().pause(attempt) / SECOND for attempt in (1, 2, 3, 4, 5, 6, 100)] == [2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_the_jitter_takes_the_whole_range(fraction: float) -> None:
    assert policy(fraction).pause(3) == fraction * 8 * SECOND
