"""Moments as SnapOtter's clients write and read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp

_COMMENT = re.compile(r"\([^()]*\)")
"""As in `Tue Jan 01 2036 00:00:00 GMT+0100 (Central European Standard Time)`."""
_DAYS = ("%Y/%m/%d", "%m/%d/%Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y", "%d %B %Y", "%d %b %Y", "%a %b %d %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S GMT", " %H:%M:%S GMT%z", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = ("%Y", "%Y-%m", *(f"{day}{time}" for day in _DAYS for time in _TIMES))


def instant(moment: Timestamp) -> str:
    """ISO 8601 in UTC with milliseconds, such as `2026-01-31T12:00:00.000Z`."""
    return moment.ToDatetime(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> Timestamp | None:
    """A date, with or without a time, in ISO 8601 or as JavaScript reads it; UTC unless it says otherwise. None for any other text."""
    moment = next(_readings(_COMMENT.sub("", text).strip()), None)
    if moment is None:
        return None
    read = Timestamp()
    try:
        read.FromDatetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return read


def _readings(text: str) -> Iterator[datetime]:
    formats: list[Callable[[str], datetime]] = [partial(_read, format_) for format_ in _FORMATS]
    for read in (datetime.fromisoformat, *formats, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError):
            yield read(text)


def _read(format_: str, text: str) -> datetime:
    return datetime.strptime(text, format_)
