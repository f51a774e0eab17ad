"""The rate of a lane from counts at moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.tasks.domain.order.throughput import RateMeter
from services.tasks.model.records import Flow

START = datetime(2026, 3, 1, tzinfo=UTC)


def observed(*counts: tuple[float, int, int]) -> float | None:
    """The rate after observations of (second, departed, offered)."""
    meter = RateMeter()
    for second, departed, offered in counts:
        meter.observe(Flow(departed, offered), START + timedelta(seconds=second))
    return meter.rate


def test_it_is_unknown_until_a_task_has_been_taken_while_others_waited() -> None:
    assert observed() is None
    assert observed((0, 100, 5)) is None
    assert observed((0, 100, 5), (2, 100, 5)) is None
    assert observed((0, 100, 5), (2, 110, 5)) == pytest.approx(5)


@pytest.mark.parametrize("idle", [((0, 0, 0), (2, 50, 5)), ((0, 0, 5), (2, 50, 0)), ((0, 0, 0), (2, 50, 0))])
def test_time_without_demand_says_nothing(idle: tuple[tuple[float, int, int], ...]) -> None:
    assert observed(*idle) is None


def test_tasks_that_last_longer_than_an_interval_are_spread_over_their_time() -> None:
    counts = [(second, second // 20, 5) for second in range(0, 401, 2)]
    assert observed(*counts) == pytest.approx(1 / 20, rel=0.2)


def test_it_follows_a_change_and_a_standstill() -> None:
    slow = [(second, second, 5) for second in range(0, 200, 2)]
    fast = [(second, 198 + 10 * (second - 198), 5) for second in range(200, 800, 2)]
    assert observed(*slow) == pytest.approx(1, rel=0.01)
    assert observed(*slow, *fast) == pytest.approx(10, rel=0.1)
    still = [(second, 198, 5) for second in range(200, 800, 2)]
    assert (observed(*slow, *still) or 0) < 0.05


def test_two_looks_at_the_same_moment_change_nothing() -> None:
    assert observed((0, 0, 5), (2, 10, 5), (2, 10, 5)) == pytest.approx(5)
