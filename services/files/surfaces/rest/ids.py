"""Ids of files as `/v1` writes them: decimal texts."""

from __future__ import annotations

import re

from services.files.domain.errors import not_found

_ID = re.compile(r"[1-9][0-9]{0,14}")


def file_id(text: str) -> int:
    """A file id. Raises FILE_NOT_FOUND for a malformed id, as for one that does not exist."""
    if not _ID.fullmatch(text):
        raise not_found(text)
    return int(text)
