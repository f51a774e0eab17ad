"""Dates as Exif and XMP write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_DATE = re.compile(
    r"(\d{4})[:/-](\d{1,2})[:/-](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d{1,9})?)?[ ]?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def exif_date(text: str) -> str | None:
    """`2026-01-31T12:30` and its like as `2026:01:31 12:30:00`; None for what is no date."""
    matched = _DATE.fullmatch(text.strip())
    if matched is None:
        return None
    try:
        return _written(datetime(*(int(part or 0) for part in matched.groups())))  # type: ignore[arg-type]  # six numbers, no zone
    except ValueError:
        return None


def shift_date(text: str, minutes: int) -> str | None:
    """An Exif date moved by this many minutes; None for no date, and if that leaves the years from 1 to 9999."""
    date = exif_date(text.strip("\0 "))
    if date is None:
        return None
    try:
        return _written(datetime.strptime(date, "%Y:%m:%d %H:%M:%S") + timedelta(minutes=minutes))
    except OverflowError:
        return None


def xmp_date(exif: str) -> str:
    """An Exif date as XMP writes it."""
    day, _, time = exif.partition(" ")
    return f"{day.replace(':', '-')}T{time}"


def _written(date: datetime) -> str:
    return f"{date.year:04}:{date:%m:%d %H:%M:%S}"
