"""How long an HTTP server asks clients to wait, by `Retry-After` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_DIGITS = 9  # More seconds than any client waits.


def retry_after_of(header: str | None, now: datetime) -> timedelta | None:
    """How long to wait from `now`, given as seconds or as an HTTP date; None without a header, or for one that is neither."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text.lstrip("0")[:_DIGITS] or "0"))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A zone of -0000 is parsed as none; HTTP dates are in UTC.
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(until - now, timedelta())


def asked_seconds(header: str | None) -> int | None:
    """Like `retry_after_of`, from now, in whole seconds, rounded up."""
    pause = retry_after_of(header, datetime.now(UTC))
    return None if pause is None else math.ceil(pause.total_seconds())
