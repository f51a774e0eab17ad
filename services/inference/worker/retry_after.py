"""When to come back, as a provider or storage says it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import httpx

from services.common.retry_after import asked


def retry_after(response: httpx.Response) -> int | None:
    """Seconds of the response's `Retry-After`, rounded up; None without one that can be read."""
    pause = asked(response.headers.get("retry-after"), datetime.now(UTC))
    return None if pause is None else math.ceil(pause.total_seconds())
