"""Ids of files as `/v1` writes them: decimal texts."""

from __future__ import annotations

import re

from services.files.domain.errors import not_found

_ID = re.compile(r"[1-9][0-9]{0,14}")


def file_id(text: str) -> int:
    """A file id. Raises FILE_NOT_FOUND for a malformed id, as for one that does not exist."""
    number = number_of(text)
    if number is None:
        raise not_found(text)
    return number


def number_of(text: str) -> int | None:
    """The number of an id; None for a malformed one."""
    return int(text) if _ID.fullmatch(text) else None
