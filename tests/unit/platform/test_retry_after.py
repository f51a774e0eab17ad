"""What `Retry-After` asks for, and how much of it is granted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.platform.retry_after import asked_seconds, retry_after_of
from services.tasks.domain.webhooks.schedule import RetrySchedule

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("007", 7),
        ("Fri, 06 Nov 2026 08:50:37 GMT", 60),
        ("Friday, 06-Nov-26 08:50:37 GMT", 60),
        ("Fri, 06 Nov 2026 08:50:37 -0000", 60),
        ("Fri, 06 Nov 2026 09:50:37 +0100", 60),
        ("Thu, 05 Nov 2026 08:50:37 GMT", 0),
        ("9" * 5000, 999_999_999),
    ],
)
def test_seconds_and_dates(header: str, seconds: int) -> None:
    assert retry_after_of(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "header", [None, "", "soon", "-5", "1.5", "1e3", "١٢", "Fri, 99 Nov 2026 08:50:37 GMT", "Fri, 06 Nov 99999 08:50:37 GMT"]
)
def test_what_says_nothing(header: str | None) -> None:
    assert retry_after_of(header, NOW) is None


def test_whole_seconds_from_now_are_rounded_up() -> None:
    later = asked_seconds(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert later is not None
    assert 3500 < later <= 3600
    assert [asked_seconds(header) for header in (None, "120", "Wed, 21 Oct 2015 07:28:00 GMT", "soon")] == [None, 120, 0, None]


def test_a_pause_is_never_shorter_than_asked_for_within_the_limit() -> None:
    schedule = RetrySchedule(3, timedelta(seconds=10), timedelta(minutes=5), uniform=lambda low, high: 1.0)
    for seconds, granted in ((0, 10), (9, 10), (100, 100), (300, 300), (10**8, 300)):
        assert schedule.pause(1, timedelta(seconds=seconds)) == timedelta(seconds=granted)
    assert schedule.pause(1) == timedelta(seconds=10)
    # The last attempt was the last.
    assert schedule.pause(3, timedelta(seconds=100)) is None
