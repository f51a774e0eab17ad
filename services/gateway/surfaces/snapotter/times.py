"""Moments as SnapOtter's clients write and read them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from google.protobuf.timestamp_pb2 import Timestamp


def instant(moment: Timestamp) -> str:
    """ISO 8601 in UTC with milliseconds, such as `2026-01-31T12:00:00.000Z`."""
    return moment.ToDatetime(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> Timestamp | None:
    """A date, or a date and a time, in ISO 8601 or as in mail; UTC unless it says otherwise. None for any other text."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
    read = Timestamp()
    try:
        read.FromDatetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return read
