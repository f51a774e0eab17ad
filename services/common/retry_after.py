"""How long an HTTP server asks to be left alone, by `Retry-After` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_DIGITS = 9  # More seconds than anybody waits.


def asked(header: str | None, now: datetime) -> timedelta | None:
    """How long from `now`, by a number of seconds or by an HTTP date; None for no header, and for one that says nothing of the kind."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text.lstrip("0")[:_DIGITS] or "0"))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A zone of -0000 is read as none; HTTP dates are of UTC.
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(until - now, timedelta())


def asked_seconds(header: str | None) -> int | None:
    """As `asked`, from now, in whole seconds, rounded up."""
    pause = asked(header, datetime.now(UTC))
    return None if pause is None else math.ceil(pause.total_seconds())
