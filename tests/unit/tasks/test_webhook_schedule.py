"""When a failed delivery is tried again."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from services.tasks.domain.webhooks.config import WebhookSettings
from services.tasks.domain.webhooks.schedule import RetrySchedule


def schedule(spread: float = 1.0) -> RetrySchedule:
    settings = WebhookSettings()
    return RetrySchedule(
        settings.webhook_max_attempts,
        timedelta(seconds=settings.webhook_backoff),
        uniform=lambda low, high: {0.0: low, 1.0: 1.0, 2.0: high}[spread],
    )


def test_the_pauses_grow_over_about_a_day_and_end() -> None:
    pauses = [schedule().pause(tries) for tries in range(1, 13)]
    assert pauses[-1] is None
    assert schedule().pause(13) is None
    seconds = [pause.total_seconds() for pause in pauses if pause is not None]
    assert [round(pause) for pause in seconds[:5]] == [5, 12, 31, 78, 195]
    assert 20 * 3600 < sum(seconds) < 24 * 3600


def test_the_jitter_is_a_fifth() -> None:
    assert schedule(0.0).pause(1) == timedelta(seconds=4)
    assert schedule(2.0).pause(1) == timedelta(seconds=6)


def test_networks_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_WEBHOOK_ALLOWED_NETWORKS", "10.1.0.0/16, fd00:1::/32,")
    assert WebhookSettings().webhook_allowed_networks == (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))
    monkeypatch.setenv("DARKROOM_WEBHOOK_ALLOWED_NETWORKS", "10.1.0.1/16")
    with pytest.raises(ValidationError, match="host bits"):
        WebhookSettings()
